"""What results are called, as safely as clients call their pictures freely."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from srgan.text import DIRECTIONS

_UNSAFE = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{DIRECTIONS}/\\:]+")


def attachment(name: str) -> str:
    """Return the header that names a file (RFC 6266): plainly for curl, which knows no other way, and in full."""
    plain = re.sub(r"[^ !#-$&-\[\]-~]", "_", name)  # neither quotes, backslashes nor per cent signs
    return f"attachment; filename=\"{plain}\"; filename*=utf-8''{quote(name)}"


def stem(name: str) -> str:
    """Return what a result is called after: the client's name without folders, control characters, marks of direction."""
    stem = Path(_UNSAFE.sub("_", name.rpartition("/")[2].rpartition("\\")[2])).stem
    return stem.encode("utf-8", "ignore").decode()[:100].strip(" .") or "picture"
