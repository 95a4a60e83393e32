"""The int8 form of a network is found beside it, and belongs to it alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from srgan.errors import ModelError, UsageError
from srgan.models import int8
from srgan.models.metadata import read_info
from support import tiny_models


def test_it_is_found_where_it_was_made_from_this_very_file(tmp_path: Path) -> None:
    file = tiny_models.nearest(tmp_path / "n.onnx")
    with pytest.raises(UsageError, match="tiny-x2 has no int8 form"):
        int8.find(read_info(file))
    beside = int8.file_beside(file)
    assert beside == tmp_path / "n.int8.onnx"
    shutil.copy(file, beside)
    with pytest.raises(ModelError, match="was made from another network"):
        int8.find(read_info(file))
    tiny_models.nearest(beside, card={int8.CARD_KEY: {"of": int8.digest_of(file)}})
    found = int8.find(read_info(file))
    assert (found.path, int8.is_int8(found)) == (beside, True)
    assert int8.find(found) == found, "it is its own"
    tiny_models.nearest(file, name="trained again")
    with pytest.raises(ModelError, match=r"make it again with 'srgan convert .*n\.onnx --int8"):
        int8.find(read_info(file))


def test_a_file_that_is_gone_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read the model"):
        int8.digest_of(tmp_path / "gone.onnx")
