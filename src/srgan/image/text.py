"""What people and programs write into a picture as text: PNG's chunks, JPEG's and GIF's comments."""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import dataclass

from srgan.image.png import Chunk

COMMENT = "Comment"
"""Keyword of a text that a file gives no name to."""

XMP_KEYWORD = "XML:com.adobe.xmp"

_MOST_TEXT = 16 << 20
_COMPRESSED_FROM = 2048


@dataclass(frozen=True)
class Text:
    """A keyword of at most 79 characters, as PNG defines it, and its text, with the language if the file names one."""

    keyword: str
    text: str
    language: str = ""
    translated: str = ""
    """The keyword in that language."""


def from_png(chunk: Chunk) -> Text | None:
    """Return the text of a chunk tEXt, zTXt or iTXt; None for another chunk, and for a damaged or enormous one."""
    keyword, _, rest = chunk.data.partition(b"\0")
    name = keyword.decode("latin-1")
    with suppress(zlib.error, UnicodeDecodeError, ValueError):
        if chunk.kind == b"tEXt":
            return Text(name, rest.decode("latin-1"))
        if chunk.kind == b"zTXt" and rest[:1] == b"\0":
            return Text(name, _unpacked(rest[1:]).decode("latin-1"))
        if chunk.kind == b"iTXt" and len(rest) >= 2:
            packed = rest[0] == 1
            language, translated, text = rest[2:].split(b"\0", 2)
            body = (_unpacked(text) if packed else text).decode("utf-8")
            return Text(name, body, language.decode("latin-1"), translated.decode("utf-8"))
    return None


def to_png(text: Text) -> Chunk:
    """Return the chunk: tEXt where Latin-1 is enough, iTXt elsewhere; long ones are compressed."""
    keyword = text.keyword.encode("latin-1", "replace")[:79] or b"Comment"
    plain = None
    if not text.language and not text.translated:
        with suppress(UnicodeEncodeError):
            plain = text.text.encode("latin-1")
    if plain is not None:
        if b"\0" not in plain and len(plain) < _COMPRESSED_FROM:
            return Chunk(b"tEXt", keyword + b"\0" + plain)
        return Chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(plain, 9))
    body = text.text.encode("utf-8", "replace")
    packed = len(body) >= _COMPRESSED_FROM
    head = keyword + (b"\0\1\0" if packed else b"\0\0\0") + text.language.encode("latin-1", "replace") + b"\0"
    head += text.translated.encode("utf-8", "replace") + b"\0"
    return Chunk(b"iTXt", head + (zlib.compress(body, 9) if packed else body))


def from_comment(data: bytes) -> Text:
    """Return a comment of a JPEG or GIF file, which has no stated encoding: UTF-8 where it is that, else Latin-1."""
    data = data.rstrip(b"\0")
    try:
        return Text(COMMENT, data.decode("utf-8"))
    except UnicodeDecodeError:
        return Text(COMMENT, data.decode("latin-1"))


def to_comment(text: Text) -> bytes:
    """Return a comment for a JPEG or GIF file, with the keyword before it unless it is a comment's own."""
    said = text.text if text.keyword == COMMENT else f"{text.keyword}: {text.text}"
    return said.encode("utf-8", "replace")


RAW_PROFILE = "Raw profile type "
"""How ImageMagick names the texts in which it keeps blocks that PNG has no chunk for; exiftool reads and writes them too."""


def raw_profile(text: Text) -> tuple[str, bytes] | None:
    """Return the kind, in lower case, and the bytes of a block that a PNG file holds as text; None for any other text."""
    name = text.keyword.removeprefix(RAW_PROFILE)
    if name == text.keyword:
        return None
    try:
        _, size, digits = text.text.strip().split("\n", 2)
        body = bytes.fromhex(digits)
    except ValueError:
        return None
    return (name.lower(), body) if len(body) == int(size) else None


def _unpacked(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    out = stream.decompress(data, _MOST_TEXT)
    if stream.unconsumed_tail or not stream.eof:
        raise ValueError("larger than any text, or cut short")
    return out
