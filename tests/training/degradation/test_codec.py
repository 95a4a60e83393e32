"""Losses of JPEG and WebP."""

import io

import numpy as np
import pytest
from PIL import Image

from srgan.training.degradation import codec


def smooth(height=96, width=128, channels=3, seed=0):
    small = np.random.default_rng(seed).integers(0, 256, (height // 16, width // 16, channels), dtype=np.uint8)
    bands = [Image.fromarray(small[:, :, c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(channels)]
    return np.stack([np.asarray(band) for band in bands], axis=2)


@pytest.mark.parametrize(("form", "trip"), [("JPEG", codec.jpeg), ("WEBP", codec.webp)])
@pytest.mark.parametrize("offset", [(0, 0), (3, 5)])
def test_files_go_through_a_real_codec_and_their_blocks_begin_anywhere(form, trip, offset):
    hr = smooth(channels=3)
    more = {"coarse": True} if form == "JPEG" else {}
    result = codec.to_bytes(trip(hr.astype(np.float32) / 255, 40, offset=offset, **more))
    file = io.BytesIO()
    wide = np.pad(hr, ((offset[0], 0), (offset[1], 0), (0, 0)), mode="symmetric")
    options = {"subsampling": 2} if form == "JPEG" else {"method": 2}
    Image.fromarray(wide).save(file, form, quality=40, **options)
    assert np.array_equal(result, np.asarray(Image.open(file))[offset[0] :, offset[1] :])
