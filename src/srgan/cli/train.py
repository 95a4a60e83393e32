"""``srgan train``."""

from __future__ import annotations


def train_command() -> None:
    """To be built."""
    raise NotImplementedError
