"""Names of files with markup, control characters and marks of direction: what the API answers and the page shows."""

import re

import httpx
import pytest

from support.names import FORBIDDEN, NAMES

PICTURE = b"P5 1 1 255\n\0"


def test_the_server(server):
    for name in NAMES:
        answer = httpx.post(f"{server.url}/v1/upscale", files={"image": (name, PICTURE)}, timeout=300)
        given = answer.headers["content-disposition"]
        assert answer.status_code == 200
        assert not re.search("%0A|%0D|%1B|%E2%80%AE|%E2%81%A6|%E2%80%A8|%C2%9B", given), given
        refused = httpx.post(f"{server.url}/v1/upscale", files={"image": (name, b"no picture")}, timeout=300)
        assert refused.status_code == 422
        assert not FORBIDDEN.search(refused.json()["detail"])


@pytest.mark.browser
def test_the_page(browser, server):
    page = browser.new_page()
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(server.url)
    page.locator(".model").first.wait_for()
    for name in NAMES:
        page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": PICTURE})
        start = "\\u2028" if name[0] == "\u2028" else name[0]
        strong = page.locator("#chosen strong")
        page.wait_for_function(
            "start => document.querySelector('#chosen strong')?.textContent.startsWith(start)",
            arg=start,
        )
        assert not FORBIDDEN.search(strong.inner_text())
        assert strong.locator("*").count() == 0
        page.click("#go:not([disabled])")
        page.locator("#result").wait_for()
        assert not FORBIDDEN.search(page.locator("#facts").inner_text())
    assert dialogs == []
    page.close()
