"""The page without a server: `srgan export-web`, served as plain files, in a real browser."""

import functools
import http.server
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import srgan.image
from srgan import Upscaler
from srgan.errors import UsageError
from srgan.image import Picture
from srgan.web.site import export_site
from support import tiny_models
from support.browser import watched

RUNTIME = Path(__file__).parent / "node_modules/onnxruntime-web"
needs_runtime = pytest.mark.skipif(not RUNTIME.is_dir(), reason="needs onnxruntime-web: npm ci --prefix tests/web")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return tiny_models.residual(tmp_path_factory.mktemp("network") / "tiny.onnx", channels=8, blocks=3)


@pytest.fixture(scope="module")
def site(network, tmp_path_factory):
    """The address of a site on a plain file server, and its folder."""
    out = tmp_path_factory.mktemp("web") / "site"
    export_site(network, out, runtime=RUNTIME)
    handler = functools.partial(_Quiet, directory=out)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", out
        server.shutdown()


@pytest.fixture
def page(browser, site):
    with watched(browser) as page:
        page.goto(site[0])
        page.wait_for_function("() => crossOriginIsolated")  # the service worker has taken over: threads may be used
        page.locator("#limits", has_text="What this browser opens").wait_for()
        yield page
        assert {method for method, _ in page.seen} == {"GET"}  # no picture goes anywhere


def enlarge(page, path, folder):
    page.set_input_files("#file", path)
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()
    with page.expect_download() as event:
        page.click("#download")
    event.value.save_as(folder / event.value.suggested_filename)
    return folder / event.value.suggested_filename


def seen(pixels):
    """Return colours as they are seen: multiplied with alpha."""
    if pixels.shape[2] == 3:
        return pixels.astype(float)
    return np.dstack([pixels[:, :, :3] * (pixels[:, :, 3:] / 255.0), pixels[:, :, 3:]])


def largest_difference(one, other):
    return np.abs(seen(one) - seen(other)).max()


@needs_runtime
def test_it_gives_the_packages_pixels_over_tiles_and_works_offline(page, network, tmp_path):
    path = tmp_path / "photo.png"
    small = np.random.default_rng(0).integers(0, 256, (34, 50, 3), np.uint8)
    Image.fromarray(small).resize((400, 270), Image.Resampling.BICUBIC).save(path)  # 3 x 2 tiles
    page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver(() => said.push(document.getElementById("status").textContent))
                .observe(document.getElementById("status"), {childList: true, characterData: true, subtree: true});
        }"""
    )
    made = srgan.image.read(enlarge(page, path, tmp_path / "out")).pixels
    expected = Upscaler(network, precision="fp32")(srgan.image.read(path).pixels)
    assert made.shape == (1080, 1600, 3)
    assert largest_difference(made, expected) <= 2
    said = page.evaluate("said")
    assert any(text.startswith("Enlarging: ") and not text.endswith(" 0 %") for text in said), said
    assert "threads: by tiny-x4" in page.locator("#facts").text_content()
    assert page.locator("#zoom").text_content() == "100 %"

    page.context.set_offline(True)
    page.reload()
    page.locator("#limits", has_text="What this browser opens").wait_for()
    again = srgan.image.read(enlarge(page, path, tmp_path / "offline")).pixels
    assert np.array_equal(again, made)


@needs_runtime
def test_transparency_is_as_in_the_package(page, network, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 4), np.uint8)
    pixels[:, :, 3] = 255
    pixels[20:45, 10:60] = 0  # nothing there, and black
    pixels[:, 60:, 3] = 160
    path = tmp_path / "sticker.png"
    srgan.image.write(Picture(pixels), path)
    made = srgan.image.read(enlarge(page, path, tmp_path / "out")).pixels
    expected = Upscaler(network, precision="fp32")(pixels)
    assert made.shape == expected.shape == (240, 320, 4)
    assert largest_difference(made, expected) <= 2


@needs_runtime
def test_work_can_be_cancelled_and_what_is_no_picture_is_refused(page, tmp_path):
    large = tmp_path / "large.jpg"
    Image.fromarray(np.random.default_rng(2).integers(0, 256, (1500, 2000, 3), np.uint8)).save(large)
    page.set_input_files("#file", large)
    page.click("#go:not([disabled])")
    page.wait_for_function("() => document.getElementById('progress').value > 0")
    page.click("#cancel")
    page.locator("#notice", has_text="Cancelled").wait_for()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    page.set_input_files("#file", broken)
    page.click("#only")
    page.locator("#error", has_text='This browser cannot open "broken.png"').wait_for()


def test_what_it_cannot_be_made_of_is_said_before(network, tmp_path):
    with pytest.raises(UsageError, match="npm install onnxruntime-web"):
        export_site(network, tmp_path / "site", runtime=tmp_path)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        (runtime / name).write_bytes(b"")
    with pytest.raises(UsageError, match="auto chooses among several networks"):
        export_site("auto", tmp_path / "site", runtime=runtime)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "thesis.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is no site of ours"):
            export_site(network, taken, runtime=runtime, overwrite=overwrite)
    export_site(network, tmp_path / "site", runtime=runtime)
    with pytest.raises(UsageError, match="name a new folder"):
        export_site(network, tmp_path / "site", runtime=runtime)
    (tmp_path / "site" / "old.txt").write_text("")
    export_site(network, tmp_path / "site", runtime=runtime, overwrite=True)
    assert not (tmp_path / "site" / "old.txt").exists()
    assert (taken / "thesis.txt").read_text() == "mine"
