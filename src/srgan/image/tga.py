"""What a TGA file says beside its pixels: an identification, and the extension area of version 2.

(Truevision TGA File Format Specification 2.0, sections "Image ID" and "Extension Area".)
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from srgan.image.file_metadata import FileMetadata
from srgan.image.text import COMMENT, Text

_FOOTER = b"TRUEVISION-XFILE.\0"
_EXTENSION_BYTES = 495


def read(file: BinaryIO) -> FileMetadata:
    """Return the metadata of an open TGA file; its place is left anywhere."""
    file.seek(0)
    head = file.read(18)
    texts = _said(((COMMENT, file.read(head[0]) if head else b""),))
    extension = _extension(file)
    if extension is None:
        return FileMetadata(texts=tuple(texts))
    lines = [_text(extension[43 + 81 * line :][:81]) for line in range(4)]
    texts += _said(
        (
            ("Author", extension[2:43]),
            (COMMENT, "\n".join(lines).strip().encode("latin-1", "replace")),
            ("Title", extension[379:420]),
            ("Software", extension[426:467]),
        )
    )
    wide, high = struct.unpack_from("<2H", extension, 474)
    aspect = (float(high), float(wide)) if wide and high and wide != high else None
    return FileMetadata(texts=tuple(texts), aspect=aspect)


def _extension(file: BinaryIO) -> bytes | None:
    if file.seek(0, os.SEEK_END) < 26 + _EXTENSION_BYTES:
        return None
    file.seek(-26, os.SEEK_END)
    footer = file.read(26)
    at = struct.unpack_from("<I", footer)[0]
    if footer[8:] != _FOOTER or not at:
        return None
    file.seek(at)
    data = file.read(_EXTENSION_BYTES)
    return data if len(data) == _EXTENSION_BYTES else None


def _said(fields: tuple[tuple[str, bytes], ...]) -> list[Text]:
    return [Text(name, text) for name, data in fields if (text := _text(data)) and text.isprintable() | ("\n" in text)]


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("latin-1").strip()
