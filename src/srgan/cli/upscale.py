"""``srgan upscale``."""

from __future__ import annotations


def upscale_command() -> None:
    """To be built."""
    raise NotImplementedError
