"""Where results go: names, folders kept as they are, and what is refused before anything is computed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from srgan.errors import OutputExistsError, UsageError
from srgan.files import refuse_existing
from srgan.jobs.plan import plan
from support.limits import error_unprivileged


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()  # the content is not looked at


def planned(*paths: str, output: str | None = None, **options: Any) -> dict[str, str]:
    """Return inputs and outputs, relative to the working folder."""

    def shown(path: Path) -> str:
        return os.path.relpath(path)

    return {shown(job.source): shown(job.target) for job in plan(paths, output, **{"scale": 4, **options}).pictures}


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({}, "photos/a_x4.JPG"),
        ({"scale": "w1920"}, "photos/a_w1920.JPG"),
        ({"format": "png"}, "photos/a_x4.png"),
        ({"format": ".TIFF"}, "photos/a_x4.tiff"),
        ({"output": "b.webp"}, "b.webp"),
        ({"output": "new/b.webp"}, "new/b.webp"),
        ({"output": "new/"}, "new/a_x4.JPG"),
        ({"output": "there"}, "there/a_x4.JPG"),
        ({"output": "b.jpeg", "format": "jpg"}, "b.jpeg"),  # two names of one format
    ],
)
def test_a_pictures_result(options: dict[str, Any], target: str) -> None:
    make("photos/a.JPG", "there/x.txt")
    assert planned("photos/a.JPG", **options) == {"photos/a.JPG": target}


@pytest.mark.parametrize(("name", "target"), [("a.apng", "a_x4.png"), ("a.pbm", "a_x4.png"), ("scan", "scan_x4.png")])
def test_formats_that_are_only_read_become_png(name: str, target: str) -> None:
    make(name)
    assert planned(name) == {name: target}


def test_a_folders_structure_is_kept() -> None:
    make("p/a.jpg", "p/sub/b.png", "p/sub/deep/a.jpg", "p/notes.txt", "p/.hidden.png", "p/.cache/c.png")
    assert planned("p") == {
        "p/a.jpg": "p_x4/a_x4.jpg",
        "p/sub/b.png": "p_x4/sub/b_x4.png",
        "p/sub/deep/a.jpg": "p_x4/sub/deep/a_x4.jpg",
    }
    assert planned("p", output="out", format="webp")["p/sub/deep/a.jpg"] == "out/sub/deep/a_x4.webp"


def test_the_working_folders_results_lie_beside_it(tmp_path: Path) -> None:
    make("p/a.jpg")
    os.chdir("p")
    (job,) = plan(["."], scale=4).pictures
    assert job.target == tmp_path / "p_x4" / "a_x4.jpg"


def test_results_inside_the_pictures_folder_are_no_input_of_the_next_run() -> None:
    make("p/a.jpg", "p/large/a_x4.jpg", "p/larger/b.jpg")
    assert set(planned("p", output="p/large")) == {"p/a.jpg", "p/larger/b.jpg"}


def test_pictures_and_folders_together() -> None:
    make("a.png", "p/b.png", "q/c/d.png")
    assert planned("a.png", "p", "q", output="out") == {
        "a.png": "out/a_x4.png",
        "p/b.png": "out/b_x4.png",
        "q/c/d.png": "out/c/d_x4.png",
    }
    assert planned("a.png", "p")["p/b.png"] == "p_x4/b_x4.png"


def test_what_is_named_twice_is_done_once() -> None:
    make("p/a.png")
    assert len(plan(["p/a.png", "./p/a.png", "p/../p/a.png"], "out/", scale=4).pictures) == 1
    assert len(plan(["p", "p"], scale=4).pictures) == 1


def test_names_that_are_no_utf8() -> None:
    name = os.fsdecode(b"\xff\n.png")
    make(name)
    assert planned(name) == {name: os.fsdecode(b"\xff\n_x4.png")}


@pytest.mark.parametrize(
    ("paths", "options", "says"),
    [
        ([], {}, "nothing to upscale: name a picture or a folder"),
        ([""], {}, "one of the paths is empty: name a picture"),
        (["a.png", ""], {}, "one of the paths is empty"),
        (["none.png"], {}, "none.png does not exist: check the path"),
        (["-"], {}, "- does not exist"),
        (["a.png/b.png"], {}, "a.png/b.png does not exist"),
        (["x" * 300], {}, "File name too long: check the path"),
        (["circle"], {}, "Too many levels of symbolic links: check the path"),
        (["a\0.png"], {}, "embedded null byte: check the path"),
        (["empty"], {}, "empty has no pictures: name another folder"),
        (["a.png"], {"output": ""}, "the output's path is empty"),
        (["a.png"], {"output": "b"}, "b has no suffix: name a file such as b.png, or a folder as b/"),
        (["a.png"], {"output": "b.xyz"}, "cannot write 'b.xyz': name it with one of .avif"),
        (["a.png"], {"output": "b.jpg", "format": "png"}, "b.jpg is not png"),
        (["a.png"], {"format": "xyz"}, "cannot write the format 'xyz': choose one of .avif"),
        (["a.png"], {"output": "a.png"}, "a.png is an input: choose another output"),
        (["a.png"], {"output": "./empty/../a.png"}, "is an input"),
        (["a.png"], {"output": "link.png"}, "is an input"),
        (["p"], {"output": "a.png"}, "a.png is a file, and the results need a folder"),
        (["q"], {}, "q_x4 is a file, and the results need a folder"),
        (["p", "q"], {"output": "out"}, "p/same.png and q/same.png would both become out/same_x4.png: rename one"),
        (["both"], {"format": "png"}, "both/a.jpg and both/a.png would both become"),
    ],
)
def test_what_is_refused(paths: list[str], options: dict[str, Any], says: str) -> None:
    make("a.png", "a_x4.png", "p/same.png", "q/same.png", "q_x4", "both/a.png", "both/a.jpg")
    Path("empty").mkdir()
    Path("circle").symlink_to("circle")
    Path("link.png").symlink_to("a.png")
    with pytest.raises(UsageError) as caught:
        plan(paths, options.pop("output", None), **{"scale": 4, **options})
    assert says in str(caught.value)


def test_a_place_that_may_not_be_looked_into() -> None:
    make("locked/a.png")
    Path("locked").chmod(0)
    error = error_unprivileged("from srgan.jobs.plan import plan; plan(['locked/a.png'], scale=4)")
    Path("locked").chmod(0o755)
    assert error.startswith("UsageError: ")
    assert error.endswith("Permission denied: check the path")


def test_an_output_that_exists_is_refused_unless_it_may_be_replaced() -> None:
    make("a.png")
    Path("dangling.png").symlink_to("nothing")
    for taken in ("a.png", "dangling.png"):
        with pytest.raises(OutputExistsError, match="exists: pass overwrite=True to replace it"):
            refuse_existing(Path(taken), overwrite=False)
        refuse_existing(Path(taken), overwrite=True)
    refuse_existing(Path("free.png"), overwrite=False)


def test_of_two_with_one_result_one_is_done_and_the_rest_too() -> None:
    make("both/a.png", "both/a.jpg", "both/b.jpg", "p/same.png", "q/same.png")
    found = plan(["both"], scale=4, format="png")
    assert [job.source.name for job in found.pictures] == [
        "a.png",
        "b.jpg",
    ]  # the one that keeps its format keeps the name
    assert [failure.job.source.name for failure in found.refused] == ["a.jpg"]
    found = plan(["both/b.jpg", "p", "q"], "out", scale=4)
    assert [str(job.source) for job in found.pictures] == ["both/b.jpg", "p/same.png"]


def test_results_among_the_inputs_are_no_inputs() -> None:
    make("p/a.png", "p/a_x4.png", "p/b.png", "p/b_y.png")
    found = plan(["p"], "p", scale=4)
    assert [job.source.name for job in found.pictures] == ["a.png", "b.png", "b_y.png"]
    assert {target.name for target in found.results} == {"a_x4.png"}
    found = plan(["p"], "p", scale=4, suffix="_y")
    assert [job.source.name for job in found.pictures] == ["a.png", "a_x4.png", "b.png"]


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("deep/p_x4", "a_x4.png"),  # beside
        ("deep/p/large", "a_x4.png"),  # inside
        ("deep", "a_x4.png"),  # above: the pictures' folder is in it
        ("deep/p", "a_x4.png"),
        ("elsewhere/large", "a.png"),
    ],
)
def test_results_are_called_like_their_inputs_only_in_a_folder_elsewhere(output: str, name: str) -> None:
    make("deep/p/a.png", "elsewhere/x")
    assert [job.target.name for job in plan(["deep/p"], output, scale=4).pictures] == [name]
