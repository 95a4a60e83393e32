"""``srgan models``."""

from __future__ import annotations


def models_command() -> None:
    """To be built."""
    raise NotImplementedError
