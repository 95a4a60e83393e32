"""The page in a real browser: what a person does, and what the file is in the end."""

import re

import numpy as np
import pytest
from PIL import Image

import srgan.image
from srgan.image import Picture
from support.browser import TIMEOUT, watched
from support.server import serving, wait_for


@pytest.fixture
def page(browser, server):
    with watched(browser) as page:
        page.goto(server.url)
        page.locator(".model").first.wait_for()
        page.click("#more summary")
        yield page


def enlarge(page, path):
    page.set_input_files("#file", path)
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()


def download(page, folder):
    with page.expect_download() as event:
        page.click("#download")
    path = folder / event.value.suggested_filename
    event.value.save_as(path)
    return path


def shares(page):
    """Return the share of the width that each layer's clip leaves: before, after."""
    clips = [page.locator(f"#{name}-layer").evaluate("e => e.style.clipPath") for name in ("before", "after")]
    before, after = (re.findall(r"([\d.]+)(?:px|%)?", clip) for clip in clips)
    return 100 - float(before[1]), float(after[3] if len(after) > 3 else after[-1])


def test_a_picture_is_enlarged_compared_and_downloaded_with_its_profile(page, photo, profile, tmp_path):
    page.check("input[value='nearest-x4']")
    enlarge(page, photo)
    for name in ("before", "after"):
        assert page.locator(f"#{name}").evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.locator("#after").evaluate("image => [image.naturalWidth, image.naturalHeight]") == [240, 160]
    assert re.search(r", in [\d.]+ s, by nearest-x4$", page.locator("#facts").text_content())

    slider = page.get_by_role("slider")
    assert shares(page) == (50, 50)
    slider.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "45"
    assert shares(page) == (45, 45)

    box = page.locator("#viewer").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    assert slider.input_value() == "80"

    path = download(page, tmp_path)
    assert path.name == "Föhn & co_x4.png"
    result = srgan.image.read(path)
    assert (result.width, result.height) == (240, 160)
    assert result.icc == profile
    assert result.resolution == pytest.approx((16, 16), rel=0.01)
    original = srgan.image.read(photo).pixels
    assert np.abs(result.pixels[::4, ::4].astype(int) - original).max() <= 2  # computed in bf16 where there is bf16


def test_a_jpeg_stays_a_jpeg_with_its_exif(page, profile, tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0132] = "A camera", "2024:05:06 07:08:09"  # its make, and when
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (24, 16), (200, 90, 40)).save(source, exif=exif, icc_profile=profile, quality=95)
    enlarge(page, source)
    with Image.open(download(page, tmp_path / "out")) as result:
        assert (result.format, result.size) == ("JPEG", (96, 64))
        found = result.getexif()
        assert (found[0x010F], found[0x0132]) == ("A camera", "2024:05:06 07:08:09")
        assert result.info["icc_profile"] == profile


def test_progress_is_shown_and_work_can_be_cancelled(browser, slow_model, tmp_path):
    large = tmp_path / "large.png"
    pixels = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    srgan.image.write(Picture(pixels), large)
    with serving("--model", slow_model, "--memory", "100MB") as server:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT)
        page.goto(server.url)
        page.set_input_files("#file", large)
        page.click("#go:not([disabled])")
        page.locator("#status", has_text=re.compile(r"Enlarging.*: \d+ %")).wait_for()
        page.wait_for_function("() => document.getElementById('progress').value > 0.01")
        page.click("#cancel")
        page.locator("#working").wait_for(state="hidden")
        assert page.locator("#go").is_enabled()
        assert page.locator("#notice").text_content() == "Cancelled: nothing was kept."
        assert page.locator("#said").text_content() == "Cancelled: nothing of large.png was kept"
        assert page.evaluate("document.activeElement.id") == "go"
        figures = "() => fetch('metrics').then(answer => answer.text())"
        # The server notices, and stops long before the picture could be done.
        wait_for(lambda: 'srgan_queue{state="computing"} 0.0' in page.evaluate(figures), 120)
        assert 'route="/v1/upscale",status="499"} 1.0' in page.evaluate(figures)
        page.close()


def test_sizes_and_formats(page, photo, tmp_path):
    page.set_input_files("#file", photo)
    page.locator("#preview").wait_for()
    assert "240 × 160" in page.locator("#size option:checked").text_content()
    page.select_option("#size", "width")
    page.fill("#width", "90")
    page.select_option("#format", "webp")
    enlarge(page, photo)
    path = download(page, tmp_path)
    assert path.name == "Föhn & co_w90.webp"
    header = srgan.image.probe(path)
    assert (header.width, header.height, header.format) == (90, 60, "WebP")


def test_a_file_that_browsers_do_not_show_is_still_enlarged(page, tmp_path):
    source = tmp_path / "scan.tif"
    srgan.image.write(Picture(np.full((10, 12, 1), 40_000, np.uint16)), source)
    page.check("input[value='nearest-x4']")
    page.set_input_files("#file", source)
    page.locator("#preview").wait_for()
    assert "12 × 10" in page.locator("#chosen").text_content()
    page.click("#go:not([disabled])")
    page.locator("#viewer").wait_for()
    for name, size in (("before", [12, 10]), ("after", [48, 40])):  # the server shows both
        layer = page.locator(f"#{name}")
        assert layer.evaluate("image => [image.naturalWidth, image.naturalHeight]") == size
        middle = layer.evaluate(
            """async image => {
                await image.decode();
                const canvas = new OffscreenCanvas(1, 1).getContext("2d");
                canvas.drawImage(image, -5, -5);
                return canvas.getImageData(0, 0, 1, 1).data[0];
            }"""
        )
        assert middle == pytest.approx(40_000 / 257, abs=2)
    result = srgan.image.read(download(page, tmp_path))
    assert (result.width, result.height, result.format) == (48, 40, "TIFF")
    assert result.pixels.dtype == np.uint16


@pytest.mark.parametrize("kind", ["not a picture", "truncated", "too many pixels", "too many bytes"])
def test_an_error_is_a_sentence(page, photo, tmp_path, kind):
    path = tmp_path / "picture.png"
    if kind == "not a picture":
        path.write_text("dear diary")
        said = "Cannot read 'picture.png': it is not a picture that srgan knows"
    elif kind == "truncated":
        path.write_bytes(photo.read_bytes()[:-60])
        said = "Cannot read 'picture.png': it is damaged, cut short"
    elif kind == "too many pixels":
        srgan.image.write(Picture(np.zeros((600, 600, 1), np.uint8)), path)
        said = "The picture has 600 × 600 pixels, 0.36 million, and the limit here is 0.3 million"
    else:
        path.write_bytes(photo.read_bytes() + bytes(2_000_000))
        said = "the limit here is 2 MB: send a smaller one"
    page.set_input_files("#file", path)
    page.locator("#chosen").wait_for()
    error = page.locator("#error[role=alert]")
    if kind == "truncated":  # browsers show what is there of it
        page.click("#go:not([disabled])")
    error.wait_for()
    assert said in error.text_content()
    assert page.locator("#result").is_hidden()
    # The next picture is taken.
    enlarge(page, photo)
    assert error.is_hidden()


def test_zoom_and_keys(page, photo):
    enlarge(page, photo)
    page.get_by_role("button", name="200 %").click()
    assert page.locator("#zoom").text_content() == "200 %"
    width = page.locator("#after").evaluate("image => image.getBoundingClientRect().width")
    assert width == pytest.approx(480)
    # No wider than the picture: empty stripes beside it would look like transparency.
    assert page.locator("#viewer").evaluate("viewer => viewer.clientWidth") == 480
    page.locator("#viewer").focus()
    for _ in range(6):
        page.keyboard.press("+")
    assert page.locator("#zoom").text_content() == "763 %"
    place = "image => image.getBoundingClientRect().left"
    before = page.locator("#after").evaluate(place)
    page.keyboard.press("ArrowRight")
    assert page.locator("#after").evaluate(place) == pytest.approx(before - 60)
    assert page.locator("#before").evaluate(place) == pytest.approx(before - 60)
    page.keyboard.press("0")
    assert page.locator("#zoom").text_content() == "133 %"  # 240 pixels in a viewer of 320


def test_everything_is_within_reach_of_the_keyboard(page, photo):
    page.set_input_files("#file", photo)
    page.locator("#go:not([disabled])").wait_for()
    reached = set()
    page.locator("header a").focus()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    assert {"add", "model", "size", "format", "go"} <= reached
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'cancel' || !document.getElementById('result').hidden")
    page.locator("#result").wait_for()
    assert page.evaluate("document.activeElement.id") == "result"
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.zoom"))
    assert {"viewer", "slider", "fit", "1", "2", "download"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_its_own_colours(browser, server, photo, scheme):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme, device_scale_factor=2)
    page.set_default_timeout(TIMEOUT)
    page.goto(server.url)
    enlarge(page, photo)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#networks summary")
    page.click("#more summary")
    for control in page.locator("button:visible, select:visible, a.primary:visible").all():
        box = control.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["height"] >= 38  # a finger finds it
    red = page.evaluate("parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
    assert (red < 60) == (scheme == "dark")
    page.close()


def test_the_documentation_comes_from_this_server_alone(page, server):
    page.goto(f"{server.url}/docs")
    page.get_by_text("Enlarge a picture").wait_for()
    page.wait_for_load_state("networkidle")  # the fixture checks the hosts


def test_the_page_asks_for_the_token(browser, models, photo):
    with serving(*models, "--token", "open-sesame") as server:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT)
        page.goto(server.url)
        page.fill("#token", "wrong")
        page.keyboard.press("Enter")
        page.get_by_text("That token is not right").wait_for()
        page.fill("#token", "open-sesame")
        page.keyboard.press("Enter")
        page.locator(".model").first.wait_for()
        enlarge(page, photo)
        page.close()
