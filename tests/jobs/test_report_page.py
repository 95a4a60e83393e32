"""The page of a folder job, and the estimate of a dry run."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.cli import folder
from srgan.errors import UsageError
from srgan.jobs import report_page
from srgan.jobs.access import Access
from srgan.jobs.estimate import estimate
from srgan.jobs.folder import open_journal, run_folder
from srgan.jobs.journal import NAME
from srgan.jobs.plan import plan
from support import bands, tiny_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx")


@pytest.fixture(scope="module")
def upscaler(model: Path) -> Upscaler:
    return Upscaler(model, precision="fp32")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (place / "<b>&bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    return place


def test_the_page_has_counts_reasons_and_both_pictures(photos: Path, tmp_path: Path, upscaler: Upscaler) -> None:
    out, page = tmp_path / "out", tmp_path / "report.html"
    out.mkdir()
    work = plan([photos], out, scale="x2").pictures
    with open_journal(out, settings="", model="") as journal:
        report = run_folder(work, upscaler, journal, out)
        report_page.write(page, journal, out, Access(), report)
        text = page.read_text()
        report_page.write(page, journal, out, Access(), run_folder(work, upscaler, journal, out))
    assert "<dt>done in all</dt><dd>3</dd>" in text
    assert "<dt>failed</dt><dd>1</dd>" in text
    assert "<dt>written by this run</dt><dd>3</dd>" in text
    assert "<dt>written by this run</dt><dd>0</dd>" in page.read_text()
    assert "<td>" + str(photos).replace("&", "&amp;") + "/&lt;b&gt;&amp;bad.jpg<td>cannot read" in text
    assert "<b>" not in text
    assert "0.png 80x60 → 160x120".replace("0.png", "0_x2.png") in text
    images = [base64.b64decode(data) for data in re.findall(r"data:image/jpeg;base64,([^\"]+)", text)]
    sizes = [Image.open(io.BytesIO(data)).size for data in images]
    assert sizes == [(160, 120), (160, 120)] * 3  # the whole of them, at 100 %, as they are small
    assert "http" not in text  # no other file, from nowhere


def test_crops_show_the_most_detailed_part_at_100_percent(tmp_path: Path, upscaler: Upscaler) -> None:
    pixels = np.full((300, 400, 3), 128, np.uint8)
    pixels[200:260, 300:380] = np.random.default_rng(0).integers(0, 256, (60, 80, 3))
    (tmp_path / "photos").mkdir()
    Image.fromarray(pixels).save(tmp_path / "photos" / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    work = plan([tmp_path / "photos"], out, scale="x2").pictures
    with open_journal(out, settings="", model="") as journal:
        report = run_folder(work, upscaler, journal, out)
        report_page.write(tmp_path / "report.html", journal, out, Access(), report)
    found = re.findall(r'alt="(\w+)" src="data:image/jpeg;base64,([^"]+)', (tmp_path / "report.html").read_text())
    assert [alt for alt, _ in found] == ["Before", "After"]
    before, after = (np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int) for _, data in found)
    assert before.shape == after.shape == (240, 240, 3)
    assert (np.abs(after - 128) > 10).mean() == pytest.approx(120 * 160 / 240**2, abs=0.05)  # all that there is
    assert np.abs(before - after).mean() < 25  # the same part: one of the nearest pixel, one of bicubic
    assert np.abs(before - after[:, ::-1]).mean() > 25


def test_only_a_page_is_replaced_by_a_report() -> None:
    with pytest.raises(UsageError, match=r"name for instance report\.html"):
        report_page.check_name("photo.jpg")
    report_page.check_name("a/b.HTML")


def test_the_estimate_counts_all_pixels_and_unreadable_pictures(
    photos: Path, tmp_path: Path, upscaler: Upscaler
) -> None:
    work = plan([photos], tmp_path / "out", scale="x2").pictures
    expected = estimate(work, upscaler, Access())
    assert (expected.pictures, expected.pixels, expected.unreadable) == (4, 3 * 160 * 120, 1)
    assert expected.seconds > 0
    out = tmp_path / "out"
    out.mkdir()
    with open_journal(out, settings="", model="") as journal:
        run_folder(work, upscaler, journal, out)
    real = sum(path.stat().st_size for path in out.glob("*.png"))
    assert expected.nbytes == pytest.approx(real, rel=0.05)  # the pictures are of one kind


def test_a_dry_run_says_what_there_is_to_do_and_writes_nothing(
    photos: Path, tmp_path: Path, model: Path, upscaler: Upscaler
) -> None:
    out = tmp_path / "out"
    work = plan([photos], out, scale="x2").pictures
    job = folder.describe(work, out, str(model), {"tta": False, "fidelity": None, "precision": "auto"})
    lines = folder.dry_run(job, upscaler, overwrite=False, quality=None)
    assert lines[0] == "4 pictures to do, 0 up to date, 0 to skip (their outputs exist)"
    assert re.fullmatch(
        r"about \d+ s on this machine, 0 megapixels of results, .* kB; about 1 cannot be read", lines[1]
    )
    assert "are free there" in lines[2]
    assert not out.exists()
    out.mkdir()
    with open_journal(out, settings=job.settings, model=job.model) as journal:
        run_folder(work[:2], upscaler, journal, out)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    lines = folder.dry_run(job, upscaler, overwrite=False, quality=None)
    done = sum(path.name != NAME for path in before)
    assert lines[0] == f"{4 - done} pictures to do, {done} up to date, 0 to skip (their outputs exist)"
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 s"), (89, "89 s"), (600, "10 min"), (7200, "2 h 0 min"), (40 * 86400 + 3600, "40 days 1 h")],
)
def test_times_as_people_say_them(seconds: float, said: str) -> None:
    assert folder.duration(seconds) == said


@pytest.mark.parametrize(
    ("nbytes", "said"), [(999, "999 B"), (1234, "1.23 kB"), (5 * 10**9, "5 GB"), (10**13, "10.0 TB")]
)
def test_sizes_as_people_say_them(nbytes: int, said: str) -> None:
    assert folder.size(nbytes) == said


def test_pictures_of_other_bands_show_three_of_them(tmp_path: Path) -> None:
    network = bands.save_network(tmp_path / "net.onnx", 5)
    bands.save(tmp_path / "in" / "a.tif", bands.random((40, 50, 5), np.uint16))
    (out := tmp_path / "out").mkdir()
    with open_journal(out, settings="", model="") as journal:
        report = run_folder(
            plan([tmp_path / "in"], out, scale="x2").pictures, Upscaler(network, precision="fp32"), journal, out
        )
        report_page.write(tmp_path / "report.html", journal, out, Access(), report)
    shown = re.findall(r"data:image/jpeg;base64,([^\"]+)", (tmp_path / "report.html").read_text())
    assert [Image.open(io.BytesIO(base64.b64decode(data))).size for data in shown] == [(100, 80)] * 2
