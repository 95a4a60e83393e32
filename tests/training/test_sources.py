"""Pairs of HR and LR that a user has: found, checked, trained and validated on."""

import json

import numpy as np
import pytest
from PIL import Image

from srgan.errors import DataError
from srgan.models.metadata import read_info
from srgan.training.pictures import prepare
from srgan.training.sources import find_files, has_pairs, hold_out
from srgan.training.validation import find_validation, load_validation
from support.tiny_runs import RECIPE, call, save_photo

SHORT = RECIPE[: RECIPE.index("[stages.gan]")] + RECIPE[RECIPE.index("[run]") :]
SHORT = SHORT.replace("steps = 60", "steps = 4").replace("warmup = 5", "warmup = 0")


def save_pair(folder, name, *, hr=(64, 72), lr=(32, 36), lr_folder="LRx2", lr_name=None, seed=0):
    """Write HR, and an LR that no degradation of ours would make from it."""
    save_photo(folder / "HR" / f"{name}.png", *hr, seed=seed)
    save_photo(folder / lr_folder / f"{lr_name or name}.png", *lr, seed=seed + 1000)
    return folder


def find(folder, lr=None, paired=True):
    return find_files(folder, lr, scale=2, paired=paired, out=folder / "run")


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(("lr_folder", "lr_name"), [("LRx2", "a"), ("LR", "a"), ("LRx2", "ax2")])
def test_a_folder_of_pairs_is_known_and_its_own_lr_is_what_crops_show(tmp_path, lr_folder, lr_name):
    save_pair(tmp_path, "a", lr_folder=lr_folder, lr_name=lr_name)
    assert has_pairs(tmp_path, 2)
    files = find(tmp_path)
    pictures = prepare(
        files.hr, tmp_path / "cache", partners=files.lr, scale=2, bands=3, smallest=32, degradation="given"
    )
    assert np.array_equal(pictures.hr[0], read(tmp_path / "HR" / "a.png"))
    assert np.array_equal(pictures.lr[0], read(tmp_path / lr_folder / f"{lr_name}.png"))


def test_without_lr_of_this_scale_hr_alone_is_taken(tmp_path):
    save_pair(tmp_path, "a", lr=(16, 18), lr_folder="LRx4")
    assert not has_pairs(tmp_path, 2)
    assert [file.name for file in find(tmp_path, paired=False).hr] == ["a.png"]


def test_lr_may_lie_anywhere_even_among_the_pictures(tmp_path):
    save_photo(tmp_path / "a.png", 64, 64)
    save_photo(tmp_path / "more" / "b.png", 64, 64)
    save_photo(tmp_path / "small" / "a.png", 32, 32)
    save_photo(tmp_path / "small" / "more" / "bx2.png", 32, 32)
    assert not has_pairs(tmp_path, 2)
    files = find(tmp_path, tmp_path / "small")
    assert [(hr.name, lr.name) for hr, lr in zip(files.hr, files.lr, strict=True)] == [
        ("a.png", "a.png"),
        ("b.png", "bx2.png"),
    ]
    assert not files.lost


def test_pictures_without_a_partner_are_named_and_left_out(tmp_path):
    save_pair(tmp_path, "a")
    save_photo(tmp_path / "HR" / "b.png")
    save_photo(tmp_path / "LRx2" / "c.png")
    files = find(tmp_path)
    assert [file.name for file in files.hr] == ["a.png"]
    assert [name for name, _ in files.lost] == ["b.png", "c.png"]
    assert "LRx2" in files.lost[0][1]
    (tmp_path / "HR" / "a.png").unlink()
    with pytest.raises(DataError, match="has a partner"):
        find(tmp_path)


def test_pairs_that_do_not_fit_are_named_and_left_out(tmp_path):
    save_pair(tmp_path, "a")
    save_pair(tmp_path, "b", hr=(65, 73))  # a row and a column more than LR shows
    save_pair(tmp_path, "c", lr=(32, 35))
    save_pair(tmp_path, "d", lr=(16, 18))
    files = find(tmp_path)
    pictures = prepare(
        files.hr, tmp_path / "cache", partners=files.lr, scale=2, bands=3, smallest=32, degradation="given"
    )
    assert pictures.names == ("a.png", "b.png")
    assert pictures.hr[1].shape == (64, 72, 3)
    assert (
        dict(pictures.rejected)["d.png"] == "its HR has 72 x 64 pixels and its LR 18 x 16: HR must be 2 times as large"
    )


def test_another_lr_is_decoded_again(tmp_path):
    save_pair(tmp_path, "a")
    files = find(tmp_path)
    settings = {"partners": files.lr, "scale": 2, "bands": 3, "smallest": 32, "degradation": "given"}
    first = prepare(files.hr, tmp_path / "cache", **settings)
    save_photo(files.lr[0], 32, 36, seed=5)
    second = prepare(files.hr, tmp_path / "cache", **settings)
    assert second.digest != first.digest
    assert np.array_equal(second.lr[0], read(files.lr[0]))


def test_one_in_ten_pairs_is_kept_and_a_bad_one_passed_over(tmp_path):
    for number in range(10):
        save_pair(tmp_path, f"{number}", seed=number, lr=(32, 36) if number != 5 else (30, 36))
    rest, kept = hold_out(find(tmp_path), scale=2, bands=3, smallest=32)
    assert [file.name for file in kept.hr] == ["6.png"]
    assert kept.lr == [tmp_path / "LRx2" / "6.png"]
    assert len(rest) == len(rest.lr) == 9


def test_pairs_are_validated_on_in_the_middle_of_both(tmp_path):
    save_pair(tmp_path, "a", hr=(1210, 1302), lr=(605, 651))
    (found,) = find_validation([tmp_path], scale=2, bands=3, degradation="given")
    (example,) = found.examples
    assert example.hr.shape[:2] == (2 * example.lr.shape[0], 2 * example.lr.shape[1])
    assert 0.99 * 2**20 < example.hr.shape[0] * example.hr.shape[1] <= 2**20
    top, left = ((605 - example.lr.shape[0]) // 2, (651 - example.lr.shape[1]) // 2)
    for scale, picture, file in ((2, example.hr, "HR/a.png"), (1, example.lr, "LRx2/a.png")):
        part = read(tmp_path / file)[top * scale :, left * scale :]
        assert np.array_equal(picture, part[: picture.shape[0], : picture.shape[1]])


def test_validation_without_pairs_or_with_one_that_does_not_fit_is_an_error(tmp_path):
    save_photo(tmp_path / "plain" / "a.png")
    with pytest.raises(DataError, match=r"no pairs in .*plain.* put HR/ and LRx2/"):
        find_validation([tmp_path / "plain"], scale=2, bands=3, degradation="given")
    save_pair(tmp_path / "set", "a", lr=(30, 36))
    with pytest.raises(DataError, match=r"a\.png.*72 x 64 .* 36 x 30"):
        load_validation(
            "set",
            [tmp_path / "set" / "HR" / "a.png"],
            partners=[tmp_path / "set" / "LRx2" / "a.png"],
            scale=2,
            bands=3,
            degradation="given",
        )


def test_a_run_on_pairs_goes_from_the_folder_to_the_figures(tmp_path):
    for number in range(10):
        save_pair(tmp_path / "pairs", f"{number}", seed=number)
    save_pair(tmp_path / "pairs", "bad", lr=(31, 36))
    (tmp_path / "my.toml").write_text(SHORT)
    out = tmp_path / "run"
    result = call("train", tmp_path / "pairs", "--recipe", tmp_path / "my.toml", "--out", out, "--device", "cpu")
    assert result.code == 0, result.err
    assert "left out: bad.png: its HR has 72 x 64 pixels and its LR 36 x 31" in result.err
    card = read_info(out / "pixels-x2.onnx").card
    assert card["recipe"]["data"]["degradation"] == "given"
    assert (card["data"]["pictures"], card["evaluation"][0]["images"]) == (9, 1)
    assert "LR pictures that came with the HR ones" in (out / "pixels-x2.md").read_text()
    (kept,) = (out / "validation" / "HR").iterdir()
    assert np.array_equal(read(out / "validation" / "LRx2" / kept.name), read(tmp_path / "pairs" / "LRx2" / kept.name))
    # The last validation of the run and the evaluation of its network saw the same LR: fp16 weights differ by little.
    assert card["evaluation"][0]["psnr_y"] == pytest.approx(card["curve"][-1][1]["validation"], abs=0.1)
    assert json.loads((out / "run.json").read_text())["lr"] is None


def test_lr_elsewhere_is_remembered_for_a_resumed_run(tmp_path):
    for number in range(3):
        save_pair(tmp_path / "pairs", f"{number}", seed=number)
    (tmp_path / "my.toml").write_text(SHORT)
    out = tmp_path / "run"
    where = ["--recipe", tmp_path / "my.toml", "--out", out, "--device", "cpu"]
    result = call("train", tmp_path / "pairs" / "HR", "--lr", tmp_path / "pairs" / "LRx2", *where)
    assert result.code == 0, result.err
    result = call("train", "--resume", "--out", out, "--device", "cpu", "--set", "stages.pixels.steps=6")
    assert result.code == 0, result.err
    log = (out / "log.txt").read_text()
    assert log.count("decoding 3 pairs") == 2
    assert "resuming after step 4" in log


def test_asking_for_pairs_where_there_are_none_is_one_line(tmp_path):
    save_photo(tmp_path / "photos" / "a.png")
    (tmp_path / "my.toml").write_text(SHORT)
    where = ["--recipe", tmp_path / "my.toml", "--out", tmp_path / "run"]
    result = call("train", tmp_path / "photos", "--set", "data.degradation=given", *where)
    assert result.code == 1
    assert "there are no pairs in" in result.err
    result = call("train", tmp_path / "photos", "--lr", tmp_path / "nowhere", *where)
    assert result.code == 2
    assert "nowhere' is not a folder" in result.err
