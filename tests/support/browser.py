"""A page in a real browser that is watched: it reports no error and asks nothing of other hosts."""

from contextlib import contextmanager
from urllib.parse import urlsplit

TIMEOUT = 120_000
"""Milliseconds; the machine may be busy."""


@contextmanager
def watched(browser):
    """Yield an empty page; ``seen`` has (method, URL) of all requests of it and of its workers."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.seen, page.errors = [], []
    context.on("request", lambda request: page.seen.append((request.method, request.url)))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if "Content Security" in message.text else None)
    yield page
    assert page.errors == []
    hosts = {urlsplit(url).hostname for _, url in page.seen if not url.startswith(("blob:", "data:"))}
    assert hosts == {"127.0.0.1"}
    context.close()
