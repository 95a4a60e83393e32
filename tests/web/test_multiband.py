"""A network of other bands than RGB's over HTTP: TIFF in, TIFF out."""

from __future__ import annotations

import io
from pathlib import Path

import httpx
import numpy as np
import tifffile
from PIL import Image

from srgan.image.multiband import read_bands
from support.bands import levels, random, save, save_network, wanted
from support.server import serving


def test_bands_come_back_as_bands(tmp_path: Path) -> None:
    network = save_network(tmp_path / "net.onnx", 5)
    pixels = save(tmp_path / "a.tif", random((20, 30, 5), np.uint16))
    with serving("--model", network) as server:
        url = f"{server.url}/v1/upscale"
        answer = httpx.post(url, params={"scale": 2}, content=(tmp_path / "a.tif").read_bytes(), timeout=120)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/tiff"), answer.text
        (tmp_path / "b.tif").write_bytes(answer.content)
        found = read_bands(tmp_path / "b.tif", 5)
        assert np.abs(found.astype(int) - wanted(network, pixels)).max() <= levels(np.uint16)

        tifffile.imwrite(tmp_path / "pages.tif", pixels.transpose(2, 0, 1))  # a page for each band
        pages = httpx.post(url, content=(tmp_path / "pages.tif").read_bytes(), timeout=120)
        (tmp_path / "c.tif").write_bytes(pages.content)
        assert np.array_equal(read_bands(tmp_path / "c.tif", 5), found)

        save(tmp_path / "rgb.tif", random((20, 30, 3), np.uint8))
        refused = httpx.post(url, content=(tmp_path / "rgb.tif").read_bytes(), timeout=120)
        assert refused.status_code == 422
        assert "it has 3 bands, not 5" in refused.text
        png = httpx.post(url, params={"format": "png"}, content=(tmp_path / "a.tif").read_bytes(), timeout=120)
        assert png.status_code == 422
        assert "written as TIFF" in png.text

        (entry,) = httpx.get(f"{server.url}/v1/models", timeout=120).json()["models"]
        assert entry["bands"] == 5
        for name in ("a.tif", "pages.tif"):  # three of them are shown
            preview = httpx.post(f"{server.url}/v1/preview", content=(tmp_path / name).read_bytes(), timeout=120)
            assert (preview.status_code, preview.headers["x-srgan-size"]) == (200, "30x20"), preview.text
            with Image.open(io.BytesIO(preview.content)) as picture:
                assert (picture.size, picture.mode) == ((30, 20), "RGB")
        both = httpx.post(url, params={"preview": True}, content=(tmp_path / "a.tif").read_bytes(), timeout=120)
        with Image.open(io.BytesIO(both.content[-int(both.headers["x-srgan-preview"]) :])) as picture:
            assert (picture.size, picture.mode) == ((60, 40), "RGB")
