"""What the package's page shows: the README, whose links lead to the project's home, which whoever builds it names.

An index shows the README without the files beside it, so pictures and links need whole addresses. Where the project
lives is written down nowhere: ``SRGAN_HOME`` says so when a release is built, for instance
``https://github.com/owner/srgan`` (the workflow takes the repository that it runs in). Without it links stay as they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?![a-z]+:|#)[^)\s]+)\)")
_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"', re.MULTILINE)


def with_whole_addresses(readme: str, home: str, version: str) -> str:
    """Return the README with links that lead to the files of the version's tag."""

    def whole(link: re.Match[str]) -> str:
        kind = "raw" if link["image"] else "blob"
        return f"{link['image']}[{link['text']}]({home.rstrip('/')}/{kind}/v{version}/{link['path']})"

    # A picture may be the text of a link: innermost first.
    return _LINK.sub(whole, readme)


class CustomMetadataHook(MetadataHookInterface):
    """Sets the long description and the addresses of the project."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what pyproject.toml leaves to be said when the package is built."""
        root = Path(self.root)
        readme = (root / "README.md").read_text(encoding="utf-8")
        found = _VERSION.search((root / "src/srgan/_version.py").read_text(encoding="utf-8"))
        home = os.environ.get("SRGAN_HOME", "")
        urls = {"Paper": "https://arxiv.org/abs/1609.04802"}
        if home and found:
            readme = with_whole_addresses(readme, home, found["version"])
            urls |= {"Source": home, "Changelog": f"{home.rstrip('/')}/blob/v{found['version']}/CHANGELOG.md"}
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
        metadata["urls"] = urls
