"""Pictures that browsers do not show, as JPEG."""

import asyncio
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from fastapi import Request
from PIL import Image

import srgan.image
from srgan.image import Picture
from srgan.models.catalogue import AUTO, CATALOGUE
from srgan.web import page, preview
from srgan.web.preview import Previews
from srgan.web.problems import ProblemError
from srgan.web.settings import ServerSettings

TIMEOUT = 120


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        yield client


@pytest.fixture
def scan(tmp_path):
    """A TIFF file of 16 bits and half transparent."""
    pixels = np.full((10, 12, 4), 40_000, np.uint16)
    pixels[:5, :, 3] = 0
    path = tmp_path / "scan.tif"
    srgan.image.write(Picture(pixels), path)
    return path.read_bytes()


def test_a_picture_comes_back_as_jpeg_of_its_size(client, scan):
    answer = client.post("/v1/preview", content=scan)
    assert answer.status_code == 200, answer.text
    assert (answer.headers["content-type"], answer.headers["x-srgan-size"]) == ("image/jpeg", "12x10")
    with Image.open(io.BytesIO(answer.content)) as shown:
        pixels = np.asarray(shown.convert("RGB")).astype(int)
    assert pixels.shape == (10, 12, 3)
    assert pixels[9, 6] == pytest.approx([156] * 3, abs=40)  # 40,000 of 65,535, and as transparent as that
    assert pixels[0, 6] == pytest.approx([255] * 3, abs=3)  # nothing there: white


def test_so_does_heic(client):
    import pillow_heif

    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 90, 40))).save(file, quality=90)
    answer = client.post("/v1/preview", files={"image": ("IMG_1.heic", file.getvalue())})
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert shown.size == (64, 48)
        assert shown.convert("RGB").getpixel((30, 20)) == pytest.approx((200, 90, 40), abs=8)


def test_what_is_no_picture_is_refused(client, tmp_path):
    answer = client.post("/v1/preview", files={"image": ("diary.tif", b"dear diary")})
    assert (answer.status_code, "cannot read 'diary.tif'" in answer.json()["detail"]) == (422, True)
    srgan.image.write(Picture(np.zeros((600, 600, 1), np.uint8)), tmp_path / "large.tif")
    assert client.post("/v1/preview", content=(tmp_path / "large.tif").read_bytes()).status_code == 413
    assert client.post("/v1/preview", content=b"").status_code == 400


def test_a_result_can_bring_its_preview(client, scan):
    answer = client.post("/v1/upscale", params={"model": "nearest-x4", "preview": True}, content=scan)
    shown = int(answer.headers["x-srgan-preview"])
    assert int(answer.headers["content-length"]) == len(answer.content) > shown > 0
    with Image.open(io.BytesIO(answer.content[-shown:])) as preview:
        assert (preview.format, preview.size) == ("JPEG", (48, 40))
    plain = client.post("/v1/upscale", params={"model": "nearest-x4"}, content=scan)
    assert "x-srgan-preview" not in plain.headers
    assert answer.content[:-shown] == plain.content


def test_a_box_can_be_asked_for(client, scan):
    answer = client.post("/v1/upscale", params={"model": "nearest-x4", "fit": "30x30", "format": "png"}, content=scan)
    assert answer.headers["x-srgan-size"] == "30x25"
    for query in ({"fit": "30"}, {"fit": "0x30"}, {"fit": "30x30", "width": 30}):
        assert client.post("/v1/upscale", params=query, content=scan).status_code == 422


def test_networks_have_names_for_people(client):
    entries = client.get("/v1/models").json()["models"]
    assert [(entry["name"], entry["title"], entry["sample"]) for entry in entries] == [
        ("tiny-x4", "tiny-x4", ""),
        ("nearest-x4", "nearest-x4", ""),
    ]


def test_each_network_that_is_offered_shows_what_it_does():
    for name in (AUTO, *(name for name, entry in CATALOGUE.items() if not entry.aside)):
        assert page.sample(name).endswith(f"{name}.webp"), name


def test_one_that_takes_too_long_is_not_joined_by_another(tmp_path, monkeypatch):
    """Its request is answered; its thread goes on with the file, and nothing else begins beside it."""
    going, through, rendered = threading.Event(), threading.Event(), []

    def slow(source, target, *_, **__):
        rendered.append(source.exists())
        going.set()
        assert through.wait(TIMEOUT)
        rendered.append(source.exists())
        target.write_bytes(b"jpeg")

    monkeypatch.setattr(preview, "render", slow)
    previews = Previews({}, ServerSettings(deadline=0.05), waiting=0)
    data = (np.zeros((4, 4, 3), np.uint8), tmp_path / "a.png")
    srgan.image.write(Picture(data[0]), data[1])

    async def ask():
        async def receive():
            return {"type": "http.request", "body": data[1].read_bytes(), "more_body": False}

        return await previews(Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive))

    async def both():
        with pytest.raises(ProblemError, match="not done in time"):
            await ask()
        assert going.is_set()
        with pytest.raises(ProblemError, match="too many previews wait"):
            await ask()
        through.set()
        while not previews._free.acquire(blocking=False):
            await asyncio.sleep(0.01)
        previews._free.release()
        previews._settings = ServerSettings()
        return await ask()

    with ThreadPoolExecutor(1) as pool:  # in this thread a browser of other tests may keep a loop of its own
        assert pool.submit(asyncio.run, both()).result().body == b"jpeg"
    assert rendered == [True] * 4
