"""Take the page's screenshots for the documentation: ``python tests/web/screenshots.py OUT PICTURE [OPTION…]``.

The options go to ``srgan serve``. Writes page-1280.png, page-390.png and both again in dark mode.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from conftest import CHROMIUM, CHROMIUM_FLAGS, serving


def main(out, picture, *options):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with serving(*options) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        for width, height in ((1280, 800), (390, 844)):
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.set_default_timeout(300_000)
                page.goto(server.url)
                suffix = f"{width}" if scheme == "light" else f"{width}-dark"
                page.locator("#models input").first.wait_for()
                page.screenshot(path=out / f"empty-{suffix}.png", full_page=True)
                page.set_input_files("#file", picture)
                page.click("#go:not([disabled])")
                page.locator("#result").wait_for()
                page.wait_for_timeout(1500)  # the page glides to the result
                page.screenshot(path=out / f"page-{suffix}.png", full_page=True)
                page.set_input_files("#file", __file__)
                page.click("#go:not([disabled])")
                page.locator("#error").wait_for()
                page.screenshot(path=out / f"error-{suffix}.png", full_page=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
