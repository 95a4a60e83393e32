"""Fidelity over HTTP and on the page: a GAN blended with the network it was trained from."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from srgan import Upscaler
from support import tiny_models
from support.server import serving

TIMEOUT = 120


def card(stage):
    stages = {"srresnet": {"adversarial": {"weight": 0.0}}, "srgan": {"adversarial": {"weight": 0.05}}}
    return {"stage": stage, "init": None, "recipe": {"stages": stages}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for seed, stage in enumerate(("srresnet", "srgan")):
        tiny_models.residual(folder / f"{stage}-x4.onnx", seed=seed, name=f"{stage}-x4", card=card(stage))
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)).save(folder / "photo.png")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    models = [option for stage in ("srgan", "srresnet") for option in ("--model", folder / f"{stage}-x4.onnx")]
    with serving(*models, "--precision", "fp32") as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        yield client


def blended(folder, fidelity):
    upscaler = Upscaler(folder / "srgan-x4.onnx", fidelity=fidelity, precision="fp32")
    return upscaler(np.asarray(Image.open(folder / "photo.png"))).astype(int)


def test_the_api_takes_it_for_each_request(client, folder):
    body = (folder / "photo.png").read_bytes()
    for fidelity in (None, 0.3, 1, 0.3, 0.0):  # more settings than stay open
        query = {} if fidelity is None else {"fidelity": fidelity}
        answer = client.post("/v1/upscale", params={"model": "srgan-x4", **query}, content=body)
        assert answer.status_code == 200, answer.text
        result = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
        assert np.abs(result - blended(folder, fidelity or 0)).max() <= 1


def test_it_says_which_networks_take_it(client):
    entries = client.get("/v1/models").json()["models"]
    assert [(entry["name"], entry["fidelity"]) for entry in entries] == [("srgan-x4", True), ("srresnet-x4", False)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"model": "srresnet-x4", "fidelity": 0.5}, "srresnet-x4 has none: choose srgan-x4, or leave it out"),
        ({"fidelity": 1.5}, "fidelity"),
        ({"fidelity": -1}, "fidelity"),
        ({"fidelity": "nan"}, "fidelity"),
        ({"fidelity": "much"}, "fidelity"),
    ],
)
def test_what_it_cannot_do_is_one_sentence(client, folder, query, says):
    answer = client.post("/v1/upscale", params=query, content=(folder / "photo.png").read_bytes())
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


def test_the_page_has_a_slider_for_those_networks(browser, server, folder, tmp_path):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT * 1000)
    page.goto(server.url)
    page.click("#more summary")
    slider = page.get_by_label("Fidelity")
    slider.wait_for()
    page.check("input[value='srresnet-x4']")
    assert not slider.is_visible()
    page.check("input[value='srgan-x4']")
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "0.3"
    assert page.locator("#fidelity-value").text_content() == "0.3"
    page.set_input_files("#file", folder / "photo.png")
    page.click("#go:not([disabled])")
    page.locator("#result").wait_for()
    with page.expect_download() as event:
        page.click("#download")
    event.value.save_as(tmp_path / "result.png")
    result = np.asarray(Image.open(tmp_path / "result.png")).astype(int)
    assert np.abs(result - blended(folder, 0.3)).max() <= 1
    context.close()
