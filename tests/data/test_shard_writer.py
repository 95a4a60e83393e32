"""Big pictures cut into tiles, in tar files with an index: what is in them, what is dropped, and what is said."""

import sys

import numpy as np
import pytest
from PIL import Image

from srgan.data.shard_writer import is_flat, prepare, starts
from srgan.data.shards import open_shards, read_tiles
from srgan.errors import DataError, MissingExtraError, UsageError
from support.shards import decoded, noise, save
from support.tiny_runs import call, save_photo


@pytest.mark.parametrize(("length", "wanted"), [(20, [0]), (32, [0]), (33, [0, 1]), (56, [0, 24]), (60, [0, 24, 28])])
def test_tiles_overlap_and_end_with_the_picture(length, wanted):
    assert starts(length, 32, 8) == wanted


@pytest.mark.parametrize(
    ("bands", "dtype"), [(1, np.uint8), (3, np.uint8), (3, np.uint16), (4, np.uint16), (13, np.uint16)]
)
def test_tiles_are_the_picture_bit_for_bit(tmp_path, bands, dtype):
    pixels = save(tmp_path / "in" / "a.tif", noise((70, 100, bands), dtype))
    summary = prepare(tmp_path / "in", tmp_path / "out", bands=bands, tile=32, overlap=8)
    assert (summary.pictures, summary.tiles, summary.flat, summary.rejected) == (1, 3 * 4, 0, ())
    tiles = decoded(tmp_path / "out")
    places = [(top, left) for top in (0, 24, 38) for left in (0, 24, 48, 68)]
    for (top, left), tile in zip(places, tiles, strict=True):
        assert tile.dtype == dtype
        assert np.array_equal(tile, pixels[top : top + 32, left : left + 32])


def test_pictures_that_are_decoded_whole_or_turned_come_upright(tmp_path):
    pixels = noise((70, 40, 3))
    (tmp_path / "in").mkdir()
    Image.fromarray(pixels).save(tmp_path / "in" / "a.bmp")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)).save(tmp_path / "in" / "b.png", exif=exif)
    prepare(tmp_path / "in", tmp_path / "out", tile=64, overlap=0)
    first, second, third, fourth = decoded(tmp_path / "out")
    assert np.array_equal(first, pixels[:64])
    assert np.array_equal(second, pixels[6:])
    assert np.array_equal(fourth, pixels[6:])
    assert np.array_equal(third, pixels[:64])


def test_flat_tiles_are_dropped(tmp_path):
    pixels = noise((64, 96, 3))
    pixels[:, :64] = 90
    save(tmp_path / "in" / "a.png", pixels)
    summary = prepare(tmp_path / "in", tmp_path / "out", tile=32, overlap=0)
    assert (summary.tiles, summary.flat) == (2, 4)
    assert all(tile.std() > 50 for tile in decoded(tmp_path / "out"))


def test_what_is_flat_does_not_depend_on_the_part_of_the_range_that_a_sensor_uses():
    dim = noise((16, 16, 2), np.uint16) // 40
    assert not is_flat(dim, 3)
    assert is_flat(dim // 400 + 1600, 3)
    assert is_flat(np.zeros((16, 16, 1), np.uint16), 0)
    lively = np.full((16, 16, 4), 9, np.uint8)
    lively[::2, :, 3] = 90  # one band is enough
    assert not is_flat(lively, 3)


def test_shards_end_at_their_size_and_are_the_same_each_time(tmp_path):
    for number in range(6):
        save(tmp_path / "in" / f"{number}.png", noise((32, 32, 3), seed=number))
    for out in ("one", "two"):
        summary = prepare(tmp_path / "in", tmp_path / out, tile=32, overlap=0, shard_bytes=6000)
    assert summary.shards == 3
    one, two = (open_shards(tmp_path / out) for out in ("one", "two"))
    assert one.shards == two.shards
    assert [tile.picture for tile in read_tiles(one)] == list(range(6))
    assert {file.name for file in (tmp_path / "one").iterdir()} == {name for name, _ in one.shards} | {"index.json"}
    assert summary.nbytes == sum((tmp_path / "two" / name).stat().st_size for name, _ in two.shards)


def test_damaged_pictures_are_named_and_the_rest_goes_on(tmp_path):
    save(tmp_path / "in" / "a.png", noise((32, 32, 3)))
    (tmp_path / "in" / "b.png").write_text("hello")
    save(tmp_path / "in" / "sub" / "c.tif", noise((32, 32, 5)))
    summary = prepare(tmp_path / "in", tmp_path / "out")
    assert summary.pictures == 1
    assert [name for name, _ in summary.rejected] == ["b.png", "sub/c.tif"]
    (tmp_path / "in" / "a.png").unlink()
    with pytest.raises(DataError, match=r"no tile of the 2 pictures is left .*b\.png"):
        prepare(tmp_path / "in", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path):
    save(tmp_path / "in" / "a.png", noise((32, 32, 3)))
    prepare(tmp_path / "in", tmp_path / "out")
    before = (tmp_path / "out" / "index.json").read_bytes()
    with pytest.raises(UsageError, match="is not empty"):
        prepare(tmp_path / "in", tmp_path / "out", tile=16, overlap=0)
    assert (tmp_path / "out" / "index.json").read_bytes() == before
    (tmp_path / "out" / "index.json").unlink()  # as after a power cut: begun anew
    (tmp_path / "out" / "tiles-000000.tar").write_bytes(b"half")
    prepare(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out" / "index.json").read_bytes() == before
    assert len(decoded(tmp_path / "out")) == 1


@pytest.mark.extra("shards")
def test_the_command(tmp_path):
    save_photo(tmp_path / "in" / "a.png", 100, 120)
    (tmp_path / "in" / "bad.png").write_text("hello")
    result = call("data", "prepare", tmp_path / "in", tmp_path / "out", "--tile", 64, "--overlap", 32)
    assert result.code == 0, result.err
    assert "left out: bad.png: " in result.err
    first, second = result.out.splitlines()
    assert first.startswith("9 tiles of 1 picture, ")
    assert second == f"to train on them: srgan train {tmp_path / 'out'}"
    for arguments, words in (
        ([tmp_path / "in", tmp_path / "x", "--tile", 64, "--overlap", 64], "cannot share"),
        ([tmp_path / "in", tmp_path / "x", "--bands", 14], "bands is 14: give 1 to 13"),
        ([tmp_path / "no", tmp_path / "x"], "is not a folder"),
        ([tmp_path / "in", tmp_path / "in" / "a.png"], "is a file"),
    ):
        result = call("data", "prepare", *arguments)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert words in result.err


def test_without_webdataset_it_says_what_to_install(tmp_path, monkeypatch):
    save_photo(tmp_path / "in" / "a.png")
    monkeypatch.setitem(sys.modules, "webdataset", None)
    with pytest.raises(MissingExtraError, match=r"srgan\[shards\]"):
        prepare(tmp_path / "in", tmp_path / "out")
