"""Small pictures, prepared for training as a run does it."""

import numpy as np
from PIL import Image

from srgan.training.pictures import prepare


def save(folder, name, height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / name)
    return pixels


def prepared(tmp_path, files, **changes):
    settings = {"scale": 4, "bands": 3, "smallest": 16, "degradation": "bicubic", **changes}
    return prepare(files, tmp_path / "cache", **settings)
