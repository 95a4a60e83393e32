"""Take the page's screenshots: ``PYTHONPATH=tests python tests/web/screenshots.py OUT PICTURE [OPTION…]``.

The options go to ``srgan serve``. Writes ``page-1280.webp`` and ``page-390.webp``, with a result, the same as they begin
(``empty-``), with several pictures (``queue-``) and with an error (``error-``), and all again in dark mode (``-dark``). Those in
docs/ are made by ``PYTHONPATH=tests python tests/web/screenshots.py /tmp/shots examples/spices.jpg``; look at all of them.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from support.server import CHROMIUM, CHROMIUM_FLAGS, serving


def shoot(page, path):
    with Image.open(io.BytesIO(page.screenshot(full_page=True))) as shot:
        shot.convert("RGB").save(path, "WEBP", quality=80, method=6)


def main(out, picture, *options):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with serving(*options) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for width, height in ((1280, 800), (390, 844)):
            for scheme in ("light", "dark"):
                phone = width < 720
                view = {"width": width, "height": height}
                page = browser.new_page(viewport=view, color_scheme=scheme, has_touch=phone, is_mobile=phone)
                page.set_default_timeout(300_000)
                page.goto(server.url)
                suffix = f"{width}" if scheme == "light" else f"{width}-dark"
                page.locator("#models input").first.wait_for(state="attached")
                page.wait_for_load_state("networkidle")
                shoot(page, out / f"empty-{suffix}.webp")
                page.set_input_files("#file", picture)
                page.click("#go:not([disabled])")
                page.locator("#result").wait_for()
                page.mouse.move(0, 0)
                page.wait_for_timeout(1500)  # the page glides to the result
                shoot(page, out / f"page-{suffix}.webp")
                others = ["examples/indri.png", "examples/colosseum.jpg"]
                page.set_input_files("#file", others)
                page.locator("#list li[data-state=ready]").nth(1).wait_for()
                page.click("#go:not([disabled])")
                page.locator("#list li[data-state=done]").nth(2).wait_for()
                shoot(page, out / f"queue-{suffix}.webp")
                page.set_input_files("#file", __file__)
                page.locator("#error").wait_for()
                shoot(page, out / f"error-{suffix}.webp")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
