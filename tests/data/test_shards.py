"""Shards as they are read: from folders, URLs, and damaged."""

import io
import json
import tarfile

import fsspec
import numpy as np
import pytest
from PIL import Image

from srgan.data.shard_writer import prepare
from srgan.data.shards import open_shards, read_tiles
from srgan.errors import DataError, UsageError
from srgan.storage import Remote
from support.shards import decoded, noise, save


def test_any_tool_opens_a_shard(tmp_path):
    pixels = save(tmp_path / "in" / "a.png", noise((20, 30, 3)))
    prepare(tmp_path / "in", tmp_path / "out")
    with tarfile.open(tmp_path / "out" / "tiles-000000.tar") as shard:
        (member,) = shard.getmembers()
        assert member.name == "000000-000000.png"
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(shard.extractfile(member).read()))), pixels)


def test_shards_behind_a_url_are_those_of_a_folder(tmp_path):
    for number in range(3):
        save(tmp_path / "in" / f"{number}.png", noise((40, 40, 3), seed=number))
    remote = Remote("memory://bucket/shards")
    try:
        assert open_shards(remote) is None
        prepare(tmp_path / "in", remote, tile=32, overlap=8, shard_bytes=9000)
        prepare(tmp_path / "in", tmp_path / "out", tile=32, overlap=8, shard_bytes=9000)
        here, there = open_shards(tmp_path / "out"), open_shards(remote)
        assert (there.shards, there.pictures) == (here.shards, here.pictures)
        assert list(read_tiles(there)) == list(read_tiles(here))
        with pytest.raises(UsageError, match="memory://bucket/shards' is not empty"):
            prepare(tmp_path / "in", remote)
    finally:
        fsspec.filesystem("memory").rm("/bucket", recursive=True)


def test_shards_that_are_damaged_or_gone_are_named(tmp_path):
    for number in range(4):
        save(tmp_path / "in" / f"{number}.png", noise((32, 32, 3), seed=number))
    prepare(tmp_path / "in", tmp_path / "out", shard_bytes=6000)
    shard = tmp_path / "out" / "tiles-000001.tar"
    whole = shard.read_bytes()
    for data in (whole[:4000], b"", whole[:512] + b"x" * 700):
        shard.write_bytes(data)
        with pytest.raises(DataError, match=r"tiles-000001\.tar' is damaged|has \d tiles of 4"):
            decoded(tmp_path / "out")
    shard.unlink()
    with pytest.raises(DataError, match=r"tiles-000001\.tar' is missing"):
        decoded(tmp_path / "out")
    (tmp_path / "out" / "index.json").write_text(json.dumps({"srgan.shards": 1, "pictures": 3}))
    with pytest.raises(DataError, match=r"index\.json' is damaged"):
        open_shards(tmp_path / "out")
