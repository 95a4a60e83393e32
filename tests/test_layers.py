"""Imports run one way: down the layers of the package, in no circle, and past no underscore."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import srgan

PACKAGE = Path(srgan.__file__).parent

LAYERS = [
    "__init__ __main__",
    "cli",
    "web video",
    "api",
    "jobs",
    "interop",
    "training",
    "evaluation",
    "data",
    "engine",
    "runtime",
    "resize",
    "models",
    "networks",
    "image",
    "storage",
    "files",
    "errors text _version",
]
"""From top to bottom; a module may import from its own room and from those further down."""

LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms.split()}


class Import(NamedTuple):
    """One name, or a whole module, that a module takes from another; ``always`` if that runs when it is imported."""

    module: str
    other: str
    name: str | None
    line: int
    always: bool


def module_name(file: Path, package: Path) -> str:
    parts = file.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def room(module: str) -> str:
    return module.split(".")[0]


def imports(file: Path, package: Path, modules: set[str]) -> Iterator[Import]:
    """Yield the imports of the package's own modules in a file, wherever in it they stand."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    module = module_name(file, package)
    always = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("srgan."):
                    yield Import(module, alias.name.removeprefix("srgan."), None, node.lineno, id(node) in always)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "srgan":
            source = node.module.removeprefix("srgan").lstrip(".")
            for alias in node.names:
                inner = f"{source}.{alias.name}".lstrip(".")
                if inner in modules:
                    yield Import(module, inner, None, node.lineno, id(node) in always)
                else:
                    yield Import(module, source or "__init__", alias.name, node.lineno, id(node) in always)


def all_imports(package: Path = PACKAGE) -> list[Import]:
    files = sorted(package.rglob("*.py"))
    modules = {module_name(file, package) for file in files}
    return [found for file in files for found in imports(file, package, modules)]


def upward(found: list[Import]) -> list[str]:
    return [
        f"{one.module}:{one.line} imports {one.other}, which stands above it"
        for one in found
        if LEVEL[room(one.other)] < LEVEL[room(one.module)]
    ]


def private(found: list[Import]) -> list[str]:
    return [
        f"{one.module}:{one.line} takes {one.name or one.other} of {one.other}"
        for one in found
        if room(one.module) != room(one.other)
        and one.other != "_version"
        and any(part.startswith("_") and not part.startswith("__") for part in [one.name or "", *one.other.split(".")])
    ]


def circles(found: list[Import]) -> list[str]:
    """Return the circles among modules, and among rooms, with what is imported late or for types alone counted too."""
    edges: dict[str, set[str]] = {}
    for one in found:
        if one.module != one.other:
            edges.setdefault(one.module, set()).add(one.other)
    result: list[str] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            result.append(" -> ".join([*path[path.index(module) :], module]))
            return
        if module in done:
            return
        for other in sorted(edges.get(module, ())):
            visit(other, [*path, module])
        done.add(module)

    for module in sorted(edges):
        visit(module, [])
    return result


def test_every_room_has_a_layer() -> None:
    rooms = {room(module_name(file, PACKAGE)) for file in PACKAGE.rglob("*.py")}
    assert rooms == set(LEVEL)


def test_no_arrow_runs_up() -> None:
    assert not upward(all_imports())


def test_no_private_name_is_taken_from_another_room() -> None:
    assert not private(all_imports())


def test_there_is_no_circle() -> None:
    # The public face imports late what it shows; a room's face imports the room.
    found = [one for one in all_imports() if one.module != "__init__"]
    assert not circles(found)


def test_each_room_says_in_its_first_lines_what_it_is_for() -> None:
    for folder in sorted(path.parent for path in PACKAGE.rglob("__init__.py")):
        doc = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
        assert doc, folder
        assert len(doc.splitlines()[0]) > 20, folder


@pytest.mark.parametrize(
    ("files", "finds"),
    [
        ({"files.py": "", "storage.py": "import srgan.files", "image/a.py": "from srgan.storage import x"}, ()),
        ({"files.py": "def f():\n    from srgan.image import a", "image/a.py": ""}, ("up",)),
        ({"cli/b.py": "from srgan.image.a import _secret", "image/a.py": ""}, ("private",)),
        ({"image/a.py": "from srgan.image import b", "image/b.py": "import srgan.image.a"}, ("circle",)),
    ],
)
def test_what_is_wrong_is_found(tmp_path: Path, files: dict[str, str], finds: tuple[str, ...]) -> None:
    """The checks above, on small packages with one fault each."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = all_imports(tmp_path)
    faults = {"up": upward(found), "private": private(found), "circle": circles(found)}
    assert {kind for kind, lines in faults.items() if lines} == set(finds)
