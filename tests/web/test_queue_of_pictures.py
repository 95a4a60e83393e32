"""Several pictures on the page: chosen, dropped, queued, compared by tabs, and downloaded at once; and what axe finds in it."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import srgan.image
from srgan.image import Picture
from support.browser import TIMEOUT, watched
from support.server import serving

AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"


@pytest.fixture
def page(browser, server):
    with watched(browser) as page:
        page.goto(server.url)
        page.locator(".model").first.wait_for()
        page.check("input[value='nearest-x4']")
        yield page


@pytest.fixture
def pictures(tmp_path):
    """Three pictures of 8, 10 and 12 pixels across."""
    paths = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        srgan.image.write(Picture(np.full((6, 8 + 2 * number, 3), 80 * number, np.uint8)), path)
        paths.append(path)
    return paths


def names(page):
    return page.locator("#list .name").all_text_contents()


def drop(page, files):
    """Drop files, {path: bytes}; those in folders come as folders do, as entries."""
    page.evaluate(
        """async files => {
            const blob = (path, bytes) => new File([new Uint8Array(bytes)], path.split("/").pop(), {type: ""});
            const made = Object.entries(files).map(([path, bytes]) => [path, blob(path, bytes)]);
            const file = ([path, file]) => ({isFile: true, name: file.name, file: back => back(file)});
            const folder = (name, list) => {
                const parts = [list.map(file), []];
                return {isDirectory: true, name, createReader: () => ({readEntries: back => back(parts.shift() ?? [])})};
            };
            const roots = {};
            for (const entry of made) (roots[entry[0].includes("/") ? entry[0].split("/")[0] : ""] ??= []).push(entry);
            const entries = Object.entries(roots).flatMap(([root, list]) => (root ? [folder(root, list)] : list.map(file)));
            const items = entries.map(entry => ({kind: "file", webkitGetAsEntry: () => entry}));
            const event = new Event("drop", {bubbles: true, cancelable: true});
            Object.defineProperty(event, "dataTransfer", {value: {items, files: made.map(([, file]) => file)}});
            document.dispatchEvent(event);
        }""",
        {path: list(data) for path, data in files.items()},
    )


def test_several_are_queued_and_come_in_one_archive(page, pictures, tmp_path):
    drop(page, {path.name: path.read_bytes() for path in pictures[:2]})  # the second one does not vanish
    page.set_input_files("#file", pictures[2])
    page.set_input_files("#file", pictures[2])  # the same file once more
    page.wait_for_function("() => document.querySelectorAll('#list li[data-state=ready]').length === 4")
    assert names(page) == ["0.png", "1.png", "2.png", "2.png"]
    assert page.locator("#go").text_content() == "Enlarge 4 pictures"
    page.click("#go:not([disabled])")
    page.wait_for_function("() => document.querySelectorAll('#list li[data-state=done]').length === 4")
    assert page.locator("#queue-title").text_content() == "4 pictures, 4 done"
    with page.expect_download() as event:
        page.click("#zip")
    event.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["0_x4.png", "1_x4.png", "2_x4.png", "2_x4 (2).png"]
        for number, name in enumerate(archive.namelist()):
            with Image.open(io.BytesIO(archive.read(name))) as result:
                assert result.size == (32 + 8 * min(number, 2), 24)
    # One of them alone, and none of it any more.
    with page.expect_download() as event:
        page.locator("#list li").nth(1).get_by_text("Download").click()
    assert event.value.suggested_filename == "1_x4.png"
    page.locator("#list li").nth(1).get_by_text("Remove").click()
    assert names(page) == ["0.png", "2.png", "2.png"]


def test_a_folder_keeps_its_names_and_says_what_it_leaves_out(page, pictures):
    files = {f"trip/{path.name}": path.read_bytes() for path in pictures[:2]}
    drop(page, files | {"trip/notes.txt": b"dear diary", "single.png": pictures[2].read_bytes()})
    page.wait_for_function("() => document.querySelectorAll('#list li[data-state=ready]').length === 3")
    assert sorted(names(page)) == ["single.png", "trip/0.png", "trip/1.png"]
    assert page.locator("#said").text_content() == "1 file that is no picture was left out"


def test_what_comes_while_it_works_is_queued_and_cancelled_one_by_one(browser, slow_model, pictures, tmp_path):
    large = tmp_path / "large.png"
    srgan.image.write(Picture(np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8)), large)
    with serving("--model", slow_model, "--memory", "100MB") as server:
        other, page = browser.new_page(), browser.new_page()
        for visitor, path in (
            (other, pictures[2]),
            (page, large),
        ):  # both are ready before the work begins, which takes seconds
            visitor.set_default_timeout(TIMEOUT)
            visitor.goto(server.url)
            visitor.set_input_files("#file", path)
            visitor.locator("#go:not([disabled])").wait_for()
        page.click("#go:not([disabled])")
        page.wait_for_function("() => document.getElementById('progress').value > 0")
        page.set_input_files("#file", pictures[:2])
        page.wait_for_function("() => document.querySelectorAll('#list li[data-state=waiting]').length === 2")
        other.click("#go:not([disabled])")  # a second visitor sees how long it will be
        other.locator("#status", has_text="Waiting for 1 other picture").wait_for()
        page.locator("#list li").nth(2).get_by_text("Cancel").click()
        assert page.locator("#list li").nth(2).locator(".state").text_content() == "cancelled, nothing was kept"
        page.click("#cancel")
        page.locator("#list li[data-state=cancelled]").nth(1).wait_for()
        page.locator("#list li[data-state=done]").wait_for()  # the one that was not
        assert [item.get_attribute("data-state") for item in page.locator("#list li").all()] == [
            "cancelled",
            "done",
            "cancelled",
        ]
        other.locator("#result").wait_for()
        page.close()
        other.close()


def test_results_of_several_networks_are_tabs(page, photo):
    page.set_input_files("#file", photo)
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()
    page.check("input[value='tiny-x4']")
    page.click("#go:not([disabled])")
    tabs = page.get_by_role("tab")
    tabs.nth(1).wait_for()
    assert tabs.all_text_contents() == ["nearest-x4", "tiny-x4"]
    assert page.locator("#facts").text_content().endswith("by tiny-x4")
    tabs.nth(1).focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#facts").text_content().endswith("by nearest-x4")
    assert page.evaluate("document.activeElement.textContent") == "nearest-x4"
    assert tabs.nth(0).get_attribute("aria-selected") == "true"


def test_it_opens_at_100_percent_where_the_detail_is(page, tmp_path):
    pixels = np.full((300, 400, 3), 128, np.uint8)
    pixels[200:260, 300:380] = np.random.default_rng(0).integers(0, 256, (60, 80, 3))
    path = tmp_path / "detail.png"
    srgan.image.write(Picture(pixels), path)
    page.set_input_files("#file", path)
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()
    assert page.locator("#zoom").text_content() == "100 %"
    box, image = page.locator("#viewer").bounding_box(), page.locator("#after").bounding_box()
    left, top = (box["x"] - image["x"]) / 4, (box["y"] - image["y"]) / 4  # in pixels of the picture
    right, bottom = left + box["width"] / 4, top + box["height"] / 4
    assert (left <= 301, top <= 201, right >= 379, bottom >= 259) == (True, True, True, True)


def test_sizes_that_the_server_does_not_make_are_not_offered(page, tmp_path):
    path = tmp_path / "wide.png"
    srgan.image.write(Picture(np.zeros((400, 700, 3), np.uint8)), path)  # 0.28 of 0.3 million, and 4.8 million at most
    page.set_input_files("#file", path)
    page.locator("#size option", has_text="2800 × 1600").wait_for(state="attached")
    sizes = page.locator("#size option").all_text_contents()
    assert sizes[0] == "The same, cleaned: 700 × 400"
    assert not any(size.startswith("8 times") for size in sizes)
    assert page.locator("#size-note").text_content() == "More than 4 million pixels are not made here."
    for size, field, value, said in (
        ("width", "#width", "700", "The picture is 700 pixels across already"),
        ("width", "#width", "6000", "The result would have 6000 × 3429 pixels"),
        ("fit", "#fit-width", "640", "The picture has 700 × 400 pixels, and fills 640 × 2160 already"),
    ):
        page.select_option("#size", size)
        page.fill(field, value)
        page.click("#go:not([disabled])")
        page.locator("#error", has_text=said).wait_for()
    assert page.evaluate("document.activeElement.id") == "error"
    page.fill("#fit-width", "1000")
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()
    assert "1000 × 571 pixels" in page.locator("#facts").text_content()


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm ci --prefix tests/web")
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(browser, server, photo, pictures, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.goto(server.url)
    page.locator(".model").first.wait_for(state="attached")
    page.add_script_tag(path=AXE)

    def check(state):
        found = page.evaluate("async () => (await axe.run()).violations")
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], f"{state}: {json.dumps(serious, indent=1)}"

    check("empty")
    page.click("#more summary")
    page.set_input_files("#file", [photo, *pictures])
    page.locator("#list li[data-state=ready]").nth(3).wait_for()
    check("filled")
    page.click("#go:not([disabled])")
    page.locator("#list li[data-state=done]").nth(3).wait_for()
    if width < 720:
        page.click("#networks summary")
    page.check("input[value='nearest-x4']")
    page.click("#only")
    page.get_by_role("tab").nth(1).wait_for()
    check("done")
    page.set_input_files("#file", __file__)
    page.locator("#error").wait_for()
    check("failed")
    context.close()
