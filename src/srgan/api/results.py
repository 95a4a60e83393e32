"""The path of a result, which a notebook shows with both pictures."""

from __future__ import annotations

from pathlib import Path

from srgan.errors import SrganError


class ResultPath(type(Path())):  # type: ignore[misc]  # the kind of path of this system, which the checker cannot know
    """The file that a picture was written to: a :class:`~pathlib.Path` like any other.

    Attributes
    ----------
    source : the file that was enlarged; None for paths that were made from this one
    """

    source: Path | None = None

    @classmethod
    def of(cls, path: Path, source: Path) -> ResultPath:
        """Return the path of a result."""
        result = cls(path)
        result.source = source
        return result

    def _repr_html_(self) -> str | None:
        """Return both pictures, or None (the path alone is shown) where one of them cannot be."""
        from srgan.api.comparison import compare

        if self.source is None:
            return None
        try:
            return compare(self.source, self)._repr_html_()
        except (SrganError, OSError, MemoryError):
            return None
