"""``srgan evaluate``."""

from __future__ import annotations


def evaluate_command() -> None:
    """To be built."""
    raise NotImplementedError
