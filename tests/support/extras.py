"""What a test needs that the extra `test` does not bring: it is skipped where that was not asked for, and only there.

A test imports what it needs, on top of its module or inside a function, and says no more; one that starts a process, or
whose code says in a line what is missing, carries the mark ``extra("train")``. The hooks below, which conftest.py takes, turn a
missing package into a skip that names it and the extra that brings it. It stays an error

- if the package is none of another extra: srgan's own modules, a misspelt name, what the extra `test` itself brings;
- if the package is installed, and cannot be imported;
- if it is expected: one of the extras in ``$SRGAN_TEST_EXTRAS`` ("test,web"; what CI sets) brings it. Without that
  variable every package is expected in an environment of `.[dev]`, known by the packages that dev itself names.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from srgan.errors import MissingExtraError

EXPECTED = "SRGAN_TEST_EXTRAS"

OTHERWISE_CALLED = {"pillow_jxl": "pillow-jxl-plugin", "multipart": "python-multipart", "skimage": "scikit-image"}
"""Modules whose package has another name."""

BROUGHT_BY = {"botocore": "moto", "nbformat": "nbclient", "pyarrow": "ray", "torchvision": "spandrel"}
"""Modules of packages that come with one of ours."""


@dataclass(frozen=True)
class Extra:
    """One extra: the packages that it names itself, and the extras that it includes."""

    packages: frozenset[str]
    includes: frozenset[str]


def read(project: Mapping[str, list[str]]) -> dict[str, Extra]:
    """Return the extras of ``[project.optional-dependencies]``, in their order."""
    found = {}
    for name, lines in project.items():
        wanted = [Requirement(line) for line in lines]
        found[name] = Extra(
            frozenset(canonicalize_name(each.name) for each in wanted if each.name != "srgan"),
            frozenset(extra for each in wanted if each.name == "srgan" for extra in each.extras),
        )
    return found


@cache
def of_the_project() -> dict[str, Extra]:
    """Return the extras of this project."""
    settings = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    return read(settings["project"]["optional-dependencies"])


def installed(package: str) -> bool:
    """Whether a package is there, by its name on the index."""
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def brought(extra: str, extras: Mapping[str, Extra]) -> frozenset[str]:
    """Return all packages of an extra, those of the extras that it includes as well."""
    found = extras[extra]
    return found.packages.union(*(brought(name, extras) for name in found.includes))


def expected(extras: Mapping[str, Extra], *, asked: str | None = None) -> frozenset[str]:
    """Return the packages that must be there; ``asked`` is the value of ``$SRGAN_TEST_EXTRAS``."""
    names = {"test"}
    if asked:
        names |= {name.strip() for name in asked.split(",")}
    elif all(map(installed, extras["dev"].packages)):
        names.add("dev")
    return frozenset().union(*(brought(name, extras) for name in names))


def lacking(*names: str) -> str | None:
    """Return a line that says which packages of these extras are missing and not expected, or None."""
    extras = of_the_project()
    must = expected(extras, asked=os.environ.get(EXPECTED))
    for name in names:
        missing = sorted(each for each in brought(name, extras) if each not in must and not installed(each))
        if missing:
            return f"needs {', '.join(missing)}: pip install 'srgan[{name}]'"
    return None


def why_skipped(error: BaseException | None) -> str | None:
    """Return the line with which a test that ended by this exception is skipped, or None where it failed."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        module = error.name.partition(".")[0]
        package = canonicalize_name(OTHERWISE_CALLED.get(module) or BROUGHT_BY.get(module) or module)
        extra = next((name for name, extra in of_the_project().items() if package in extra.packages), None)
        must = expected(of_the_project(), asked=os.environ.get(EXPECTED))
        if extra is None or package in must or installed(package):
            return None
        return f"needs {package}: pip install 'srgan[{extra}]'"
    if isinstance(error, MissingExtraError):
        return lacking(error.extra)
    return None


def need(*names: str) -> None:
    """Skip the test that calls this if packages of these extras are missing and not expected."""
    if why := lacking(*names):
        pytest.skip(why)


def need_format(end: str) -> None:
    """Skip the test that calls this unless pictures of this suffix, without the dot, can be written or read here."""
    from srgan.image import FORMATS

    if not next(entry for entry in FORMATS.values() if f".{end}" in entry.suffixes).installed:
        need("formats")


@contextmanager
def skipped_where_an_extra_is_missing() -> Iterator[None]:
    """Skip what the block sets up or tests if it ends for want of a package that nobody asked for."""
    try:
        yield
    except Exception as error:
        why = why_skipped(error)
        if why is None:
            raise
        pytest.skip(why)


class TestModule(pytest.Module):
    """A file of tests, skipped as a whole if what it imports comes with an extra that nobody asked for."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Import the file; pytest gives what the import ended by as the cause of its own error."""
        try:
            return super().collect()
        except Exception as error:
            why = why_skipped(error.__cause__ or error)
            if why is None:
                raise
            pytest.skip(why, allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Collect each file so."""
    return TestModule.from_parent(parent, path=module_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Skip a test for its mark ``extra``, or for what its fixtures import."""
    with skipped_where_an_extra_is_missing():
        for mark in item.iter_markers("extra"):
            if why := lacking(*mark.args):
                pytest.skip(why)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Skip a test for what it imports itself."""
    with skipped_where_an_extra_is_missing():
        return (yield)
