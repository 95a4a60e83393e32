"""What follows the picture in a JPEG file: a gain map for bright displays, the video of a moving picture, another shot.

(CIPA DC-007; Google's Ultra HDR image format 1.1 and Motion Photo format 1.0; ISO 21496-1.) A gain map is enlarged with the
picture, a video goes along as it is; what else there is gets a line, and what promises it goes from the XMP.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from srgan.image import jpeg_segments, vips, xmp
from srgan.image.change import Change
from srgan.image.pixels import upright

GAIN_MAP, VIDEO, PREVIEW, PICTURE, UNKNOWN = "gain map", "video", "preview", "picture", "unknown"

_MOST_BYTES = 512 << 20
_MAP_QUALITY = 95
_BUILT_IN_XMP = b"hdr-gain-map/1.0/"


@dataclass(frozen=True)
class Part:
    """One of the things behind the picture: its kind, and its bytes."""

    kind: str
    data: bytes
    announced: tuple[bytes, ...] = ()
    """Contents of segments of the picture itself that announce it."""


# --- Reading ---------------------------------------------------------------------------------------------------------


def read(file: BinaryIO, said: jpeg_segments.Segments) -> tuple[Part, ...]:
    """Return what follows the picture of an open JPEG file."""
    size = file.seek(0, os.SEEK_END)
    if not 0 < said.end < size or size - said.end > _MOST_BYTES:
        return (Part(UNKNOWN, b""),) if 0 < said.end < size else ()
    file.seek(said.end)
    rest = file.read()
    promised = _promised(said.xmp)
    video = promised.get("MotionPhoto", 0)
    video = video if 0 < video <= len(rest) else 0
    found = _split(rest[: len(rest) - video], said.end, _previews(said))
    if video:
        found.append(Part(VIDEO, rest[-video:]))
    maps = [part for part in found if part.kind == GAIN_MAP]
    if "GainMap" in promised and not maps:  # by the order of what is promised: of the pictures, it is the first
        first = next((part for part in found if part.kind == PICTURE), None)
        found = [replace(part, kind=GAIN_MAP) if part is first else part for part in found]
    announced = tuple(said.gain_map)
    return tuple(replace(part, announced=announced) if part.kind == GAIN_MAP else part for part in found)


def _promised(packet: bytes | None) -> dict[str, int]:
    """Return the bytes that XMP promises behind the picture, by what they are: ``GainMap``, ``MotionPhoto``."""
    text = (packet or b"").decode("utf-8", "replace")
    found: dict[str, int] = {}

    def note(block: str) -> str:
        local = xmp.declared(text, block, xmp.CONTAINER_ITEM)
        semantic = xmp.value(local, xmp.CONTAINER_ITEM, "Semantic")
        length = xmp.value(local, xmp.CONTAINER_ITEM, "Length") or "0"
        if semantic and length.isdecimal():
            found[semantic] = int(length)
        return block

    xmp.blocks(text, xmp.CONTAINER, "Item", note)
    offset = xmp.value(text, xmp.CAMERA, "MicroVideoOffset") or ""
    if offset.isdecimal():
        found.setdefault("MotionPhoto", int(offset))
    return found


def _split(rest: bytes, start: int, previews: set[int]) -> list[Part]:
    """Return what is found one behind the other, in bytes that begin at a place in the file."""
    found: list[Part] = []
    at = 0
    while at < len(rest):
        if rest.startswith(b"\xff\xd8\xff", at):
            end = jpeg_segments.end_of(rest, at) or len(rest)
            data = rest[at:end]
            found.append(Part(PREVIEW if start + at in previews else GAIN_MAP if _is_gain_map(data) else PICTURE, data))
            at = end
        elif rest[at + 4 : at + 8] == b"ftyp":
            return [*found, Part(VIDEO, rest[at:])]  # with whatever its maker put behind it
        else:
            following = _BEGINNING.search(rest, at)
            between = rest[at : following.start() if following else len(rest)]
            if between.strip(b"\0\xff\xd9\r\n "):
                found.append(Part(UNKNOWN, between))
            at += len(between)
    return found


_BEGINNING = re.compile(rb"\xff\xd8\xff|....ftyp", re.DOTALL)


def _is_gain_map(data: bytes) -> bool:
    head = data[:65_536]
    return _BUILT_IN_XMP in head or jpeg_segments.GAIN_MAP in head or b"hdrgainmap" in head.lower()


def _previews(said: jpeg_segments.Segments) -> set[int]:
    """Return the places of smaller copies, by the index of the pictures (MP entries of class 1)."""
    if said.multi_picture is None:
        return set()
    index, base = said.multi_picture
    return {base + place for kind, _, place in entries(index) if kind >> 16 & 0xF == 1 and place}


def entries(index: bytes) -> list[tuple[int, int, int]]:
    """Return attribute, bytes and place of each picture in the index of a multi-picture file; none if it is damaged."""
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[index[:4]]
        first = struct.unpack_from(order + "I", index, 4)[0]
        for number in range(struct.unpack_from(order + "H", index, first)[0]):
            tag, _, count, place = struct.unpack_from(order + "HHII", index, first + 2 + 12 * number)
            if tag == 0xB002:
                return [struct.unpack_from(order + "3I", index, place + at) for at in range(0, min(count, 1600), 16)]
    except (KeyError, struct.error):
        pass
    return []


# --- Into the new file -----------------------------------------------------------------------------------------------


def prepared(parts: Sequence[Part], kind: str, change: Change) -> tuple[tuple[Part, ...], list[str]]:
    """Return the parts that a file of a format gets, brought along with the picture, and words for the others."""
    kept: list[Part] = []
    notes: list[str] = []
    for part in parts:
        if part.kind == PREVIEW:
            continue
        if kind == "JPEG" and part.kind == VIDEO:
            kept.append(part)
        elif kind == "JPEG" and part.kind == GAIN_MAP and (larger := _larger_map(part.data, change)) is not None:
            kept.append(Part(GAIN_MAP, larger, part.announced))
        else:
            notes.append(_WORDS[part.kind].format(size=_size(len(part.data))))
    return tuple(kept), notes


_WORDS = {
    GAIN_MAP: "the gain map for bright displays (HDR)",
    VIDEO: "the video of the moving picture ({size})",
    PICTURE: "another picture in the file (the second eye, or another shot)",
    UNKNOWN: "{size} behind the picture, of no known kind",
}


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count:,} bytes" if count else "much data"


def _larger_map(data: bytes, change: Change) -> bytes | None:
    """Return a gain map enlarged as the picture is, with its own XMP and parameters; None if it cannot be decoded."""
    said = jpeg_segments.read_bytes(data)
    try:
        pixels = vips.to_array(vips.load_bytes("JPEG", data), 8)
        pixels = upright(pixels, change.origin.orientation)
        image = vips.from_array(pixels)
        across, down = change.factors
        wide = min(max(round(image.width * across), 1), change.width)
        high = min(max(round(image.height * down), 1), change.height)
        image = image.resize(wide / image.width, vscale=high / image.height, kernel="cubic")
        made = vips.to_bytes(
            image, "jpegsave_target", Q=_MAP_QUALITY, optimize_coding=True, subsample_mode="off", keep=0
        )
    except (vips.Error, vips.UnsupportedError):
        return None
    segments = jpeg_segments.jfif(0, 1, 1)
    if said.xmp is not None:
        segments += jpeg_segments.segment(0xE1, jpeg_segments.XMP + said.xmp)
    segments += b"".join(jpeg_segments.segment(0xE2, body) for body in said.gain_map)
    return jpeg_segments.Beginning(segments)(made)


def promises(data: bytes, parts: Sequence[Part]) -> bytes:
    """Return XMP that promises what there is, with its new sizes, and nothing else."""
    if not any(uri.encode() in data for uri in (xmp.CAMERA, xmp.CONTAINER, xmp.GAIN_MAP)):
        return data
    return _promises(data.decode("utf-8", "surrogateescape"), parts).encode("utf-8", "surrogateescape")


def _promises(packet: str, parts: Sequence[Part]) -> str:
    kinds = [part.kind for part in parts]
    if GAIN_MAP not in kinds:
        packet = xmp.without(packet, xmp.GAIN_MAP, (r"[\w.-]+",))
    if VIDEO not in kinds:
        packet = xmp.without(packet, xmp.CAMERA, (r"MicroVideo\w*", r"MotionPhoto\w*"))
    if not parts:
        return xmp.without(packet, xmp.CONTAINER, ("Directory",))
    sizes = {"GainMap": GAIN_MAP, "MotionPhoto": VIDEO}

    def item(block: str) -> str:
        local = xmp.declared(packet, block, xmp.CONTAINER_ITEM)
        semantic = xmp.value(local, xmp.CONTAINER_ITEM, "Semantic")
        part = next((part for part in parts if part.kind == sizes.get(semantic or "")), None)
        if part is not None:
            size = str(len(part.data))
            local = xmp.replace(local, xmp.CONTAINER_ITEM, "Length", lambda _: size)
            return xmp.undeclared(local)
        return block if semantic == "Primary" else ""

    rdf = xmp.prefixes(packet, "http://www.w3.org/1999/02/22-rdf-syntax-ns#") or ["rdf"]
    in_list = rf"<{rdf[0]}:li\b(?:[^>]*/>|.*?</{rdf[0]}:li\s*>)\s*"
    packet = xmp.blocks(
        packet, xmp.CONTAINER, "Directory", lambda block: re.sub(in_list, lambda m: item(m[0]), block, flags=re.DOTALL)
    )
    video = next((len(part.data) for part in parts if part.kind == VIDEO), 0)
    return xmp.replace(packet, xmp.CAMERA, "MicroVideoOffset", lambda old: str(video) if video else old)


def index_segments(parts: Sequence[Part]) -> bytes:
    """Return segments that announce a gain map: its own, and an index of pictures, which :func:`append` completes."""
    maps = [part for part in parts if part.kind == GAIN_MAP]
    if not maps:
        return b""
    index = _index([(0, 0, 0)] * (1 + len(maps)))
    own = b"".join(jpeg_segments.segment(0xE2, data) for data in maps[0].announced)
    return own + jpeg_segments.segment(0xE2, jpeg_segments.MULTI_PICTURE + index)


def _index(pictures: Sequence[tuple[int, int, int]]) -> bytes:
    size = 16 * len(pictures)
    head = b"II*\0" + struct.pack("<IH", 8, 3)
    head += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, len(pictures))
    head += struct.pack("<HHII", 0xB002, 7, size, 50) + struct.pack("<I", 0)
    return head + b"".join(struct.pack("<3I2H", *picture, 0, 0) for picture in pictures)


def append(file: BinaryIO, parts: Sequence[Part]) -> None:
    """Put the parts behind the picture of an open, finished JPEG file."""
    if not parts:
        return
    places = []
    at = first = file.seek(0, os.SEEK_END)
    for part in parts:
        file.write(part.data)
        if part.kind == GAIN_MAP:
            places.append((at, len(part.data)))
        at += len(part.data)
    if places:
        file.seek(0)
        head = file.read(1 << 20)
        base = head.index(jpeg_segments.MULTI_PICTURE) + len(jpeg_segments.MULTI_PICTURE)
        pictures = [(0x030000, first, 0), *((0, size, place - base) for place, size in places)]
        file.seek(base)
        file.write(_index(pictures))
    file.flush()
