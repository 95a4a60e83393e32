"""A finished stage becomes a file with its card; what cannot be measured does not lose it."""

import pytest

from srgan.models.metadata import read_info
from support.tiny_runs import save_material, save_photo, train


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return save_material(tmp_path_factory.mktemp("material"))


def test_benchmarks_are_evaluated_and_a_missing_one_does_not_lose_the_network(material, tmp_path):
    save_photo(tmp_path / "Bench" / "HR" / "a.png", 40, 40)
    save_photo(tmp_path / "Tiny" / "HR" / "a.png", 8, 8)  # too small for SSIM
    assert train(material, tmp_path / "one", "--benchmark", tmp_path / "Bench").code == 0
    (figures,) = read_info(tmp_path / "one" / "pixels-x2.onnx").card["evaluation"]
    assert (figures["set"], figures["images"]) == ("Bench", 1)
    result = train(material, tmp_path / "two", "--benchmark", tmp_path / "Tiny")
    assert result.code == 0, result.err
    assert "not evaluated" in result.err
    assert "evaluation" not in read_info(tmp_path / "two" / "pixels-x2.onnx").card
