"""The model auto over HTTP: each picture by the network for it, and the answer says which."""

import io

import httpx
import numpy as np
from PIL import Image

from srgan.models.catalogue import CLEAN, COMPRESSED, THRESHOLDS
from support.server import serving


def test_the_answer_names_the_network_that_was_chosen():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((20, 16), Image.Resampling.BICUBIC)
    with serving("--model", "auto") as server:
        for quality, expected in ((THRESHOLDS.jpeg_below - 1, COMPRESSED), (THRESHOLDS.jpeg_below, CLEAN)):
            body = io.BytesIO()
            picture.save(body, "JPEG", quality=quality)
            for options in ({}, {"fidelity": 0.5}):
                answer = httpx.post(f"{server.url}/v1/upscale", params=options, content=body.getvalue(), timeout=120)
                assert answer.status_code == 200
                assert answer.headers["x-srgan-model"] == expected
