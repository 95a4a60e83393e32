"""A picture file opened by a library other than libvips: its header is known, and a call decodes it.

A format that such a library reads is a module with ``open_file(file, page)``, which returns an :class:`Opened` and decodes no
pixel, and if it is written too, ``encode``. It is added to :data:`srgan.image.formats.FORMATS` and to
:data:`srgan.image.readers.READERS`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from srgan.image.file_metadata import FileMetadata


class DamagedError(ValueError):
    """The bytes are no whole picture of their format."""


@dataclass(frozen=True)
class Decoded:
    """Pixels, and what only decoding tells."""

    pixels: NDArray[Any]
    """[height, width, bands], uint8 or uint16 of full range."""
    icc: bytes | None = None
    """Counts more than what the header says, if it is there."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """What the header says, and how to get the pixels."""

    width: int
    """Pixels, upright."""
    height: int
    bands: int
    depth: int
    decode: Callable[[], NDArray[Any] | Decoded]
    """Returns the pixels, perhaps with what belongs to them; raises DamagedError."""
    pages: int = 1
    icc: bytes | None = None
    metadata: FileMetadata = field(default_factory=FileMetadata)


@contextmanager
def damage() -> Iterator[None]:
    """Let whatever a library raises for wrong bytes say that they are wrong."""
    try:
        yield
    except DamagedError:
        raise
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, EOFError, struct.error) as error:
        raise DamagedError(" ".join(str(error).split())[:160] or "no reason given") from None
    except (OverflowError, ZeroDivisionError, AttributeError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(" ".join(str(error).split())[:160] or "no reason given") from None
