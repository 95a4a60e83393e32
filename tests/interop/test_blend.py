"""A blend written to a file is what --fidelity computes with, and says what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from srgan import Upscaler
from srgan.errors import ModelError, OutputExistsError, UsageError
from srgan.interop.blend import export_blend
from srgan.models.catalogue import resolve
from srgan.models.metadata import read_info
from srgan.runtime.blend import partner
from support import tiny_models


@pytest.mark.parametrize("fidelity", [0, 0.3, 1])
def test_the_file_computes_what_fidelity_does(fidelity: float, tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:20, 0:24]
    image = (0.5 + 0.3 * np.sin(rows / 2) * np.sin(columns / 3)).astype(np.float32)
    info = export_blend("photo-x4", fidelity, tmp_path / "mine.onnx")
    found = Upscaler(tmp_path / "mine.onnx")(image)
    expected = Upscaler("photo-x4", fidelity=fidelity)(image)
    np.testing.assert_allclose(found, expected, atol=2e-3)  # its weights are rounded to fp16
    other = Upscaler("photo-x4", fidelity=0.6)(image)
    assert np.abs(found - other).max() > 4e-3
    assert (info.name, info.card["blended"]) == ("mine", {"with": "photo-psnr-x4", "share": fidelity})
    assert partner(info).name == "photo-psnr-x4"


def test_a_blend_of_a_shipped_network_has_its_partner_and_none_of_its_figures(tmp_path: Path) -> None:
    """It is no shipped one itself, so that its card has to say what it can be blended with."""
    for name in ("srgan-x4", "photo-x4"):
        info = export_blend(name, 0.25, tmp_path / f"{name}-soft.onnx")
        assert partner(info) == partner(read_info(resolve(name)))
        assert not {"evaluation", "halfway"} & set(info.card)


def test_what_cannot_be_blended_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="srresnet-x4 has none"):
        export_blend("srresnet-x4", 0.5, tmp_path / "a.onnx")
    with pytest.raises(UsageError, match=r"fidelity is 1\.5"):
        export_blend("photo-x4", 1.5, tmp_path / "a.onnx")
    recipe = {"stages": {"s": {"adversarial": {"weight": 1}}}}
    faithful = tiny_models.residual(tmp_path / "faithful.onnx", blocks=1)
    card = {"stage": "s", "recipe": recipe, "init": str(faithful)}
    for blocks in (2, 0):
        gan = tiny_models.residual(tmp_path / "gan.onnx", blocks=blocks, card=card)
        with pytest.raises(ModelError, match="different shapes"):
            export_blend(gan, 0.5, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_an_existing_file_stays(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_text("mine")
    with pytest.raises(OutputExistsError):
        export_blend("photo-x4", 0.5, tmp_path / "a.onnx")
    assert (tmp_path / "a.onnx").read_text() == "mine"
