"""Subtitles that are text, from the codec of one container to that of another.

(SubRip; W3C WebVTT; 3GPP TS 26.245 for MOV's and MP4's timed text; Advanced SubStation Alpha as Matroska stores it.)
"""

from __future__ import annotations

import html
import re
import struct

_TEXT = ("subrip", "srt", "webvtt", "mov_text", "ass", "ssa", "text")
"""Codecs of FFmpeg's whose packets are text."""
_OF_CONTAINER = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}

HEADER = b"""[Script Info]
ScriptType: v4.00+
PlayResX: 384
PlayResY: 288

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""Styles that FFmpeg's encoders of subtitles ask for: with them a stream gets its description."""

_FIELDS_BEFORE_TEXT = 8
_TAGS = re.compile(r"<(/?)([A-Za-z]+)[^>]*>")
_OVERRIDE = re.compile(r"\{[^}]*\}")
_SWITCH = re.compile(r"\{\\([ibu])([01])\}")


def codec_for(suffix: str, codec: str) -> str | None:
    """Return what subtitles of a codec become in a container; None if they are no text, or it holds none."""
    return _OF_CONTAINER.get(suffix) if codec in _TEXT else None


def converted(data: bytes, before: str, after: str) -> bytes | None:
    """Return a packet of one codec as one of another; None for one that shows nothing.

    Italics, bold and underlining stay where both have them, other formatting goes.
    """
    text = _marked(data, before)
    if not text.strip():
        return None
    if after == "mov_text":
        plain = html.unescape(_TAGS.sub("", text)).encode()[:65_535]
        return struct.pack(">H", len(plain)) + plain
    if after == "webvtt":
        # A blank line would end it.
        return re.sub(r"\n{2,}", "\n", text).encode()
    return html.unescape(text).encode()


def loses_formatting(before: str, after: str) -> bool:
    """Return whether more than text and times may be lost."""
    return before in ("ass", "ssa", "mov_text") or after == "mov_text"


def _marked(data: bytes, codec: str) -> str:
    """Return text with tags of italics, bold and underlining; other special characters are those of HTML."""
    if codec == "mov_text":
        size = struct.unpack_from(">H", data)[0] if len(data) >= 2 else 0
        return html.escape(data[2 : 2 + size].decode("utf-8", "replace"), quote=False)
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").strip("\n\0")
    if codec in ("ass", "ssa"):
        text = text.split(",", _FIELDS_BEFORE_TEXT)[-1].replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")
        text = html.escape(text, quote=False)
        text = _SWITCH.sub(lambda found: f"<{'' if found[2] == '1' else '/'}{found[1]}>", text)
        return _OVERRIDE.sub("", text)
    if codec != "webvtt":
        text = re.sub(r"&(?!\w+;)", "&amp;", text)
    return _TAGS.sub(lambda found: f"<{found[1]}{found[2]}>" if found[2].lower() in ("i", "b", "u") else "", text)
