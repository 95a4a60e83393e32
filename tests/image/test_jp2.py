"""JPEG 2000: 16 bits, profiles and blocks, with the extra and without."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.image import colour, jp2, read
from support import picture_samples as samples
from support.metadata import noise
from support.picture_samples import box


def test_jpeg_2000_has_its_16_bits_profile_and_blocks(tmp_path: Path) -> None:
    import imagecodecs

    pixels = noise(dtype=np.uint16)
    data = imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="jp2")
    wide = colour.profile(colour.Colour(12, 13)) or b""
    boxes = [(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + samples.xmp(1))]
    boxes.append((b"uuid", b"JpgTiffExif->JP2" + samples.exif(orientation=1)))
    added = b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in boxes)
    old = data.index(b"colr") - 4
    size = struct.unpack_from(">I", data, old)[0]
    colr = struct.pack(">I4s3B", 11 + len(wide), b"colr", 2, 0, 0) + wide
    head = data.index(b"jp2h") - 4
    grown = struct.unpack_from(">I", data, head)[0] - size + len(colr)
    data = data[:head] + struct.pack(">I", grown) + data[head + 4 : old] + colr + data[old + size :]
    at = data.index(b"jp2c") - 4
    (tmp_path / "a.jp2").write_bytes(data[:at] + added + data[at:])
    found = read(tmp_path / "a.jp2")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert (found.icc, found.xmp, found.depth) == (wide, samples.xmp(1), 16)
    assert samples.tags(found.exif or b"")["first"][0x010F] == "Maker Corp"


def test_jpeg_2000_of_16_bits_without_the_extra_says_what_it_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import imagecodecs

    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(noise(dtype=np.uint16), level=0, codecformat="jp2"))
    monkeypatch.setattr(jp2, "find_spec", lambda _: None)
    found = read(tmp_path / "a.jp2")
    assert found.pixels.dtype == np.uint8
    assert found.notes == ("all but 8 of its 16 bits a channel: pip install 'srgan[formats]' reads all",)


def test_jpeg_2000_of_16_bit_gray_keeps_them(tmp_path: Path) -> None:
    values = noise(channels=1, dtype=np.uint16)
    Image.fromarray(values[:, :, 0]).save(tmp_path / "a.jp2", irreversible=False)
    np.testing.assert_array_equal(read(tmp_path / "a.jp2").pixels, values)


@pytest.mark.parametrize("behind", [b"", box(b"free", size=5), bytes(3)])
def test_jpeg_2000_says_what_lies_before_the_damage(behind: bytes) -> None:
    code = b"\xff\x4f\xff\x51" + bytes(38) + b"\x0f"  # 16 bits
    resolution = box(b"res ", box(b"resc", struct.pack(">4H2b", 100, 1, 200, 1, 2, 2)))
    data = box(b"jP  ") + box(b"jp2h", box(b"colr", b"\2\0\0profile") + resolution) + box(b"jp2c", code) + behind
    said = jp2.read(io.BytesIO(data))
    assert (said.icc, said.depth, said.metadata.resolution) == (b"profile", 16, (20.0, 10.0))


def test_a_plain_code_stream_has_no_boxes() -> None:
    stream = io.BytesIO(b"\xff\x4f\xff\x51" + bytes(38) + b"\x0b")
    assert jp2.read(stream).depth == 12
