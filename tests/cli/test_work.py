"""``srgan upscale`` on folders as people have them: strange files, twins, results among the inputs, places that refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan.image import probe
from support import tiny_models
from support.tiny_runs import Result, call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(*names: str, size: tuple[int, int] = (12, 8)) -> None:
    for seed, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".png": "PNG", ".ppm": "PPM"}.get(Path(name).suffix.lower(), "JPEG")
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
        Image.fromarray(pixels).save(name, kind)


def names(place: str) -> list[str]:
    return sorted(path.name for path in Path(place).iterdir() if not path.name.startswith("."))


def last(done: Result) -> str:
    return done.err.splitlines()[-1]


def test_a_phones_folder_counts_what_it_leaves_out(model: Path) -> None:
    save("iphone/IMG_0.JPG", "iphone/IMG_1.JPG", "iphone/download", "iphone/photo.jpg_large")
    for name in ("clip.mp4", "notes.txt", "x.xcf", "y.xcf"):
        (Path("iphone") / name).write_bytes(b"nothing of ours")
    done = call("upscale", "iphone", "-o", "out", "-m", model)
    assert (done.code, names("out")) == (0, ["IMG_0_x2.JPG", "IMG_1_x2.JPG", "download_x2.jpg", "photo_x2.jpg"])
    assert last(done) == "srgan: 4 written, 0 skipped, 0 failed, 4 left out: 2 XCF, 1 TXT, 1 video"
    assert probe("out/download_x2.jpg").format == "JPEG"


def test_a_folder_of_what_is_not_read_says_so(model: Path) -> None:
    Path("raws").mkdir()
    Path("raws/a.xcf").write_bytes(b"gimp xcf v011")
    done = call("upscale", "raws", "-m", model)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "raws has no pictures" in done.err
    assert "(1 XCF)" in done.err


def test_twins_are_told_and_the_rest_is_done(model: Path) -> None:
    save("twins/a.jpg", "twins/b.jpg", "twins/b.png", "twins/c.jpg")
    done = call("upscale", "twins", "-o", "out", "--format", "png", "-m", model)
    assert (done.code, names("out")) == (1, ["a_x2.png", "b_x2.png", "c_x2.png"])
    assert "srgan: twins/b.jpg and twins/b.png would both become out/b_x2.png: rename one" in done.err.splitlines()
    assert last(done) == "srgan: 3 written, 0 skipped, 1 failed"
    again = call("upscale", "twins", "-o", "out", "--format", "png", "-m", model)
    assert last(again) == "srgan: 0 written, 3 up to date, 0 skipped, 1 failed"


def test_the_same_command_again_resumes_in_place_too(model: Path) -> None:
    save("same/a.png", "same/b.jpg")
    assert last(call("upscale", "same", "-o", "same", "-m", model)) == "srgan: 2 written, 0 skipped, 0 failed"
    again = call("upscale", "same", "-o", "same", "-m", model)
    assert (again.code, again.err) == (0, "srgan: 0 written, 2 up to date, 0 skipped, 0 failed\n")
    assert names("same") == ["a.png", "a_x2.png", "b.jpg", "b_x2.jpg"]
    other = call("upscale", "same", "-o", "same", "--scale", "3", "-m", model)
    assert last(other) == "srgan: 2 written, 0 skipped, 0 failed, 2 left out: 2 earlier results"
    assert len(names("same")) == 6


def test_all_pictures_by_name_again_are_up_to_date(model: Path) -> None:
    save("a.png", "b.jpg")
    assert call("upscale", "a.png", "b.jpg", "-m", model).code == 0
    again = call("upscale", *names("."), "-m", model)  # as the shell fills in *
    assert (again.code, again.out, again.err) == (0, "", "srgan: 0 written, 2 up to date, 0 skipped, 0 failed\n")
    save("a.png")  # newer than its result
    changed = call("upscale", *names("."), "-m", model)
    assert last(changed) == "srgan: 0 written, 1 up to date, 1 skipped, 0 failed"


def test_originals_are_never_written_over(model: Path) -> None:
    save("p/a.jpg", "p/a.png")
    before = Path("p/a.png").read_bytes()
    done = call("upscale", "p", "-o", "p", "--suffix", "", "--format", "png", "--overwrite", "-m", model)
    assert done.code == 2
    assert "is an input" in done.err
    assert Path("p/a.png").read_bytes() == before


def test_an_output_elsewhere_keeps_the_names_unless_results_of_an_earlier_run_have_others(model: Path) -> None:
    save("p/a.jpg", "p/b.jpg")
    assert call("upscale", "p", "-o", "far/away", "-m", model).code == 0
    assert names("far/away") == ["a.jpg", "b.jpg"]
    assert last(call("upscale", "p", "-o", "far/away", "-m", model)).startswith("srgan: 0 written, 2 up to date")
    Path("far/older").mkdir(parents=True)
    assert call("upscale", "p/a.jpg", "p/b.jpg", "-o", "far/older", "--suffix", "_x2", "-m", model).code == 0
    done = call("upscale", "p", "-o", "far/older", "-m", model)
    assert last(done).startswith("srgan: 0 written, 2 up to date")
    assert names("far/older") == ["a_x2.jpg", "b_x2.jpg"]


def test_a_template_names_results(model: Path) -> None:
    save("p/a.jpg")
    assert call("upscale", "p", "--name", "{stem}_{scale}x.{ext}", "-m", model).code == 0
    assert names("p_x2") == ["a_2x.jpg"]
    done = call("upscale", "p/a.jpg", "-o", "b.jpg", "--name", "{stem}.{ext}", "-m", model)
    assert (done.code, "leave them out" in done.err) == (2, True)


def test_larger_pictures_are_left_out(model: Path) -> None:
    save("p/small.png")
    save("p/wide.png", size=(40, 8))
    save("p/high.png", size=(8, 40))
    done = call("upscale", "p", "--skip-larger", "30x30", "-m", model)
    assert (done.code, names("p_x2")) == (0, ["small_x2.png"])
    assert last(done) == "srgan: 1 written, 0 skipped, 0 failed, 2 left out: 2 larger than 30x30"
    assert last(call("upscale", "p/wide.png", "--skip-larger", "30x30", "-m", model)).startswith("srgan: 0 written")


def test_a_file_url_is_a_file(model: Path, folder: Path) -> None:
    save("a b%.png")
    assert call("upscale", f"file://{folder}/a%20b%25.png", "-m", model).code == 0
    assert (
        call("upscale", f"file://localhost{folder}/a%20b%25.png", "-o", f"file://{folder}/c%20d.png", "-m", model).code
        == 0
    )
    assert names(".") == ["a b%.png", "a b%_x2.png", "c d.png"]
    done = call("upscale", "file://elsewhere/a.png", "-m", model)
    assert (done.code, "is no file of this machine" in done.err) == (2, True)


@pytest.mark.parametrize("option", ["--report", "--check-map"])
def test_side_results_have_a_place_before_the_work(option: str, model: Path) -> None:
    save("p/a.png", "a.png")
    source, end = ("p", ".html") if option == "--report" else ("a.png", ".png")
    done = call("upscale", source, option, f"{'n' * 300}{end}", "-m", model)
    assert (done.code, "the name is too long" in done.err) == (1, True)
    assert names(".") == ["a.png", "p"]


def test_the_help_has_its_options_in_groups() -> None:
    lines = call("upscale", "--help").out.splitlines()
    titles = [line for line in lines if line and not line.startswith((" ", "Usage"))]
    assert titles == ["Arguments:", "Size:", "Network:", "Output:", "Folders:", "Videos:", "Other options:"]
