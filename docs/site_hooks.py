"""What mkdocs does beside building ``docs/``: it takes in the root's own documents, and reads the roles of docstrings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
TAKEN = {"CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md", "CHANGELOG.md": "changelog.md"}
"""Documents that lie where GitHub looks for them, and the pages that they become."""

SHIM = "https://unpkg.com/iframe-worker/shim"
"""What the theme would load from another host."""


def on_files(files: Any, config: Any) -> Any:
    """Add the root's documents."""
    for source, page in TAKEN.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=_from_the_root(text)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to the root's documents lead to their pages; other files of the repository are no pages."""
    for source, page in TAKEN.items():
        markdown = markdown.replace(f"](../{source}", f"]({page}")
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]+\)", r"\1", markdown)


def on_post_page(output: str, **_: Any) -> str:
    """Take the shim, by which search works in pages that are opened as files, from the site itself."""
    return output.replace(SHIM, "vendor/iframe-worker.js")


def _from_the_root(text: str) -> str:
    text = text.replace("](docs/", "](")
    for source, page in TAKEN.items():
        text = text.replace(f"]({source}", f"]({page}")
    return text
