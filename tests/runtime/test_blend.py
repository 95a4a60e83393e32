"""Fidelity: a GAN blended with the network it was trained from, equal to each at the ends, and between them between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

import srgan
from srgan import Upscaler
from srgan.errors import ModelError, UsageError
from srgan.models.catalogue import CATALOGUE, resolve
from srgan.models.metadata import read_info
from srgan.runtime import blend as blends
from srgan.runtime.blend import has_partner, partner
from support import tiny_models
from support.tiny_runs import Result, call

WEIGHTS = [0, 0.25, 0.5, 0.75, 1]


def card(stage: str = "srgan", init: str | None = None) -> dict[str, Any]:
    """What `srgan train` writes about two stages, as far as it matters here."""
    stages = {"srresnet": {"adversarial": {"weight": 0.0}}, "srgan": {"adversarial": {"weight": 0.05}}}
    if init is not None:
        del stages["srresnet"]
    return {"stage": stage, "init": init, "recipe": {"stages": stages}}


def moved(path: Path, source: Path, by: float, **facts: Any) -> Path:
    """A network near another one: each weight moved a little, as by a second stage."""
    model = onnx.load(str(source))
    random = np.random.default_rng(7)
    for entry in model.graph.initializer:
        value = numpy_helper.to_array(entry)
        if value.size > 1:
            spread = by * value.astype(np.float32).std()
            new = (value + random.normal(0, spread, value.shape)).astype(value.dtype)
            entry.CopyFrom(numpy_helper.from_array(new, entry.name))
    properties = {entry.key: entry.value for entry in model.metadata_props} | facts
    del model.metadata_props[:]
    for key, text in properties.items():
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, str(path))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder as `srgan train` leaves it: a network of each stage."""
    faithful = tiny_models.residual(tmp_path / "srresnet-x4.onnx", name="srresnet-x4", card=card("srresnet"))
    moved(tmp_path / "srgan-x4.onnx", faithful, 0.1, **{"srgan.name": "srgan-x4", "srgan.card": json.dumps(card())})
    return tmp_path


def picture(height: int = 24, width: int = 31) -> Any:
    return np.random.default_rng(0).random((height, width, 3), np.float32)


def test_at_the_ends_it_is_one_of_the_two_and_between_them_between(run: Path) -> None:
    """Each step towards the faithful network comes nearer to it and goes farther from the GAN."""
    image = picture()
    gan, faithful = (Upscaler(run / f"{name}-x4.onnx")(image) for name in ("srgan", "srresnet"))
    assert np.abs(gan - faithful).max() > 0.02
    results = [Upscaler(run / "srgan-x4.onnx", fidelity=weight)(image) for weight in WEIGHTS]
    np.testing.assert_array_equal(results[0], gan)
    np.testing.assert_array_equal(results[-1], faithful)
    from_gan = [float(np.square(result - gan).mean()) for result in results]
    to_faithful = [float(np.square(result - faithful).mean()) for result in results]
    assert np.all(np.diff(from_gan) > 0)
    assert np.all(np.diff(to_faithful) < 0)


def test_the_weights_are_mixed_in_that_share(tmp_path: Path) -> None:
    """By hand: a 1x1 convolution of weight 1/4 and one of weight 3/4, at 1/4, are one of 3/8."""
    for name, value, half in (
        ("srgan", 0.25, True),
        ("srresnet", 0.75, False),
    ):  # the one's file is fp16, the other's fp32
        net = tiny_models.Layers(half=half)
        x = net.conv("input", np.eye(3)[:, :, None, None] * value)
        last = net.shuffle(net.conv(x, np.repeat(np.eye(3), 4, axis=0)[:, :, None, None]))
        net.save(tmp_path / f"{name}-x2.onnx", last, scale=2, radius=0, card=card(name))
    large = Upscaler(tmp_path / "srgan-x2.onnx", fidelity=0.25)(np.full((2, 2, 3), 0.8, np.float32))
    np.testing.assert_allclose(large, 0.8 * 3 / 8, rtol=1e-6)


def test_deeper_pictures_see_the_same_blend(run: Path) -> None:
    """They may be computed by another compiled network than 8-bit ones: that is blended as well."""
    image = (picture() * 255).astype(np.uint8)
    upscaler = Upscaler(run / "srgan-x4.onnx", fidelity=0.5)
    eight = upscaler(image).astype(float) / 255
    sixteen = upscaler(image.astype(np.uint16) * 257).astype(float) / 65535
    assert np.abs(eight - sixteen).max() < 2.5 / 255
    assert np.abs(Upscaler(run / "srgan-x4.onnx")(image) / 255 - sixteen).max() > 4 / 255


def test_a_run_that_began_with_a_given_network_is_blended_with_that(run: Path) -> None:
    begun = run / "begun" / "srgan-x4.onnx"
    begun.parent.mkdir()
    start = str(run / "srresnet-x4.onnx")
    moved(begun, run / "srgan-x4.onnx", 0, **{"srgan.card": json.dumps(card(init=start))})
    assert partner(read_info(begun)).path == run / "srresnet-x4.onnx"
    moved(begun, run / "srgan-x4.onnx", 0, **{"srgan.card": json.dumps(card(init="srresnet-x4"))})
    assert partner(read_info(begun)).path == resolve("srresnet-x4")


def test_the_shipped_gan_leads_to_the_shipped_faithful_network() -> None:
    """They are blends of each other as long as one was trained from the other: unrelated weights give noise between."""
    assert CATALOGUE["srgan-x4"].partner == "srgan-psnr-x4"
    rows, columns = np.mgrid[0:40, 0:40]
    waves = 0.5 + 0.2 * np.sin(rows / 3) + 0.2 * np.sin(columns / 4 + rows / 9)
    image = np.repeat(waves[:, :, None], 3, axis=2).astype(np.float32)
    results = [Upscaler("srgan-x4", fidelity=weight)(image) for weight in (0, 0.5, 1)]
    faithful = Upscaler("srgan-psnr-x4")(image)
    np.testing.assert_array_equal(results[0], Upscaler("srgan-x4")(image))
    np.testing.assert_array_equal(results[2], faithful)
    half, whole = (float(np.square(result - faithful).mean()) for result in (results[1], results[0]))
    assert 0 < half < whole


def no_card(run: Path) -> Path:
    return tiny_models.residual(run / "mine.onnx", name="mine-x4")


def the_faithful_one(run: Path) -> Path:
    return run / "srresnet-x4.onnx"


def partner_gone(run: Path) -> Path:
    (run / "srresnet-x4.onnx").unlink()
    return run / "srgan-x4.onnx"


def start_gone(run: Path) -> Path:
    start = str(run / "gone.onnx")
    return moved(run / "begun.onnx", run / "srgan-x4.onnx", 0, **{"srgan.card": json.dumps(card(init=start))})


def another_shape(run: Path) -> Path:
    tiny_models.residual(run / "srresnet-x4.onnx", blocks=3, card=card("srresnet"))
    return run / "srgan-x4.onnx"


def partner_damaged(run: Path) -> Path:
    (run / "srresnet-x4.onnx").write_bytes(b"no network")
    return run / "srgan-x4.onnx"


@pytest.mark.parametrize(
    ("make", "fidelity", "kind", "says"),
    [
        (no_card, 0.5, UsageError, "mine-x4 has none: take fast-x4, photo-x4 or srgan-x4, or leave fidelity out"),
        (the_faithful_one, 0.5, UsageError, "srresnet-x4 has none"),
        (partner_gone, 0, ModelError, "srresnet-x4.onnx, which is missing"),
        (start_gone, 1, ModelError, "gone.onnx, which is missing"),
        (another_shape, 0.5, ModelError, "different shapes"),
        (partner_damaged, 0.5, ModelError, "no ONNX file"),
        (lambda run: run / "srgan-x4.onnx", 1.01, UsageError, "fidelity is 1.01: give 0"),
        (lambda run: run / "srgan-x4.onnx", -0.5, UsageError, "fidelity is -0.5: give 0"),
        (lambda run: run / "srgan-x4.onnx", float("nan"), UsageError, "fidelity is nan: give 0"),
    ],
)
def test_what_cannot_be_blended_is_one_clear_line(
    run: Path, make: Any, fidelity: float, kind: type[Exception], says: str
) -> None:
    file = make(run)
    with pytest.raises(kind, match=says) as caught:
        srgan.upscale(picture(), model=file, fidelity=fidelity)
    assert "\n" not in str(caught.value)
    assert not has_partner(read_info(file)) or says.startswith(("fidelity is", "different"))


def test_the_command_takes_it(run: Path) -> None:
    small = (picture() * 255).astype(np.uint8)
    Image.fromarray(small).save(run / "photo.png")
    model = run / "srgan-x4.onnx"
    done = call("upscale", run / "photo.png", "--model", model, "--fidelity", 0.4, "--precision", "fp32")
    assert (done.code, done.err) == (0, "")
    expected = Upscaler(model, fidelity=0.4, precision="fp32")(small)
    np.testing.assert_array_equal(np.asarray(Image.open(run / "photo_x4.png")), expected)
    refused = call("upscale", run / "photo.png", "-o", run / "b.png", "--model", model, "--fidelity", "1.5")
    assert refused == Result(2, "", "srgan: fidelity is 1.5: give 0 (sharpest) to 1 (nothing invented)\n")
    assert not (run / "b.png").exists()


def test_a_folder_is_done_again_when_the_partner_is_another(run: Path) -> None:
    (run / "photos").mkdir()
    Image.fromarray((picture() * 255).astype(np.uint8)).save(run / "photos" / "a.png")
    job = "upscale", run / "photos", "-o", run / "out", "--model", run / "srgan-x4.onnx", "--fidelity", 0.5
    said = [call(*job).err.splitlines()[-1] for _ in range(2)]
    moved(run / "srresnet-x4.onnx", run / "srresnet-x4.onnx", 0.1)
    said.append(call(*job).err.splitlines()[-1])
    assert said == [
        "srgan: 1 written, 0 skipped, 0 failed",
        "srgan: 0 written, 1 up to date, 0 skipped, 0 failed",
        "srgan: 1 written, 0 skipped, 0 failed",
    ]


def test_many_blends_read_their_networks_once_and_do_not_change_them(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = blends.read_graph

    def counted(info: Any) -> Any:
        read.append(info.path.name)
        return reading(info)

    monkeypatch.setattr(blends, "read_graph", counted)
    picture = np.random.default_rng(3).integers(0, 256, (20, 24, 3), np.uint8)
    made = [
        Upscaler(run / "srgan-x4.onnx", fidelity=weight, precision="fp32")(picture) for weight in (0, 0.3, 1, 0.6, 0)
    ]
    assert sorted(read) == ["srgan-x4.onnx", "srresnet-x4.onnx"]
    assert np.array_equal(made[0], made[-1])
    assert not np.array_equal(made[0], made[2])
    # Another network of that name is another network.
    moved(run / "srgan-x4.onnx", run / "srgan-x4.onnx", 0.1)
    changed = Upscaler(run / "srgan-x4.onnx", fidelity=0, precision="fp32")(picture)
    assert not np.array_equal(made[0], changed)
