"""Files are whole or not there: at a full disk, an error, a kill at the worst moment, a race for one name."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from srgan.errors import ImageWriteError, OutputExistsError, SrganError, UsageError
from srgan.files import atomic_path, remove_leftovers
from support.limits import error_unprivileged, small_files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(target: Path, text: str, *, overwrite: bool = False) -> None:
    with atomic_path(target, overwrite=overwrite) as partial:
        partial.write_text(text)


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    with atomic_path(target) as partial:
        assert partial.read_bytes() == b""
        assert (partial.parent, partial.suffix) == (tmp_path, ".png")
        assert partial.name.startswith(".")  # no listing of pictures takes it for one
        partial.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.png"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write(tmp_path / "x" / "y" / "a.txt", "new")
    assert (tmp_path / "x" / "y" / "a.txt").read_text() == "new"


def fail(target: Path, stop: type[BaseException], *, overwrite: bool) -> None:
    with atomic_path(target, overwrite=overwrite) as partial:
        partial.write_text("half")
        raise stop


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    (tmp_path / "old.txt").write_text("old")
    for target, overwrite in ((tmp_path / "x" / "y" / "a.txt", False), (tmp_path / "old.txt", True)):
        with pytest.raises(stop):
            fail(target, stop, overwrite=overwrite)
    assert names(tmp_path) == ["old.txt"]
    assert (tmp_path / "old.txt").read_text() == "old"


# --- Not over what is there ------------------------------------------------------------------------------------------


def test_an_existing_file_stays(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "old")
    with (
        pytest.raises(OutputExistsError, match=r"a\.txt' exists: pass overwrite=True"),
        atomic_path(tmp_path / "a.txt"),
    ):
        pytest.fail("the block was entered")
    assert (tmp_path / "a.txt").read_text() == "old"
    write(tmp_path / "a.txt", "new", overwrite=True)
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_file_that_came_in_the_meantime_stays(tmp_path: Path) -> None:
    def both_write() -> None:
        with atomic_path(tmp_path / "a.txt") as partial:
            partial.write_text("ours")
            (tmp_path / "a.txt").write_text("theirs")

    with pytest.raises(OutputExistsError):
        both_write()
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert names(tmp_path) == ["a.txt"]


def test_of_many_that_race_for_a_name_one_wins(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "a.txt"
    gate = threading.Barrier(8)
    won: list[int] = []

    def race(number: int) -> None:
        gate.wait()
        try:
            with atomic_path(target) as partial:
                partial.write_text(str(number))
        except OutputExistsError:
            return
        won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert target.read_text() == str(won[0])
    assert names(target.parent) == ["a.txt"]


def test_permissions_are_the_usual_ones_and_stay_when_replaced(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.txt", "old")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640
        (tmp_path / "a.txt").chmod(0o604)
        write(tmp_path / "a.txt", "new", overwrite=True)
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_through_a_link_the_file_behind_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    write(tmp_path / "real" / "a.txt", "old")
    (tmp_path / "link.txt").symlink_to("real/a.txt")
    with pytest.raises(OutputExistsError):
        write(tmp_path / "link.txt", "new")
    write(tmp_path / "link.txt", "new", overwrite=True)
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


# --- When it cannot be written ---------------------------------------------------------------------------------------


def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path: Path) -> None:
    write(tmp_path / "old.bin", "old")
    for target, overwrite in ((tmp_path / "old.bin", True), (tmp_path / "new" / "a.bin", False)):
        with (
            small_files(10_000),
            pytest.raises(ImageWriteError, match=r"bin': the file is larger than is allowed here: .*write elsewhere"),
            atomic_path(target, overwrite=overwrite, error=ImageWriteError) as partial,
        ):
            partial.write_bytes(bytes(20_000))
    assert names(tmp_path) == ["old.bin"]
    assert (tmp_path / "old.bin").read_text() == "old"


@pytest.mark.parametrize(
    ("target", "kind", "says"),
    [
        ("folder", UsageError, "it is a folder: name a file"),
        ("file/a.txt", SrganError, "a part of its path is a file"),
        ("file/x/a.txt", SrganError, "a part of its path is a file"),
        ("x" * 300, SrganError, "the name is too long"),
        ("y" * 300 + "/a.txt", SrganError, "the name is too long"),
    ],
)
def test_places_where_no_file_can_be(tmp_path: Path, target: str, kind: type[SrganError], says: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(kind, match=says) as caught:
        write(tmp_path / target, "new")
    assert type(caught.value) is kind
    assert names(tmp_path) == ["file", "folder"]


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to("b.txt")
    (tmp_path / "b.txt").symlink_to("a.txt")
    with pytest.raises(OutputExistsError):
        write(tmp_path / "a.txt", "new")
    with pytest.raises(SrganError, match="cannot write"):
        write(tmp_path / "a.txt", "new", overwrite=True)
    assert names(tmp_path) == ["a.txt", "b.txt"]


WRITE = """
from srgan.files import atomic_path, remove_leftovers
with atomic_path(sys.argv[1]) as partial:
    partial.write_text("new")
"""


@pytest.mark.parametrize("place", ["locked/a.txt", "locked/x/a.txt"])
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_no_permission(tmp_path: Path, place: str, mode: int) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "locked").chmod(mode)
    error = error_unprivileged(WRITE, tmp_path / place)
    (tmp_path / "locked").chmod(0o755)
    assert error.startswith("SrganError: ")
    assert error.endswith("no permission to write there: choose another folder")
    assert names(tmp_path / "locked") == []


def test_trouble_with_another_file_is_not_called_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "missing").read_text()
    assert names(tmp_path) == []


# --- Killed ----------------------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from srgan.files import atomic_path, remove_leftovers

moment, target, overwrite = sys.argv[1], sys.argv[2], sys.argv[3] == "True"

def die(*arguments, **more):
    os.kill(os.getpid(), signal.SIGKILL)

if moment != "write":
    setattr(os, moment, die)
with atomic_path(target, overwrite=overwrite) as partial, partial.open("w") as out:
    out.write("half" * 50_000)
    if moment == "write":
        die()
"""


@pytest.mark.parametrize(
    ("moment", "overwrite"),
    [("write", False), ("write", True), ("fsync", False), ("fsync", True), ("link", False), ("replace", True)],
)
def test_killed_while_writing_no_half_file_has_the_name(tmp_path: Path, moment: str, overwrite: bool) -> None:
    target = tmp_path / "a.png"
    if overwrite:
        target.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, moment, target, str(overwrite)], capture_output=True, timeout=300, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    visible = [name for name in names(tmp_path) if not name.startswith(".")]
    assert visible == (["a.png"] if overwrite else [])
    if overwrite:
        assert target.read_text() == "old"
    write(target, "new", overwrite=overwrite)  # what was left behind is in nobody's way
    assert target.read_text() == "new"


def test_leftovers_of_the_targets_are_removed_and_no_other_file(tmp_path: Path) -> None:
    targets = [tmp_path / "a.png", tmp_path / "b" / "with.dots.and a stem of more than forty characters.jpeg"]
    for target in [*targets, tmp_path / "other.png"]:
        killed = f"import os\nfrom srgan.files import atomic_path\nwith atomic_path({str(target)!r}): os._exit(9)"
        assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
    (tmp_path / ".a.png").write_text("a person's")
    (tmp_path / "a.01234567.part.png").write_text("a person's")
    remove_leftovers([*targets, tmp_path / "missing" / "c.png"])
    assert names(tmp_path / "b") == []
    kept = names(tmp_path)
    assert kept.pop(1).startswith(".other.")
    assert kept == [".a.png", "a.01234567.part.png", "b"]
