"""What this process takes of the machine's memory."""

from __future__ import annotations

from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
needs_proc = pytest.mark.skipif(not STATUS.exists(), reason="reads /proc")


def resident() -> int:
    """Return the bytes that are in memory now."""
    return int(STATUS.read_text(encoding="ascii").split("VmRSS:")[1].split()[0]) * 1024
