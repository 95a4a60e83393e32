"""``srgan upscale`` on real files: what people have comes out larger, and what is wrong is one line and leaves nothing.

Sizes other than the network's own are tested in test_upscale_sizes.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.cli.options import parse_size
from srgan.errors import UsageError
from srgan.image import read
from srgan.models.catalogue import resolve
from support import picture_samples as samples
from support import tiny_models
from support.limits import call_unprivileged, call_with_small_files
from support.tiny_runs import Result, call


@pytest.fixture(scope="module")
def nearest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a network that repeats pixels: what comes out is known."""
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noise(height: int = 12, width: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def save(name: str | Path, seed: int = 0) -> np.ndarray:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed=seed)).save(name)
    return noise(seed=seed)


def larger(picture: np.ndarray, scale: int = 2) -> np.ndarray:
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def visible(folder: Path) -> list[str]:
    """Return the files that a person sees; a journal may lie among them."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in paths if not any(part.startswith(".") for part in path.parts))


def is_one_line(done: Result, code: int, *says: str) -> None:
    assert (done.code, done.out) == (code, ""), done
    assert done.err.startswith("srgan: ")
    assert done.err.count("\n") == 1
    for word in says:
        assert word in done.err


# --- What people have ------------------------------------------------------------------------------------------------


def test_the_shipped_default_makes_a_photo_four_times_as_large() -> None:
    example = next((Path(__file__).parents[2] / "examples").glob("*.png"))
    with Image.open(example) as photo:
        photo.convert("RGB").crop((0, 0, 40, 30)).save("photo.png")
    done = call("upscale", "photo.png")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"photo_x4\.png  40x30 -> 160x120  \d+\.\d s  by srgan-x4\n", done.out)
    small, large = read("photo.png").pixels, read("photo_x4.png").pixels
    np.testing.assert_array_equal(large, Upscaler()(small))
    back = large.reshape(30, 4, 40, 4, 3).mean((1, 3))
    assert abs(back - small).mean() < 8  # it is that photo


def test_the_result_is_the_networks(folder: Path, nearest: Path) -> None:
    picture = save("a.png")
    done = call("upscale", "a.png", "-o", "new/b.png", "--model", nearest)
    assert (done.code, done.err) == (0, "")
    np.testing.assert_array_equal(read("new/b.png").pixels, larger(picture))
    assert visible(folder) == ["a.png", "new/b.png"]


def test_transparency_is_kept(nearest: Path) -> None:
    picture = noise(channels=4)
    picture[:, :8, 3], picture[:, 8:, 3] = 255, 0
    Image.fromarray(picture).save("a.png")
    assert call("upscale", "a.png", "-m", nearest).code == 0
    large = read("a_x2.png").pixels
    assert large.shape == (24, 32, 4)
    assert (large[:, :12, 3] == 255).all()
    assert (large[:, 20:, 3] == 0).all()
    np.testing.assert_array_equal(large[:, :12, :3], larger(picture)[:, :12, :3])


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3)])
def test_16_bits_are_kept(nearest: Path, shape: tuple[int, ...]) -> None:
    import tifffile

    values = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    tifffile.imwrite("a.tif", values)
    assert call("upscale", "a.tif", "-m", nearest).code == 0
    np.testing.assert_array_equal(tifffile.imread("a_x2.tif"), larger(values))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "CMYK"])
def test_gray_palettes_and_cmyk(nearest: Path, mode: str) -> None:
    name = "a.tif" if mode == "CMYK" else "a.png"
    Image.fromarray(noise()).convert(mode).save(name)
    assert call("upscale", name, "-m", nearest, "-o", "b.png").code == 0
    small, large = read(name).pixels, read("b.png").pixels
    np.testing.assert_array_equal(large, larger(small))
    if mode in ("L", "1", "LA"):
        assert large.shape[2] == len(mode.strip("1")) or mode == "1"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_lies_as_it_is_seen(nearest: Path, orientation: int) -> None:
    from PIL import ImageOps

    exif = samples.exif(orientation=orientation, width=16, height=12)
    Image.fromarray(noise()).save("a.png", exif=exif)
    assert call("upscale", "a.png", "-m", nearest).code == 0
    with Image.open("a.png") as photo, Image.open("a_x2.png") as large:
        np.testing.assert_array_equal(np.asarray(large), larger(np.asarray(ImageOps.exif_transpose(photo))))
        assert large.getexif()[0x0112] == 1
        assert large.getexif()[0x010F] == "Maker Corp"


def test_another_format_and_its_quality(nearest: Path) -> None:
    save("a.png")
    for quality in (20, 95):
        done = call("upscale", "a.png", "-m", nearest, "--format", "jpg", "--quality", quality, "-o", f"{quality}/")
        assert done.code == 0
    assert Path("20/a_x2.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert Path("20/a_x2.jpg").stat().st_size < Path("95/a_x2.jpg").stat().st_size


@pytest.mark.parametrize("option", ["--wrap", "--tta"])
def test_wrap_and_tta_reach_the_network(folder: Path, option: str) -> None:
    model = tiny_models.residual(folder / "net.onnx", blocks=1)
    picture = save("a.png")
    assert call("upscale", "a.png", "-m", model, "--precision", "fp32", option).code == 0
    large = read("a_x4.png").pixels
    wanted = {option.strip("-"): True}
    np.testing.assert_array_equal(large, Upscaler(model, precision="fp32", **wanted)(picture))
    assert (large != Upscaler(model, precision="fp32")(picture)).any()


def test_check_says_how_far_the_result_is_from_the_input(nearest: Path) -> None:
    Image.new("RGB", (8, 8), "red").save("flat.png")
    save("noise.png")
    done = call("upscale", "flat.png", "noise.png", "-m", nearest, "--check")
    assert done.code == 0
    said = dict(re.findall(r"(\w+)_x2\.png .* consistency (\S+) dB\n", done.out))
    assert said["flat"] == "inf"
    assert 5 < float(said["noise"]) < 40
    assert "consistency" not in call("upscale", "flat.png", "-m", nearest, "-o", "again.png").out


def test_pages_that_are_left_out_are_said(nearest: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save("a.tif", save_all=True, append_images=frames[1:])
    one = ("upscale", "a.tif", "-m", nearest, "-o", "one.png")
    done = call(*one)
    assert done.code == 0
    assert done.err == "srgan: a.tif has 2 pages or frames: the first one was enlarged\n"
    assert call(*one, "-q", "--overwrite") == Result(0, "", "")
    assert call("upscale", "a.tif", "-m", nearest, "-o", "all.tif").err == ""
    with Image.open("all.tif") as pages:
        assert (pages.n_frames, pages.size) == (2, (16, 16))


@pytest.mark.parametrize("name", [b"\xff.png", b"a\nb.png", b"a\x1b[31mb.png", "größer 大 🙂.png".encode(), b"-x.png"])
def test_any_name(folder: Path, nearest: Path, name: bytes) -> None:
    import os

    text = os.fsdecode(name)
    picture = save(folder / text)
    done = call("upscale", f"./{text}", "-m", nearest)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    assert "\x1b" not in done.out
    done.out.encode()  # no halves of surrogate pairs, which no terminal takes
    np.testing.assert_array_equal(read(text.replace(".png", "_x2.png")).pixels, larger(picture))


# --- Bad input: one line, nothing written ----------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def enormous_png(width: int, height: int) -> bytes:
    """Return a small file that says that it is enormous."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )


def missing(path: Path) -> None:
    del path


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("This is no picture.\n" * 20)


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>404</body></html>")


def enormous(path: Path) -> None:
    path.write_bytes(enormous_png(60_000, 60_000))


def enormous_ppm(path: Path) -> None:
    path.write_bytes(b"P6\n60000 60000\n255\n" + bytes(100))


def folder_of_that_name(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (missing, 2, "does not exist: check the path"),
        (empty, 1, "it is empty (0 bytes): get the picture again"),
        (text, 1, "it is not a picture that srgan knows"),
        (web_page, 1, "it is a web page, not a picture"),
        (enormous, 1, "has 60000 x 60000 pixels, 3,600 million, and the limit is 200 million: cut it into parts"),
        (enormous_ppm, 1, "has 60000 x 60000 pixels"),
        (folder_of_that_name, 2, "has no pictures: name another folder"),
    ],
)
def test_bad_pictures(folder: Path, nearest: Path, make: Any, code: int, says: str) -> None:
    make(folder / "bad.png")
    before = visible(folder)
    is_one_line(call("upscale", "bad.png", "-m", nearest), code, "bad.png", says)
    assert visible(folder) == before


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "gif", "webp", "bmp", "ppm"])
def test_truncated_pictures(folder: Path, nearest: Path, suffix: str) -> None:
    Image.fromarray(noise(60, 80)).save(f"whole.{suffix}")
    data = Path(f"whole.{suffix}").read_bytes()
    for part in (0.05, 0.5, 0.9):
        Path(f"cut.{suffix}").write_bytes(data[: int(len(data) * part)])
        done = call("upscale", f"cut.{suffix}", "-m", nearest)
        is_one_line(done, 1, f"cannot read 'cut.{suffix}'", "get the picture again")
    assert visible(folder) == [f"cut.{suffix}", f"whole.{suffix}"]


def test_a_picture_that_may_not_be_read(folder: Path, nearest: Path) -> None:
    save("locked.png")
    Path("locked.png").chmod(0)
    done = call_unprivileged("upscale", "locked.png", "-m", nearest)
    is_one_line(done, 1, "cannot read 'locked.png': you may not read it: change its permissions")
    assert visible(folder) == ["locked.png"]


def test_a_folder_that_may_not_be_written(folder: Path, nearest: Path) -> None:
    save("a.png")
    folder.chmod(0o555)
    done = call_unprivileged("upscale", "a.png", "-m", nearest)
    folder.chmod(0o755)
    is_one_line(done, 1, "cannot write 'a_x2.png': no permission to write there: choose another folder")
    assert visible(folder) == ["a.png"]


def test_a_folder_without_pictures(folder: Path, nearest: Path) -> None:
    (folder / "p" / "sub").mkdir(parents=True)
    (folder / "p" / "notes.txt").touch()
    is_one_line(call("upscale", "p", "-m", nearest), 2, "p has no pictures: name another folder")
    assert visible(folder) == ["p/notes.txt"]


def not_onnx(path: Path) -> None:
    Image.new("RGB", (9, 9)).save(path, "PNG")


def others_onnx(path: Path) -> None:
    tiny_models.nearest(path, format=None)


def cut_onnx(path: Path) -> None:
    path.write_bytes(resolve("srgan-x4").read_bytes()[:100_000])


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (not_onnx, 1, "is not a network for srgan (it is no ONNX file"),
        (others_onnx, 1, "is an ONNX file without srgan's metadata: pass a name from 'srgan models'"),
        (cut_onnx, 1, "cut short"),
        (missing, 2, "no model 'bad.onnx': shipped are"),
        (folder_of_that_name, 1, "is a folder, not a model file"),
    ],
)
def test_a_model_that_is_not_ours(folder: Path, make: Any, code: int, says: str) -> None:
    save("a.png")
    make(folder / "bad.onnx")
    before = visible(folder)
    is_one_line(call("upscale", "a.png", "--model", "bad.onnx"), code, "bad.onnx", says)
    assert visible(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp", "ppm"])
def test_a_full_disk(folder: Path, nearest: Path, suffix: str) -> None:
    Image.fromarray(noise(200, 200)).save("a.png")
    Path(f"old.{suffix}").write_text("old")
    new = call_with_small_files(3_000, "upscale", "a.png", "-m", nearest, "-o", f"new.{suffix}")
    old = call_with_small_files(3_000, "upscale", "a.png", "-m", nearest, "-o", f"old.{suffix}", "--overwrite")
    is_one_line(new, 1, f"cannot write 'new.{suffix}': ", "write elsewhere")
    is_one_line(old, 1, f"cannot write 'old.{suffix}': ")
    assert Path(f"old.{suffix}").read_text() == "old"
    assert visible(folder) == ["a.png", f"old.{suffix}"]


# --- Nothing is lost -------------------------------------------------------------------------------------------------


def test_an_existing_output_stays_unless_it_may_be_replaced(nearest: Path) -> None:
    picture = save("a.png")
    Path("a_x2.png").write_text("mine")
    is_one_line(call("upscale", "a.png", "-m", nearest), 2, "a_x2.png exists: pass --overwrite to replace it")
    assert Path("a_x2.png").read_text() == "mine"
    assert call("upscale", "a.png", "-m", nearest, "--overwrite").code == 0
    np.testing.assert_array_equal(read("a_x2.png").pixels, larger(picture))


def test_a_dry_run_of_single_files(nearest: Path, folder: Path) -> None:
    save("a.png"), save("b.png")
    Path("b_x2.png").write_text("mine")
    one = call("upscale", "a.png", "-m", nearest, "--dry-run")
    assert (one.code, one.err) == (0, "")
    first, counts, takes, room = one.out.splitlines()
    assert (first, counts) == ("a.png -> a_x2.png", "1 picture to do, 0 up to date, 0 to skip (their outputs exist)")
    assert takes.startswith("about 1 s on this machine, ")
    assert room.endswith(" are free there")
    two = call("upscale", "a.png", "b.png", "-m", nearest, "--dry-run").out.splitlines()
    assert two[:2] == ["a.png -> a_x2.png", "1 picture to do, 0 up to date, 1 to skip (its output exists)"]
    again = call("upscale", "b.png", "-m", nearest, "--dry-run", "--overwrite").out.splitlines()
    assert again[0] == "b.png -> b_x2.png"
    assert call("upscale", "none.png", "-m", nearest, "--dry-run").code == 2
    assert visible(folder) == ["a.png", "b.png", "b_x2.png"]


@pytest.mark.parametrize(
    "options",
    [
        ["-o", "a.png"],
        ["-o", "./sub/../a.png"],
        ["-o", "link.png"],
        ["-o", "b.png", "--check-map", "a.png"],
        ["-o", "b.png", "--check-map", "link.png"],
        ["-o", "b.png", "--check-map", "b.png"],
    ],
)
def test_the_input_and_the_result_are_never_written_over(folder: Path, nearest: Path, options: list[str]) -> None:
    save("a.png")
    before = Path("a.png").read_bytes()
    Path("sub").mkdir()
    Path("link.png").symlink_to("a.png")
    is_one_line(call("upscale", "a.png", "-m", nearest, "--overwrite", *options), 2, "another")
    assert Path("a.png").read_bytes() == before
    assert visible(folder) == ["a.png", "link.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["", "-o", "out/"], "one of the paths is empty"),
        (["a.png", "-o", ""], "the output's path is empty"),
        (["a.png", "-o", "b"], "name a file such as b.png, or a folder as b/"),
        (["a.png", "-o", "b.xyz"], "name it with one of .avif"),
        (["a.png", "--format", "xyz"], "cannot write the format 'xyz'"),
        (["a.png", "p", "--check-map", "map.png"], "--check-map draws one picture"),
        (["a.png", "--check-map", "map.xyz"], "cannot write 'map.xyz'"),
        (["a.png", "--memory", "1KB"], "is too little for tiny-x2: give"),
        (["a.png", "-o", "n" * 300 + ".png"], "the name is too long"),
    ],
)
def test_wrong_calls_write_nothing(folder: Path, nearest: Path, arguments: list[str], says: str) -> None:
    save("a.png")
    save("p/b.png")
    done = call("upscale", *arguments, "-m", nearest)
    is_one_line(done, done.code, says)
    assert done.code == (1 if "too long" in says else 2)
    assert visible(folder) == ["a.png", "p/b.png"]


# --- Folders ---------------------------------------------------------------------------------------------------------


def test_in_a_folder_a_bad_picture_is_reported_and_the_rest_goes_on(folder: Path, nearest: Path) -> None:
    good = {name: save(f"p/{name}", seed) for seed, name in enumerate(["a.png", "c.png", "sub/d.png"])}
    (folder / "p" / "b.png").write_bytes((folder / "p" / "a.png").read_bytes()[:200])
    (folder / "p" / "e.png").write_bytes(enormous_png(60_000, 60_000))
    done = call("upscale", "p", "-m", nearest)
    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()] == [
        str(folder / "p_x2" / name) for name in ("a_x2.png", "c_x2.png", "sub/d_x2.png")
    ]
    lines = done.err.splitlines()
    assert [line for line in lines if "'p/b.png'" in line and "cannot read" in line]
    assert [line for line in lines if "'p/e.png' has 60000 x 60000 pixels" in line]
    assert lines[-1] == "srgan: 3 written, 0 skipped, 2 failed"
    assert len(lines) == 3
    assert visible(folder / "p_x2") == ["a_x2.png", "c_x2.png", "sub/d_x2.png"]
    for name, picture in good.items():
        np.testing.assert_array_equal(read(f"p_x2/{name.replace('.png', '_x2.png')}").pixels, larger(picture))


def test_a_folder_of_one_picture_is_a_folder(folder: Path, nearest: Path) -> None:
    """Whoever runs it each night must not get an error on the nights with one picture."""
    save("p/a.png")
    first = call("upscale", "p", "-m", nearest)
    assert (first.code, first.err) == (0, "srgan: 1 written, 0 skipped, 0 failed\n")
    made = (folder / "p_x2" / "a_x2.png").stat().st_mtime_ns
    again = call("upscale", "p", "-m", nearest)
    assert (again.code, again.out) == (0, "")
    assert (folder / "p_x2" / "a_x2.png").stat().st_mtime_ns == made


def test_a_file_in_the_place_of_a_folders_result_is_kept(folder: Path, nearest: Path) -> None:
    save("p/a.png")
    save("p/b.png")
    (folder / "p_x2").mkdir()
    Path("p_x2/a_x2.png").write_text("mine")
    done = call("upscale", "p", "-m", nearest)
    assert done.code == 0
    assert "a_x2.png exists, skipped (--overwrite replaces it)" in done.err
    assert done.err.endswith("srgan: 1 written, 1 skipped, 0 failed\n")
    assert Path("p_x2/a_x2.png").read_text() == "mine"


def test_quiet_says_errors_only(folder: Path, nearest: Path) -> None:
    save("p/a.png")
    Path("p/b.png").touch()
    done = call("upscale", "p", "-m", nearest, "--quiet")
    is_one_line(done, 1, "'p/b.png'", "0 bytes")
    assert visible(folder / "p_x2") == ["a_x2.png"]


# --- Sizes of memory -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500e6), ("1.5 GB", 1.5e9), ("2GiB", 2**31), ("64k", 64e3), ("1000000", 1e6), (" 2 mb ", 2e6), ("7B", 7)],
)
def test_sizes(text: str, size: float) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1GB", "0", "nan", "inf", "1e400", "1TB", "2 2GB", "1GBB", "five"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size: write for instance 500MB or 2GB"):
        parse_size(text)
