"""Damaged files for every reader: each is read, or refused with one of the package's errors in one line.

Files that are sound are changed as their structure has it: chunks and segments are swapped, repeated, cut and given other
lengths, numbers in them become 0, the largest, or one more. By default some dozens a reader; ``$SRGAN_FUZZ_SECONDS`` says for
how long instead (a nightly run takes ten minutes). What breaks a reader is written to ``found/`` beside this file, whose files
are always tried: mend the reader, and commit the file.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from srgan import image
from srgan.errors import MissingExtraError, SrganError
from srgan.jobs.journal import Journal, State
from srgan.models.metadata import read_info
from support import malformed, tiny_models
from support.picture_samples import exif, photoshop_blocks, xmp

FOUND = Path(__file__).parent / "found"
SECONDS = float(os.environ.get("SRGAN_FUZZ_SECONDS", "0"))
EXAMPLES = 60
MOST_PIXELS = 1_000_000

Reader = Callable[[Path], None]


def read_picture(path: Path) -> None:
    image.probe(path)
    image.read(path, max_pixels=MOST_PIXELS)


def read_model(path: Path) -> None:
    read_info(path)


def read_journal(path: Path) -> None:
    with Journal(path, settings="s", model="m") as journal:
        list(journal.entries())
        journal.totals()
        journal.count(State.DONE)


def read_weights(path: Path) -> None:
    from srgan.networks.safe_pickle import load_tensors

    load_tensors(path)


def read_keras(path: Path) -> None:
    from srgan.interop.keras_h5 import read_keras as read

    read(path)


def read_bands(path: Path) -> None:
    for bands in (1, 4, 6):
        reader = image.BandReader(bands)
        try:
            reader.probe(path)
            reader.read(path, max_pixels=MOST_PIXELS)
            reader.read_rows(path, max_pixels=MOST_PIXELS)
        except SrganError as error:
            refusal = error
        else:
            return
    raise refusal


def read_shards(path: Path) -> None:
    """Read a folder of shards: the file is the index, a NUL and the one shard."""
    from srgan.data import shards

    index, _, tar = path.read_bytes().partition(b"\0INDEX\0")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / shards.INDEX).write_bytes(index)
        (Path(folder) / "tiles-000000.tar").write_bytes(tar)
        found = shards.open_shards(Path(folder))
        for tile in () if found is None else shards.read_tiles(found):
            shards.decode_tile(tile)


READERS: dict[str, Reader] = {
    "picture": read_picture,
    "bands": read_bands,
    "shards": read_shards,
    "model": read_model,
    "journal": read_journal,
    "weights": read_weights,
    "keras": read_keras,
}


def picture_seeds(folder: Path) -> Iterator[bytes]:
    """Yield files of all formats, and of those that hold it, with EXIF, XMP and IPTC."""
    import numpy as np

    yield from malformed.sound().values()
    yield from (data for name, data in malformed.corpus().items() if len(data) < 20_000 and "animation" in name)
    pixels = np.arange(16 * 12 * 3, dtype=np.uint8).reshape(12, 16, 3)
    for suffix in (".jpg", ".png", ".webp", ".tif"):
        path = folder / f"seed{suffix}"
        blocks = {"iptc": photoshop_blocks()} if suffix in (".jpg", ".tif") else {}
        image.write(image.Picture(pixels, exif=exif(), xmp=xmp(6), **blocks), path)
        yield path.read_bytes()
    yield from seeds_of_extra_formats(folder, pixels)


def seeds_of_extra_formats(folder: Path, pixels: Any) -> Iterator[bytes]:
    """Yield files of what the extra ``formats`` reads, if it is installed."""
    if find_spec("imagecodecs") and find_spec("OpenEXR"):
        import imagecodecs
        import OpenEXR

        light = (pixels / 255).astype("float32")
        yield imagecodecs.rgbe_encode(light, header=True)
        yield imagecodecs.jpeg2k_encode(pixels.astype("uint16"), level=0, codecformat="jp2")
        yield imagecodecs.jpegxl_encode(pixels.astype("uint16"), lossless=True, usecontainer=True)
        kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        OpenEXR.File(kind, {"RGB": light}).write(str(folder / "seed.exr"))
        yield (folder / "seed.exr").read_bytes()


def band_seeds(folder: Path) -> Iterator[bytes]:
    """Yield TIFF files of several bands and depths."""
    import numpy as np
    import pyvips

    for bands in (1, 4, 6):
        for kind in (np.uint8, np.uint16, np.float32):
            pixels = np.arange(10 * 12 * bands).reshape(10, 12, bands).astype(kind)
            path = folder / "bands.tif"
            pyvips.Image.new_from_array(pixels).write_to_file(str(path), compression="deflate", tile=bands == 6)
            yield path.read_bytes()


def shard_seed(folder: Path) -> bytes:
    """Return an index and its shard in one file."""
    import numpy as np

    from srgan.data.shard_writer import prepare

    source, place = folder / "pictures", folder / "shards"
    source.mkdir()
    image.write(image.Picture(np.arange(40 * 40 * 3, dtype=np.uint8).reshape(40, 40, 3)), source / "a.png")
    prepare(source, place, tile=32, overlap=8)
    (tar,) = place.glob("*.tar")
    return (place / "index.json").read_bytes() + b"\0INDEX\0" + tar.read_bytes()


def seeds(kind: str, folder: Path) -> list[bytes]:
    if kind == "picture":
        return list(picture_seeds(folder))
    if kind == "bands":
        return list(band_seeds(folder))
    if kind == "shards":
        return [shard_seed(folder)]
    if kind == "model":
        return [
            tiny_models.shallow(folder / "a.onnx").read_bytes(),
            tiny_models.residual(folder / "b.onnx").read_bytes(),
        ]
    if kind == "journal":
        with Journal(folder / "seed", settings="s", model="m") as journal:
            journal.fail("a.png", source="a", reason="why")
        return [(folder / "seed").read_bytes()]
    if kind == "weights":
        import torch
        from safetensors.torch import save_file

        state = {"head.weight": torch.zeros(4, 3, 3, 3), "head.bias": torch.ones(4)}
        torch.save({"params": state}, folder / "a.pth")
        save_file(state, folder / "a.safetensors")
        return [(folder / "a.pth").read_bytes(), (folder / "a.safetensors").read_bytes()]
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        layer = file.create_group("model_weights").create_group("conv")
        layer.attrs["weight_names"] = [b"conv/kernel:0"]
        layer.create_dataset("conv/kernel:0", data=[[1.0]])
        file["model_weights"].attrs["layer_names"] = [b"conv"]
    return [(folder / "a.h5").read_bytes()]


NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def pieces(data: bytes) -> list[bytes]:
    """Return the parts of a file: where chunks, segments, boxes or lines begin, or else at random places."""
    starts = [
        found.start() for found in re.finditer(rb"\xff[\xc0-\xfe]|(?<=....)[A-Za-z]{4}(?=.)|\n|8BIM", data, re.DOTALL)
    ]
    places = sorted({0, len(data), *starts})
    return [data[a:b] for a, b in itertools.pairwise(places)]


def damaged(draw: random.Random, seed: bytes, others: list[bytes]) -> bytes:
    data = seed
    for _ in range(draw.randint(1, 4)):
        if not data:
            return data
        manner = draw.randrange(6)
        at = draw.randrange(len(data))
        if manner == 0:
            data = data[:at]
        elif manner == 1:
            kind = draw.choice("<>") + draw.choice("BHI")
            number = draw.choice(NUMBERS) % (1 << 8 * struct.calcsize(kind))
            data = data[:at] + struct.pack(kind, number) + data[at + struct.calcsize(kind) :]
        elif manner == 2:
            data = data[:at] + bytes([(data[at] + draw.choice([1, 255])) % 256]) + data[at + 1 :]
        else:
            parts = pieces(data)
            one = draw.randrange(len(parts))
            if manner == 3:
                parts.insert(one, parts[draw.randrange(len(parts))])
            elif manner == 4:
                del parts[one]
            else:
                parts[one] = draw.choice(pieces(draw.choice(others)))
            data = b"".join(parts)[:200_000]
    return data


def refused_or_read(kind: str, data: bytes, path: Path) -> None:
    path.write_bytes(data)
    said = ""
    try:
        READERS[kind](path)
    except MissingExtraError:
        raise
    except SrganError as error:
        said = str(error)
    finally:
        for leftover in path.parent.glob(f"{path.name}-*"):
            leftover.unlink()
    assert "\n" not in said


@pytest.mark.parametrize("kind", READERS)
def test_damage_is_refused_or_read(kind: str, tmp_path: Path) -> None:
    good = seeds(kind, tmp_path)
    draw = random.Random(time.time_ns() if SECONDS else kind)
    end = time.monotonic() + SECONDS / len(READERS)
    count = 0
    while count < EXAMPLES or time.monotonic() < end:
        data = damaged(draw, draw.choice(good), good)
        count += 1
        try:
            refused_or_read(kind, data, tmp_path / "damaged")
        except Exception:
            if SECONDS:
                FOUND.mkdir(exist_ok=True)
                (FOUND / f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)
            raise


def test_what_once_broke_a_reader(tmp_path: Path) -> None:
    for path in sorted(FOUND.glob("*-*")):
        refused_or_read(path.name.partition("-")[0], path.read_bytes(), tmp_path / "damaged")
