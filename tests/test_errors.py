"""Errors as data: what they are about and why, and the line that is made of both in one place."""

import copy
import pickle
from pathlib import Path

import pytest

from srgan.errors import (
    NO_MEMORY,
    ImageReadError,
    ImageTooLargeError,
    ImageWriteError,
    SrganError,
    UsageError,
    is_lack_of_memory,
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImageReadError("a b.png", "it is empty"), "cannot read 'a b.png': it is empty"),
        (ImageReadError(Path("a.tif"), "one page", action="cannot read page 3 of"), "cannot read page 3 of 'a.tif': one page"),
        (ImageWriteError("a.png", "the disk is full"), "cannot write 'a.png': the disk is full"),
        (ImageTooLargeError("a.png", "has 9 x 9 pixels"), "'a.png' has 9 x 9 pixels"),
        (ImageReadError("a whole sentence"), "a whole sentence"),
        (SrganError("out of memory"), "out of memory"),
    ],
)  # fmt: skip
def test_the_line_is_made_of_path_and_reason(error: SrganError, line: str) -> None:
    assert str(error) == line
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # processes send them to each other
        assert str(same) == line
        assert type(same) is type(error)


def test_who_knows_the_file_under_another_name_says_that() -> None:
    error = ImageReadError("/tmp/x/1", "it is empty")
    error.subject = "s3://bucket/a.png"
    assert str(error) == "cannot read 's3://bucket/a.png': it is empty"
    assert error.line("the picture") == "cannot read the picture: it is empty"
    assert str(pickle.loads(pickle.dumps(error))) == "cannot read 's3://bucket/a.png': it is empty"


def test_an_error_without_a_subject_gets_one() -> None:
    error = UsageError("the result would be too wide")
    error.subject = "a.png"
    assert str(error) == "a.png: the result would be too wide"
    assert error.exit_code == 2


def test_a_damaged_picture_that_asks_for_memory_is_damaged() -> None:
    assert is_lack_of_memory(RuntimeError("Failed to allocate 40 bytes"))
    assert not is_lack_of_memory(ImageReadError("a.tif", "it is damaged (Failed to allocate memory for 0 elements)"))
    assert is_lack_of_memory(ImageReadError("a.tif", NO_MEMORY))
