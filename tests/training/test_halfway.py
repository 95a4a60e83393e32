"""Fidelity looked at when a GAN is done: halfway to what it was trained from, measured, written down, and refused if worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from srgan import Upscaler
from srgan.errors import UsageError
from srgan.evaluation.benchmark import evaluate
from srgan.models.metadata import read_info
from srgan.runtime.blend import grown_apart, has_partner, partner
from srgan.training import publish
from srgan.training.halfway import halfway
from support import tiny_models
from support.tiny_runs import call, save_photo, save_photos


def card(stage: str) -> dict[str, Any]:
    """What `srgan train` writes about three stages: pixels, then features, then a discriminator as well."""
    terms = {"srresnet": (0.0, 0.0), "features": (1.0, 0.0), "srgan": (1.0, 0.1)}
    stages = {
        name: {"content": {"weight": content}, "adversarial": {"weight": adversarial}}
        for name, (content, adversarial) in terms.items()
    }
    return {"stage": stage, "init": None, "recipe": {"stages": stages}}


def network(folder: Path, stage: str, *, first: int, gain: float = 1.0) -> Path:
    """Repeats each pixel, times ``gain``: by way of three of six hidden channels, from number ``first`` on.

    Two that go by other channels do the same, and halfway between them all is half as bright: half comes in, of which half
    goes on, on both ways.
    """
    net = tiny_models.Layers()
    through = np.zeros((6, 3, 1, 1))
    through[range(first, first + 3), range(3)] = gain
    onward = np.zeros((12, 6, 1, 1))
    for channel in range(3):
        onward[4 * channel : 4 * channel + 4, first + channel] = 1
    name = f"{stage}-x2"
    last = net.shuffle(net.conv(net.conv("input", through), onward))
    return net.save(folder / f"{name}.onnx", last, scale=2, radius=0, name=name, card=card(stage))


def gan(folder: Path, *, apart: bool) -> Path:
    """A finished run: what pixels taught, what features made of it, and the GAN, near by or not."""
    network(folder, "srresnet", first=0)
    network(folder, "features", first=3, gain=0.5)
    return network(folder, "srgan", first=3 if apart else 0, gain=0.98)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return save_photos(tmp_path / "photos", 2)


def with_card(path: Path, **more: Any) -> Path:
    model = onnx.load(str(path))
    for entry in model.metadata_props:
        if entry.key == "srgan.card":
            entry.value = json.dumps(json.loads(entry.value) | more)
    onnx.save(model, str(path))
    return path


def test_near_by_the_blend_is_as_good_as_its_ends(tmp_path: Path, photos: Path) -> None:
    path = gan(tmp_path, apart=False)
    alone = evaluate(path, [photos]).sets[0].psnr_y
    found = halfway(path, photos, alone)
    assert found is not None
    assert (found["with"], found["set"]) == ("srresnet-x2", "photos")
    expected = [
        evaluate(model, [photos]).sets[0].psnr_y
        for model in (path, Upscaler(path, fidelity=0.5, precision="fp32"), tmp_path / "srresnet-x2.onnx")
    ]
    assert found["psnr_y"] == pytest.approx(expected, abs=1e-3)
    assert expected[0] < expected[1] < expected[2]
    assert not grown_apart(found)
    with_card(path, halfway=found)
    assert partner(read_info(path)).name == "srresnet-x2"


def test_far_away_it_is_worse_than_both_and_then_refused(tmp_path: Path, photos: Path) -> None:
    path = gan(tmp_path, apart=True)
    alone = evaluate(path, [photos]).sets[0].psnr_y
    found = halfway(path, photos, alone)
    assert found is not None
    before, between, after = found["psnr_y"]
    assert between < min(before, after) - 5
    assert grown_apart(found)
    said: list[str] = []
    assert (
        publish.measure_halfway(path, photos, alone, type("Listener", (), {"say": staticmethod(said.append)})())
        == found
    )
    assert said == [
        f"diagnostics: halfway between srgan-x2 ({before:.2f} dB) and srresnet-x2 ({after:.2f}) are {between:.2f} dB: they have "
        "grown apart, and --fidelity will not blend them; fewer steps or a lower rate keep them near"
    ]
    with_card(path, halfway=found)
    assert not has_partner(read_info(path))
    with pytest.raises(UsageError, match="srgan-x2 was trained too far away from srresnet-x2"):
        Upscaler(path, fidelity=0.5)
    picture = save_photo(tmp_path / "a.png")
    done = call("upscale", picture, "--model", path, "--fidelity", 0.5)
    assert done.code == 2
    assert done.err.splitlines() == [
        "srgan: srgan-x2 was trained too far away from srresnet-x2 to be blended with it: halfway, pictures are worse than at "
        "either end; leave fidelity out"
    ]
    assert call("upscale", picture, "--model", path).code == 0


def test_a_network_that_invents_nothing_has_no_halfway(tmp_path: Path, photos: Path) -> None:
    gan(tmp_path, apart=False)
    assert halfway(tmp_path / "srresnet-x2.onnx", photos, 30.0) is None


@pytest.mark.parametrize("told", [None, {}, {"psnr_y": [1, 2]}, {"psnr_y": "abc"}, {"psnr_y": [30, None, 31]}, [30]])
def test_a_card_that_says_nothing_of_it_forbids_nothing(told: Any) -> None:
    assert not grown_apart(told)


@pytest.mark.parametrize(
    ("psnr_y", "apart"), [((30, 29.85, 31), True), ((30, 29.95, 31), False), ((31, 29.85, 30), True)]
)
def test_a_tenth_of_a_decibel_is_no_reason(psnr_y: tuple[float, ...], apart: bool) -> None:
    assert grown_apart({"psnr_y": psnr_y}) is apart
