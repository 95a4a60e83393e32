"""Animated PNG of 16 bits: each frame as it is shown, with its own time, and all values kept."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan.image import apng, png
from srgan.image.opened import DamagedError
from support.metadata import noise


def animated(frames: list[Any], times: list[Fraction], plays: int = 3) -> bytes:
    out = io.BytesIO()
    writer = apng.Writer(out, len(frames), plays, png.Beginning([]))
    for frame, time in zip(frames, times, strict=True):
        writer.add(frame, time)
    writer.finish()
    return out.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_frames_come_back_with_all_their_bits(channels: int) -> None:
    frames = [noise(20, 30, channels, np.uint16) + np.uint16(number) for number in range(3)]
    times = [Fraction(1, 24), Fraction(1001, 30000), Fraction(2)]
    found = apng.open_file(io.BytesIO(animated(frames, times)))
    assert found is not None
    assert (found.depth, found.channels, found.plays) == (16, channels, 3)
    assert [frame.seconds for frame in found.frames] == times
    for shown, wanted in zip(found.pictures(), frames, strict=True):
        np.testing.assert_array_equal(shown, wanted)


def test_pillow_sees_as_many_frames() -> None:
    frames = [np.full((20, 30, 3), value, np.uint16) for value in (0, 30000, 65535)]
    with Image.open(io.BytesIO(animated(frames, [Fraction(1, 10)] * 3))) as other:
        assert (other.n_frames, other.info["loop"]) == (3, 3)
        for number, value in enumerate((0, 30000 // 257, 255)):
            other.seek(number)
            assert other.info["duration"] == 100
            assert abs(np.asarray(other.convert("RGB")).astype(int) - value).max() <= 1


def test_parts_of_frames_are_laid_on_what_was_there() -> None:
    """Against Pillow, of 8 bits: parts, blending, and each way to dispose of a frame (but not "over" and then "previous" at
    once, where Pillow keeps the frame)."""
    chance = np.random.default_rng(1)
    out = io.BytesIO()
    still = noise(24, 32, 4)
    still[:, :, 3] = 255
    first = io.BytesIO()
    Image.fromarray(still).save(first, "PNG")
    chunks = list(png.all_chunks(first))
    out.write(png.SIGNATURE + chunks[0].to_bytes() + png.Chunk(b"acTL", struct.pack(">II", 7, 0)).to_bytes())
    sequence = 0
    for number in range(7):
        width, height = (32, 24) if number == 0 else (int(chance.integers(4, 16)), int(chance.integers(4, 12)))
        left, top = int(chance.integers(0, 33 - width)), int(chance.integers(0, 25 - height))
        head = (sequence, width, height, left, top, 1, 10, (0, 1, 0, 2, 0, 2, 0)[number], (0, 1, 1, 0, 1, 0, 1)[number])
        out.write(png.Chunk(b"fcTL", struct.pack(">5I2H2B", *head)).to_bytes())
        sequence += 1
        part, values = io.BytesIO(), chance.integers(0, 256, (height, width, 4), np.uint8)
        values[:, :, 3] = np.where(
            values[:, :, 3] > 99, 255, 0
        )  # Pillow's own blending of half transparency is not exact
        Image.fromarray(still if number == 0 else values).save(part, "PNG")
        for chunk in png.all_chunks(part):
            if chunk.kind == b"IDAT" and number == 0:
                out.write(chunk.to_bytes())
            elif chunk.kind == b"IDAT":
                out.write(png.Chunk(b"fdAT", struct.pack(">I", sequence) + chunk.data).to_bytes())
                sequence += 1
    out.write(png.Chunk(b"IEND", b"").to_bytes())
    found = apng.open_file(out)
    assert found is not None
    with Image.open(out) as other:
        for number, shown in enumerate(found.pictures()):
            other.seek(number)
            wanted = np.asarray(other.convert("RGBA")).astype(int)
            mine = np.rint(shown / 257).astype(int)
            seen = (wanted[:, :, 3] > 0) | (mine[:, :, 3] > 0)
            assert abs(mine - wanted)[seen].max() <= 2, number


def test_a_still_picture_is_none() -> None:
    file = io.BytesIO()
    Image.fromarray(noise()).save(file, "PNG")
    assert apng.open_file(file) is None


@pytest.mark.parametrize("cut", [90, 200, 1000])
def test_damage_is_said(cut: int) -> None:
    data = animated([noise(20, 30, 3, np.uint16)] * 2, [Fraction(1)] * 2)
    with pytest.raises(DamagedError):
        list(apng.open_file(io.BytesIO(data[:cut])).pictures())  # type: ignore[union-attr]
    spoilt = data.replace(struct.pack(">II", 30, 20) + bytes(8), struct.pack(">II", 90, 20) + bytes(8), 2)
    with pytest.raises(DamagedError):
        apng.open_file(io.BytesIO(spoilt))
