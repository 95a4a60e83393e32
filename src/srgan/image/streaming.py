"""A picture becomes a file while it is still being computed: band by band, whole or not at all.

libvips can write JPEG, PNG and TIFF from top to bottom, and wants to ask for the rows itself. So it runs on a thread of
its own and reads from a pipe, into which the bands are put as a PNG without compression: the one stream of rows that it
reads in each depth and number of channels. The pipe holds next to nothing; a slow encoder makes the computing wait.
"""

from __future__ import annotations

import os
import struct
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ImageWriteError
from srgan.files import atomic_path
from srgan.image import pnm, tiff, vips, writing
from srgan.image.boxes import BoxError
from srgan.image.fitting import fitted
from srgan.image.formats import Format
from srgan.image.picture import Picture

STREAMED = ("JPEG", "PNG", "TIFF", "PNM")
"""Formats that can be written from top to bottom. WebP, AVIF and GIF encoders need the whole picture, and hold no more
than 65,535 pixels a side; BMP begins at the bottom."""

_STRIP_BYTES = 1 << 22
_PNG_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


class Sink:
    """Takes the rows of a picture from top to bottom."""

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows, [n, width, channels] of the depth and channels that the picture has."""
        raise NotImplementedError


def can_stream(path: str | os.PathLike[str]) -> bool:
    """Return whether the format that a file of this name is written in can be streamed; UsageError if it is none."""
    return writing.format_of(path).name in STREAMED


@contextmanager
def stream(
    picture: Picture,
    path: str | os.PathLike[str],
    height: int,
    width: int,
    *,
    overwrite: bool = False,
    quality: int | None = None,
) -> Iterator[Sink]:
    """Open a file for the rows of a picture that was made from ``picture``; it takes its place when the block ends well.

    The file has the same pixels, and the same metadata, as :func:`srgan.image.write` gives it; JPEG files are a few
    per cent larger, as their code tables are not fitted to the picture, for which all of it would have to be kept.

    Parameters
    ----------
    picture : depth, channels, profile, EXIF and so on; the resolution grows with the size
    height, width : of the new picture, in pixels; so many rows must be written before the block ends
    overwrite, quality : as for :func:`srgan.image.write`

    Raises
    ------
    OutputExistsError, UsageError, ImageWriteError
        as :func:`srgan.image.write`, and ImageWriteError from ``Sink.write``; nothing is left behind
    """
    path = Path(path)
    kind = writing.checked_format(path, width, height, quality)
    if picture.multiband:
        writing.check_bands(path, picture.pixels.shape[2])
    if kind.name not in STREAMED:
        raise ImageWriteError(path, f"{kind.name} pictures are written whole: write PNG or TIFF")
    with atomic_path(path, overwrite=overwrite, error=ImageWriteError) as partial, partial.open("w+b") as out:
        make = _PnmSink if kind.name == "PNM" else _VipsSink
        with _finished(path, kind, lambda: make(picture, kind, out, height, width, quality)) as sink:
            yield sink


PageOpener = Callable[[Picture, int, int], AbstractContextManager[Sink]]
"""Called with the picture that a page is made from, height and width of the page; gives what takes its rows."""


@contextmanager
def stream_pages(path: str | os.PathLike[str], *, nbytes: int, overwrite: bool = False) -> Iterator[PageOpener]:
    """Open a TIFF file for several pages, one after the other, each with the metadata of its own picture.

    Parameters
    ----------
    nbytes : of the pixels of all pages: what is too large for the classic kind of TIFF becomes a BigTIFF
    overwrite, errors : as for :func:`stream`
    """
    path = Path(path)
    kind = writing.format_of(path)
    if kind.name != "TIFF":
        raise ImageWriteError(path, f"{kind.name} files have one page: write TIFF")
    with atomic_path(path, overwrite=overwrite, error=ImageWriteError) as partial, partial.open("w+b") as out:

        @contextmanager
        def page(picture: Picture, height: int, width: int) -> Iterator[Sink]:
            with tempfile.TemporaryFile(dir=partial.parent) as file:
                make = lambda: _VipsSink(picture, kind, file, height, width, None, nbytes)  # noqa: E731
                with _finished(path, kind, make) as sink:
                    yield sink
                tiff.append(out, file)

        yield page


@contextmanager
def _finished(path: Path, kind: Format, make: Callable[[], _FileSink]) -> Iterator[Sink]:
    """Give a sink and complete its file after the block, or stop it."""
    try:
        sink = make()
        try:
            yield sink
            sink.finish()
        finally:
            sink.close()
    except (vips.Error, BoxError) as error:
        raise writing.encoder_error(path, kind, error) from None


class _FileSink(Sink):
    """What the sinks share: rows are brought to what the format can hold, and counted."""

    def __init__(
        self,
        picture: Picture,
        kind: Format,
        out: BinaryIO,
        height: int,
        width: int,
        quality: int | None,
        nbytes: int = 0,
    ) -> None:
        self.height, self.width = height, width
        self.picture, self.kind = picture, kind
        sample = self._fitted(picture.pixels[:1, :1])
        self.channels = sample.pixels.shape[2]
        self.deep = sample.pixels.dtype == np.uint16
        self.out = out
        self.nbytes = nbytes
        self.rows = 0
        self._begin(replace(picture, icc=sample.icc), kind, quality)

    def _begin(self, picture: Picture, kind: Format, quality: int | None) -> None:
        raise NotImplementedError

    def write(self, rows: NDArray[Any]) -> None:
        """Take the next rows; see :class:`Sink`."""
        step = max(_STRIP_BYTES // (self.width * self.channels * 2), 1)
        for top in range(0, len(rows), step):
            strip = self._fitted(rows[top : top + step]).pixels
            strip = strip.astype(">u2") if self.deep else strip
            if strip.shape[1:] != (self.width, self.channels):
                raise ValueError(f"rows have {strip.shape[1:]} pixels and channels, not {(self.width, self.channels)}")
            self._put(np.ascontiguousarray(strip).reshape(len(strip), -1).view(np.uint8))
        self.rows += len(rows)

    def _fitted(self, rows: NDArray[Any]) -> Picture:
        return fitted(replace(self.picture, pixels=rows), self.kind)

    def _put(self, rows: NDArray[np.uint8]) -> None:
        """Take rows as bytes, 16 bits in big-endian order."""
        raise NotImplementedError

    def finish(self) -> None:
        """Complete the file after the last row."""
        if self.rows != self.height:
            raise ValueError(f"{self.rows} rows were written, not {self.height}")

    def close(self) -> None:
        """Stop, whether the file is complete or not."""


class _PnmSink(_FileSink):
    def _begin(self, picture: Picture, kind: Format, quality: int | None) -> None:
        del picture, kind, quality
        self.out.write(pnm.header_bytes(self.width, self.height, self.channels, deep=self.deep))

    def _put(self, rows: NDArray[np.uint8]) -> None:
        self.out.write(rows.data)


class _VipsSink(_FileSink):
    def _begin(self, picture: Picture, kind: Format, quality: int | None) -> None:
        self._failure: Exception | None = None
        self._open = True
        self._bands = self.channels if picture.multiband else 1
        self._reading, self._writing = os.pipe()
        self._deflate = zlib.compressobj(0)
        self._thread = threading.Thread(
            target=self._encode, args=(picture, kind, quality), name="srgan-encode", daemon=True
        )
        self._thread.start()
        self._send(b"\x89PNG\r\n\x1a\n")
        # Bands go through the pipe side by side, as gray ones.
        kind_of_colour = _PNG_COLOUR_TYPES[1 if picture.multiband else self.channels]
        head = self.width * self._bands, self.height, 16 if self.deep else 8, kind_of_colour, 0, 0, 0
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", *head))

    def _encode(self, picture: Picture, kind: Format, quality: int | None) -> None:
        try:
            image = vips.load_pipe("PNG", self._reading, unlimited=True)
            image = image.copy()
            image.remove("bits-per-sample")  # which would be the depth that is written
            if self._bands > 1:
                image = image.bandfold(factor=self._bands).copy(interpretation="multiband")
            writing.encode(image, picture, kind, self.out, quality, streamed=True, nbytes=self.nbytes)
        except Exception as error:  # handed to the thread that writes, whatever it is
            self._failure = error.with_traceback(None)
        finally:
            while os.read(self._reading, 1 << 20):  # so that nobody waits for room in the pipe
                pass

    def _put(self, rows: NDArray[np.uint8]) -> None:
        filtered = np.zeros((len(rows), rows.shape[1] + 1), np.uint8)  # each row begins with its filter: none
        filtered[:, 1:] = rows
        self._chunk(b"IDAT", self._deflate.compress(filtered.data))

    def _chunk(self, kind: bytes, data: bytes) -> None:
        self._send(struct.pack(">I", len(data)) + kind)
        self._send(data)
        self._send(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._failure is not None:
                raise self._failure
            view = view[os.write(self._writing, view) :]

    def finish(self) -> None:
        super().finish()
        self._chunk(b"IDAT", self._deflate.flush())
        self._chunk(b"IEND", b"")
        self.close()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._writing)  # the encoder sees the end, and fails if it comes too early
            self._thread.join()
            os.close(self._reading)
