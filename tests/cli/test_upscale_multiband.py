"""``srgan upscale`` with networks of other bands than RGB's: everything that photographs have."""

from __future__ import annotations

import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image

import srgan
from srgan.cli import watch
from srgan.engine.consistency import Consistency
from srgan.image import BandReader, Picture, stream
from srgan.image.multiband import read_bands
from srgan.jobs import run, steps
from support.bands import levels, random, save, save_network, wanted
from support.tiny_runs import call


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("nets")
    return {bands: save_network(folder / f"{bands}.onnx", bands) for bands in (1, 4, 5)}


def near(found: Any, expected: Any) -> bool:
    assert found.dtype == expected.dtype
    return bool(np.abs(found.astype(int) - expected).max() <= levels(found.dtype))


def test_a_folder_is_done_and_what_does_not_fit_is_named(networks: dict[int, Path], tmp_path: Path) -> None:
    pixels = save(tmp_path / "in" / "a.tif", random((20, 30, 1), np.uint16))
    Image.new("RGBA", (30, 20), (10, 200, 30, 90)).save(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "c.png").write_text("hello")
    command = "upscale", tmp_path / "in", "--model", networks[1], "-o", tmp_path / "out"
    result = call(*command)
    assert result.code == 1
    assert [line.split()[0] for line in result.out.splitlines()] == [
        str(tmp_path / "out" / f"{n}_x2.tif") for n in "ab"
    ]
    assert [line.split()[1:4] for line in result.out.splitlines()] == 2 * [["30x20", "->", "60x40"]]  # width x height
    assert "c.png" in result.err
    assert "b.png: left out: the colours, of which one band is made; the transparency" in result.err
    assert near(read_bands(tmp_path / "out" / "a_x2.tif", 1), wanted(networks[1], pixels))
    assert read_bands(tmp_path / "out" / "b_x2.tif", 1).shape == (40, 60, 1)
    again = call(*command)
    assert "0 written, 2 up to date, 0 skipped, 1 failed" in again.err


def test_sizes_and_ensembles_are_those_of_the_python_api(networks: dict[int, Path], tmp_path: Path) -> None:
    pixels = save(tmp_path / "a.tif", random((20, 30, 5), np.uint8))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"scale": 3.0, "tta": True}, "x3"),
        ({"width": 40, "wrap": True}, "w40"),
    ]
    for options, label in cases:
        given = [text for name, value in options.items() for text in ([f"--{name}"] + [value] * (value is not True))]
        result = call("upscale", tmp_path / "a.tif", "--model", networks[5], "--check", *given)
        assert result.code == 0, result.err
        larger = srgan.Upscaler(networks[5], **options)(pixels)
        assert np.array_equal(read_bands(tmp_path / f"a_{label}.tif", 5), larger)
        check = Consistency(pixels, larger.shape[:2], channels=5)
        check.feed(larger)
        assert f"consistency {check.psnr:.1f} dB" in result.out


def test_a_dry_run_says_what_it_takes_and_writes_nothing(networks: dict[int, Path], tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.tif", random((20, 30, 5), np.uint8))
    result = call("upscale", tmp_path / "in", "--model", networks[5], "--dry-run")
    assert result.code == 0
    assert "1 picture to do" in result.out
    assert not list(tmp_path.rglob("*_x2*"))


@pytest.mark.parametrize("bands", [1, 5])
def test_urls_give_what_files_give(networks: dict[int, Path], tmp_path: Path, bands: int) -> None:
    for name, kind in (("a", np.uint8), ("b", np.uint16)):
        save(tmp_path / "www" / f"{name}.tif", random((20, 30, bands), kind))
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "www")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls = [f"http://127.0.0.1:{server.server_port}/{name}.tif" for name in "ab"]
        result = call("upscale", *urls, "--model", networks[bands], "-o", tmp_path / "out")
        server.shutdown()
    assert (result.code, result.err.splitlines()[-1]) == (0, "srgan: 2 written, 0 skipped, 0 failed")
    assert call("upscale", tmp_path / "www", "--model", networks[bands], "-o", tmp_path / "here").code == 0
    for name in "ab":
        found = read_bands(tmp_path / "out" / f"{name}.tif", bands)
        assert np.array_equal(found, read_bands(tmp_path / "here" / f"{name}_x2.tif", bands))


@pytest.mark.parametrize("bands", [1, 5])
def test_a_watched_folder_is_done_as_it_comes(
    networks: dict[int, Path], tmp_path: Path, bands: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def come() -> None:
        save(tmp_path / "in" / "b.tif", random((20, 30, bands), np.uint16))
        save(tmp_path / "in" / "other.tif", random((20, 30, 6), np.uint8))

    steps = iter([lambda: None, come, lambda: None])

    def sleep(_: float) -> None:
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    pixels = save(tmp_path / "in" / "a.tif", random((20, 30, bands), np.uint8))
    monkeypatch.setattr(watch.time, "sleep", sleep)
    result = call("upscale", tmp_path / "in", "--model", networks[bands], "-o", tmp_path / "out", "--watch")
    assert result.code == 1
    assert "2 written, 0 skipped, 1 failed" in result.err
    assert "other.tif" in result.err
    assert sorted(file.name for file in tmp_path.glob("out/*.tif")) == ["a_x2.tif", "b_x2.tif"]
    assert near(read_bands(tmp_path / "out" / "a_x2.tif", bands), wanted(networks[bands], pixels))


def test_only_tiff_holds_five_bands_and_that_is_said_before_the_work(networks: dict[int, Path], tmp_path: Path) -> None:
    save(tmp_path / "a.tif", random((20, 30, 4), np.uint8))
    result = call("upscale", tmp_path / "a.tif", "--model", networks[5])
    assert result.code == 1
    assert re.search(r"a\.tif.*it has 4 bands, not 5", result.err)
    pixels = save(tmp_path / "a.tif", random((20, 30, 5), np.uint8))
    for options in (["-o", tmp_path / "b.png"], ["--format", "webp"]):
        result = call("upscale", tmp_path / "a.tif", "--model", networks[5], *options)
        assert result.code == 2
        assert "pictures of 5 bands are written as TIFF" in result.err
    report = run.run_pictures([run.Job(tmp_path / "a.tif", tmp_path / "b.png")], srgan.Upscaler(networks[5]))
    assert "written as TIFF" in str(report.failed[0].error)
    (tmp_path / "b.tif").write_text("mine")
    assert call("upscale", tmp_path / "a.tif", "--model", networks[5], "-o", tmp_path / "b.tif").code != 0
    assert (tmp_path / "b.tif").read_text() == "mine"
    assert (
        call("upscale", tmp_path / "a.tif", "--model", networks[5], "-o", tmp_path / "b.tif", "--overwrite").code == 0
    )
    assert near(read_bands(tmp_path / "b.tif", 5), wanted(networks[5], pixels))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.tif", "b.tif"]


def test_one_band_is_written_as_gray_where_that_is_asked_for(networks: dict[int, Path], tmp_path: Path) -> None:
    pixels = save(tmp_path / "a.tif", random((20, 30, 1), np.uint16))
    assert call("upscale", tmp_path / "a.tif", "--model", networks[1], "-o", tmp_path / "b.png").code == 0
    assert near(srgan.image.read(tmp_path / "b.png").pixels, wanted(networks[1], pixels))


def test_all_pages_of_a_stack_are_enlarged(networks: dict[int, Path], tmp_path: Path) -> None:
    stack = random((3 * 20, 30, 4), np.uint16)
    save(tmp_path / "a.tif", stack, page_height=20)
    result = call("upscale", tmp_path / "a.tif", "--model", networks[4])
    assert result.code == 0, result.err
    assert "3 pages, each 30x20 -> 60x40" in result.out
    for page in range(3):
        image = pyvips.Image.new_from_file(str(tmp_path / "a_x2.tif"), page=page)
        assert image.get("n-pages") == 3
        assert near(image.numpy(), wanted(networks[4], stack[20 * page : 20 * page + 20]))


def test_a_stack_of_imagej_keeps_its_scale(networks: dict[int, Path], tmp_path: Path) -> None:
    stack = random((3, 20, 30), np.uint16)
    about = {"spacing": 0.7, "unit": "um", "axes": "ZYX"}
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, resolution=(5.0, 5.0), metadata=about)
    assert call("upscale", tmp_path / "a.tif", "--model", networks[1]).code == 0
    with tifffile.TiffFile(tmp_path / "a_x2.tif") as file:
        assert file.imagej_metadata is not None
        assert (file.imagej_metadata["slices"], file.imagej_metadata["spacing"]) == (3, 0.7)
        assert file.pages[0].tags["XResolution"].value[0] / file.pages[0].tags["XResolution"].value[1] == 10
        found = file.asarray()
    assert found.shape == (3, 40, 60)
    for page in range(3):
        assert near(found[page][:, :, None], wanted(networks[1], stack[page][:, :, None]))


def test_pages_that_are_bands_become_one_picture(networks: dict[int, Path], tmp_path: Path) -> None:
    pages = random((5, 20, 30), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pages, imagej=True, metadata={"axes": "CYX"})
    result = call("upscale", tmp_path / "a.tif", "--model", networks[5])
    assert result.code == 0
    assert "left out: the description, which counts pages that are bands now" in result.err
    with tifffile.TiffFile(tmp_path / "a_x2.tif") as file:
        assert len(file.pages) == 1
        assert file.imagej_metadata is None
        assert near(file.asarray(), wanted(networks[5], pages.transpose(1, 2, 0)))


@pytest.mark.parametrize("bands", [1, 4, 5])
def test_a_large_one_is_decoded_and_written_while_it_is_computed(
    networks: dict[int, Path], bands: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And may have more pixels than photographs may."""
    pixels = save(tmp_path / "a.tif", random((300, 40, bands), np.uint16), tile=True, compression="deflate")
    monkeypatch.setattr(steps, "LARGE_BYTES", 1000)
    job = run.Job(tmp_path / "a.tif", tmp_path / "b.tif")
    run.run_one(job, srgan.Upscaler(networks[bands]), max_pixels=1000)
    assert near(read_bands(tmp_path / "b.tif", bands), wanted(networks[bands], pixels))
    assert len(tifffile.TiffFile(tmp_path / "b.tif").pages[0].dataoffsets) == 3  # tiles
    monkeypatch.setattr(steps, "LARGE_BYTES", 1 << 28)
    with pytest.raises(srgan.SrganError, match="limit is"):
        run.run_one(job, srgan.Upscaler(networks[bands]), max_pixels=1000, overwrite=True)


def test_a_satellites_picture_stays_in_its_place(networks: dict[int, Path], tmp_path: Path) -> None:
    """Of five bands: the size of a pixel is halved, tie point, projection and GDAL's tags stay."""
    keys = (1, 1, 0, 1, 1025, 0, 1, 1)
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True),
        (33922, "d", 6, (4.0, 2.0, 0.0, 500000.0, 4600000.0, 0.0), True),
        (34735, "H", 8, keys, True),
        (42113, "s", 0, "0", True),
    ]
    options: dict[str, Any] = {
        "photometric": "minisblack",
        "planarconfig": "contig",
        "metadata": None,
        "extratags": tags,
    }
    tifffile.imwrite(tmp_path / "a.tif", random((40, 30, 5), np.uint16), **options)
    assert call("upscale", tmp_path / "a.tif", "--model", networks[5], "-o", tmp_path / "b.tif").code == 0
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages[0]
        found = {number: page.tags[number].value for number in (33550, 33922, 34735, 42113)}
        assert page.shape == (80, 60, 5)
        assert "XResolution" not in page.tags or page.tags["ResolutionUnit"].value == 1
        assert b"enlarged 2 times by many-x2" in page.tags["XMP"].value
    assert found == {33550: (5, 5, 0), 33922: (8, 4, 0, 500000, 4600000, 0), 34735: keys, 42113: "0"}


def test_ome_counts_the_new_pixels(networks: dict[int, Path], tmp_path: Path) -> None:
    about = {"axes": "YX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.2}
    tifffile.imwrite(tmp_path / "a.ome.tif", random((20, 30), np.uint16), metadata=about, ome=True)
    assert call("upscale", tmp_path / "a.ome.tif", "--model", networks[1], "-o", tmp_path / "b.ome.tif").code == 0
    with tifffile.TiffFile(tmp_path / "b.ome.tif") as file:
        said = file.ome_metadata
    assert said is not None
    for part in ('SizeX="60"', 'SizeY="40"', 'PhysicalSizeX="0.1"', 'PhysicalSizeY="0.1"'):
        assert part in said


def test_a_stream_of_bands_has_the_pixels_of_a_file_in_one_piece(tmp_path: Path) -> None:
    for bands in (2, 4, 6):
        pixels = random((30, 20, bands), np.uint16)
        save(tmp_path / "a.tif", pixels)
        picture = BandReader(bands).read(tmp_path / "a.tif")
        assert isinstance(picture, Picture)
        assert not picture.has_alpha
        srgan.image.write(picture, tmp_path / "whole.tif", overwrite=True)
        with stream(picture, tmp_path / "streamed.tif", 30, 20, overwrite=True) as sink:
            sink.write(pixels[:7])
            sink.write(pixels[7:])
        for name in ("whole", "streamed"):
            with tifffile.TiffFile(tmp_path / f"{name}.tif") as file:
                page = file.pages[0]
                assert (page.photometric.name, list(map(int, page.extrasamples))) == ("MINISBLACK", [0] * (bands - 1))
                assert np.array_equal(page.asarray(), pixels)
            assert np.array_equal(read_bands(tmp_path / f"{name}.tif", bands), pixels)
