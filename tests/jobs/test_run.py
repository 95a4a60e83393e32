"""Many pictures in one run: one bad one is reported and the rest goes on, nothing half done has a name."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from srgan.errors import ImageReadError, ImageWriteError, OutputExistsError, SrganError, UsageError
from srgan.jobs import steps as jobs_module
from srgan.jobs.job import Job
from srgan.jobs.plan import plan
from srgan.jobs.reports import Done, Failure, Listener
from srgan.jobs.run import run_one, run_pictures, upscale_file
from srgan.runtime import kept
from support import tiny_models
from support.limits import small_files


@pytest.fixture(scope="module")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Upscaler:
    return Upscaler(tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx"))


def noise(height: int = 7, width: int = 9, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def save(path: Path, seed: int = 0) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed=seed)).save(path)
    return noise(seed=seed)


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def larger(picture: np.ndarray) -> np.ndarray:
    return picture.repeat(2, axis=0).repeat(2, axis=1)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Log(Listener):
    """Writes down what it is told, and on which thread."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.progressed: list[tuple[int, int]] = []
        self.threads: set[int] = set()

    def _add(self, line: str) -> None:
        self.lines.append(line)
        self.threads.add(threading.get_ident())

    def started(self, job: Job, number: int, total: int) -> None:
        self._add(f"{number}/{total} {job.source.name}")

    def progress(self, done: int, total: int) -> None:
        self.progressed.append((done, total))

    def written(self, done: Done) -> None:
        self._add(f"written {done.job.target.name}")

    def skipped(self, job: Job) -> None:
        self._add(f"skipped {job.target.name}")

    def failed(self, failure: Failure) -> None:
        self._add(f"failed {failure.job.source.name}")


def test_a_folder_comes_out_with_its_structure_and_each_picture_is_its_own(tmp_path: Path, upscaler: Upscaler) -> None:
    names = ["a.png", "b.png", "sub/a.png", "sub/deep/c.png"]
    pictures = {name: save(tmp_path / "p" / name, seed) for seed, name in enumerate(names)}
    report = run_pictures(plan([tmp_path / "p"], scale=upscaler.scale).pictures, upscaler)
    assert [len(report.written), len(report.skipped), len(report.failed)] == [4, 0, 0]
    for name, picture in pictures.items():
        np.testing.assert_array_equal(read(tmp_path / "p_x2" / name.replace(".png", "_x2.png")), larger(picture))
    assert len(files(tmp_path / "p_x2")) == 4
    assert {(done.before, done.after, done.pages) for done in report.written} == {((9, 7), (18, 14), 1)}
    assert all(done.seconds > 0 and done.check is None for done in report.written)


def test_bad_pictures_are_reported_and_the_rest_goes_on(tmp_path: Path, upscaler: Upscaler) -> None:
    folder = tmp_path / "p"
    for number in (0, 2, 5):
        save(folder / f"{number}.png", number)
    (folder / "1.png").write_bytes((folder / "0.png").read_bytes()[:150])
    (folder / "3.png").touch()
    (folder / "4.png").write_text("no picture")
    (folder / "6.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    log = Log()
    report = run_pictures(plan([folder], scale=2).pictures, upscaler, listener=log)
    assert [done.job.source.name for done in report.written] == ["0.png", "2.png", "5.png"]
    assert [failure.job.source.name for failure in report.failed] == ["1.png", "3.png", "4.png", "6.png"]
    for failure in report.failed:
        assert isinstance(failure.error, ImageReadError)
        assert f"cannot read '{failure.job.source}': " in str(failure.error)
        assert "\n" not in str(failure.error)
    assert files(tmp_path / "p_x2") == ["0_x2.png", "2_x2.png", "5_x2.png"]
    np.testing.assert_array_equal(read(tmp_path / "p_x2" / "5_x2.png"), larger(noise(seed=5)))
    assert [line for line in log.lines if "/" in line] == ["1/7 0.png", "3/7 2.png", "6/7 5.png"]
    assert log.threads == {threading.get_ident()}


def test_what_is_there_is_skipped_so_that_a_run_goes_on_where_it_was(tmp_path: Path, upscaler: Upscaler) -> None:
    work = []
    for number in range(3):
        save(tmp_path / f"{number}.png", number)
        work.append(Job(tmp_path / f"{number}.png", tmp_path / f"{number}_x2.png"))
    (tmp_path / "1_x2.png").write_text("mine")
    log = Log()
    report = run_pictures(work, upscaler, listener=log)
    assert report.skipped == [work[1]]
    assert log.lines[0] == "skipped 1_x2.png"
    assert (tmp_path / "1_x2.png").read_text() == "mine"
    assert len(run_pictures(work, upscaler).skipped) == 3
    again = run_pictures(work, upscaler, overwrite=True)
    assert len(again.written) == 3
    np.testing.assert_array_equal(read(tmp_path / "1_x2.png"), larger(noise(seed=1)))


def test_ctrl_c_leaves_whole_pictures_only(tmp_path: Path, upscaler: Upscaler) -> None:
    for number in range(5):
        save(tmp_path / "p" / f"{number}.png", number)

    class Impatient(Log):
        def started(self, job: Job, number: int, total: int) -> None:
            if number == 4:
                raise KeyboardInterrupt
            super().started(job, number, total)

    before = threading.active_count()
    work = plan([tmp_path / "p"], scale=2).pictures
    with pytest.raises(KeyboardInterrupt):
        run_pictures(work, upscaler, listener=Impatient())
    assert files(tmp_path / "p_x2") == ["0_x2.png", "1_x2.png", "2_x2.png"]
    assert threading.active_count() == before
    np.testing.assert_array_equal(read(tmp_path / "p_x2" / "2_x2.png"), larger(noise(seed=2)))
    assert len(run_pictures(work, upscaler).written) == 2


# --- Writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_a_full_disk_fails_the_pictures_it_is_too_small_for(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    monkeypatch.setattr(jobs_module, "LARGE_BYTES", 0 if streamed else 1 << 30)
    Image.fromarray(noise(90, 90)).save(tmp_path / "large.png")
    save(tmp_path / "small.png")
    work = [Job(tmp_path / f"{name}.png", tmp_path / "out" / f"{name}.png") for name in ("large", "small")]
    with small_files(9_000):
        report = run_pictures(work, upscaler)
    assert [done.job for done in report.written] == work[1:]
    (failure,) = report.failed
    assert isinstance(failure.error, ImageWriteError)
    assert f"cannot write '{work[0].target}'" in str(failure.error)
    assert files(tmp_path / "out") == ["small.png"]


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "ppm"])
def test_streamed_or_whole_the_pixels_are_the_same(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    save(tmp_path / "a.png")
    reports = []
    for limit in (0, 1 << 30):
        monkeypatch.setattr(jobs_module, "LARGE_BYTES", limit)
        work = [Job(tmp_path / "a.png", tmp_path / f"{limit}.{suffix}")]
        reports.append(run_pictures(work, upscaler, check=True, quality=80))
    np.testing.assert_array_equal(read(tmp_path / f"0.{suffix}"), read(tmp_path / f"{1 << 30}.{suffix}"))
    streamed, whole = (report.written[0] for report in reports)
    assert streamed.check is not None
    assert whole.check is not None
    assert streamed.check.psnr == whole.check.psnr  # of what was computed, not of what JPEG makes of it
    assert (streamed.before, streamed.after) == (whole.before, whole.after)


def test_an_encoder_has_room_beside_what_networks_keep(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(kept, "make_room", lambda size, beside=None: None if beside else asked.append(size))
    save(tmp_path / "a.png")
    work = [Job(tmp_path / "a.png", tmp_path / f"{number}.jpg") for number in range(3)]
    run_pictures(work, upscaler)
    assert asked == [5 * larger(noise()).nbytes]  # for the last one: beside the others the network is at work
    monkeypatch.setattr(jobs_module, "LARGE_BYTES", 0)
    run_pictures(work, upscaler, replace=set(work))
    assert len(asked) == 1  # they were streamed
    run_pictures([Job(tmp_path / "a.png", tmp_path / f"{number}.webp") for number in range(2)], upscaler)
    assert len(asked) == 3  # written before the next one


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_streamed_picture_is_never_decoded_whole(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    Image.fromarray(noise(600, 40)).save(tmp_path / f"a.{suffix}", dpi=(200, 200))
    whole = run_one(Job(tmp_path / f"a.{suffix}", tmp_path / "whole.tif"), upscaler)
    monkeypatch.setattr(jobs_module, "LARGE_BYTES", 0)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded whole")

    monkeypatch.setattr(jobs_module.image, "read", refuse)
    done = run_one(Job(tmp_path / f"a.{suffix}", tmp_path / "rows.tif"), upscaler)
    np.testing.assert_array_equal(read(tmp_path / "rows.tif"), read(tmp_path / "whole.tif"))
    assert (done.before, done.after) == (whole.before, whole.after)
    with Image.open(tmp_path / "rows.tif") as found:
        assert found.info["dpi"] == pytest.approx((400, 400), rel=1e-3)


def test_a_picture_that_turns_out_damaged_while_it_is_computed(
    tmp_path: Path, upscaler: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "LARGE_BYTES", 0)
    Image.fromarray(noise(600, 40)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageReadError) as caught:
        run_one(Job(tmp_path / "a.jpg", tmp_path / "b.jpg"), upscaler)
    assert str(caught.value).count(str(tmp_path / "a.jpg")) == 1
    assert files(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "says"), [("a.webp", "more than WebP can hold"), ("a.avif", "more than AVIF can hold")]
)
def test_what_the_format_cannot_hold_is_said_before_it_is_computed(
    tmp_path: Path, upscaler: Upscaler, name: str, says: str
) -> None:
    Image.fromarray(noise(8200, 2)).save(tmp_path / "tall.png")
    log = Log()
    report = run_pictures([Job(tmp_path / "tall.png", tmp_path / name)], upscaler, listener=log)
    assert says in str(report.failed[0].error)
    assert log.progressed == []
    assert files(tmp_path) == ["tall.png"]


def test_a_network_that_fails_on_one_picture_is_named_with_it(tmp_path: Path) -> None:
    """White overflows in this network, and nothing else does."""
    net = tiny_models.Layers(half=False)
    x = net.conv("input", (np.eye(3) * 2.0**64).reshape(3, 3, 1, 1))
    x = net.conv(x, (np.full((3, 3), 0.4) * 2.0**64).reshape(3, 3, 1, 1))
    last = net.shuffle(net.conv(x, np.full((12, 3, 1, 1), 2.0**-127)))
    model = net.save(tmp_path / "net.onnx", last, scale=2, radius=0)
    for name, value in (("a", 40), ("b", 255), ("c", 40)):
        Image.new("RGB", (6, 6), (value, value, value)).save(tmp_path / f"{name}.png")
    work = [Job(tmp_path / f"{name}.png", tmp_path / "out" / f"{name}.png") for name in "abc"]
    report = run_pictures(work, Upscaler(model, precision="fp32"))
    assert [done.job for done in report.written] == [work[0], work[2]]
    assert str(report.failed[0].error).startswith(f"{tmp_path}/b.png: the network tiny-x2 gives values that are not")
    assert files(tmp_path / "out") == ["a.png", "c.png"]


# --- One picture -----------------------------------------------------------------------------------------------------


def test_one_picture_raises_what_goes_wrong(tmp_path: Path, upscaler: Upscaler) -> None:
    save(tmp_path / "a.png")
    target = tmp_path / "b.png"
    assert upscale_file(tmp_path / "a.png", target, upscaler) == target
    with pytest.raises(OutputExistsError, match="exists: pass overwrite=True"):
        upscale_file(tmp_path / "a.png", target, upscaler)
    assert upscale_file(tmp_path / "a.png", target, upscaler, overwrite=True) == target
    (tmp_path / "bad.png").touch()
    with pytest.raises(ImageReadError, match="0 bytes"):
        upscale_file(tmp_path / "bad.png", None, upscaler)
    with pytest.raises(UsageError, match="is a folder"):
        upscale_file(tmp_path, None, upscaler)
    with pytest.raises(SrganError, match="does not exist"):
        upscale_file(tmp_path / "none.png", None, upscaler)
    assert files(tmp_path) == ["a.png", "b.png", "bad.png"]


def test_pages_are_counted(tmp_path: Path, upscaler: Upscaler) -> None:
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "scan.tif", save_all=True, append_images=frames[1:])
    done = run_one(Job(tmp_path / "scan.tif", tmp_path / "out.png"), upscaler)
    assert done.pages == 3
    np.testing.assert_array_equal(read(tmp_path / "out.png"), larger(noise(seed=0)))


def save_pages(path: Path) -> list[np.ndarray]:
    pages = [noise(7, 9, 1), noise(20, 5, 2), noise(3, 30, 3)]
    first, *rest = (Image.fromarray(page) for page in pages)
    first.save(path, save_all=True, append_images=rest, compression="tiff_deflate")
    return pages


def test_all_pages_of_a_tiff_file(tmp_path: Path, upscaler: Upscaler) -> None:
    pages = save_pages(tmp_path / "scan.tif")
    log = Log()
    done = run_one(plan([tmp_path / "scan.tif"], scale="x2").pictures[0], upscaler, check=True, listener=log)
    assert (done.before, done.after, done.pages, done.enlarged) == ((9, 7), (18, 14), 3, 3)
    with Image.open(tmp_path / "scan_x2.tif") as found:
        assert found.n_frames == 3
        for number, page in enumerate(pages):
            found.seek(number)
            np.testing.assert_array_equal(np.asarray(found), larger(page))
    assert log.progressed[-1] == (253, 253)
    assert log.progressed == sorted(log.progressed)
    assert files(tmp_path) == ["scan.tif", "scan_x2.tif"]
    alone = []
    for page in pages:  # the check is that of the page that fits its input least
        Image.fromarray(page).save(tmp_path / "page.png")
        one = run_one(Job(tmp_path / "page.png", tmp_path / "large.png"), upscaler, overwrite=True, check=True)
        assert one.check is not None
        alone.append(one.check.psnr)
    assert done.check is not None
    assert done.check.psnr == pytest.approx(min(alone))


def test_of_pages_another_format_has_the_first(tmp_path: Path, upscaler: Upscaler) -> None:
    pages = save_pages(tmp_path / "scan.tif")
    done = run_one(Job(tmp_path / "scan.tif", tmp_path / "scan.png"), upscaler)
    assert (done.pages, done.enlarged) == (3, 1)
    np.testing.assert_array_equal(read(tmp_path / "scan.png"), larger(pages[0]))


def test_a_page_that_is_damaged_fails_the_file(tmp_path: Path, upscaler: Upscaler) -> None:
    save_pages(tmp_path / "scan.tif")
    data = (tmp_path / "scan.tif").read_bytes()
    with Image.open(tmp_path / "scan.tif") as whole:
        whole.seek(2)
        start = whole.tag_v2[273][0]
    (tmp_path / "scan.tif").write_bytes(data[: start + 2] + b"spoiled" + data[start + 9 :])
    with pytest.raises(ImageReadError, match="damaged"):
        run_one(Job(tmp_path / "scan.tif", tmp_path / "out.tif"), upscaler)
    assert files(tmp_path) == ["scan.tif"]


def test_what_is_kept_of_many_pictures_is_no_picture(tmp_path: Path, upscaler: Upscaler) -> None:
    """A job of a million pictures keeps a report of each: neither their pixels nor, with the errors, what held them."""
    for number in range(3):
        Image.fromarray(noise(200, 200, number)).save(tmp_path / f"{number}.png")
    whole = (tmp_path / "0.png").read_bytes()
    for number in range(3, 6):
        (tmp_path / f"{number}.png").write_bytes(whole[:20_000] + bytes(20_000) + whole[40_000:])
    jobs = plan([tmp_path], tmp_path / "out", scale=upscaler.label).pictures
    run_pictures(jobs, upscaler, check=True)  # whatever is imported at the first picture
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    report = run_pictures(jobs, upscaler, check=True, overwrite=True)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert (len(report.written), len(report.failed)) == (3, 3)
    assert all(done.check is not None and done.check.psnr > 20 for done in report.written)
    assert kept < 50_000  # a picture has 120,000


def test_what_a_result_will_not_have_is_said_before_it_is_computed(tmp_path: Path, upscaler: Upscaler) -> None:
    from PIL import Image, PngImagePlugin

    about = PngImagePlugin.PngInfo()
    about.add_text("parameters", "a tree")
    Image.new("RGB", (12, 8)).save(tmp_path / "a.png", pnginfo=about)
    told: list[str] = []

    class Order(Listener):
        def leaves_out(self, job: Job, notes: tuple[str, ...]) -> None:
            del job
            told.append(notes[0])

        def progress(self, done: int, total: int) -> None:
            del done, total
            told.append("computes")

        def written(self, done: Done) -> None:
            del done
            told.append("written")

    run_pictures([Job(tmp_path / "a.png", tmp_path / "a.bmp")], upscaler, listener=Order())
    assert told[0] == "text (parameters), for which BMP has no place"
    assert told[1:] == ["computes"] * (len(told) - 2) + ["written"]
