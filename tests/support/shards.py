"""Pictures for shards, and what is in shards."""

import numpy as np
import pyvips

from srgan.data.shards import decode_tile, open_shards, read_tiles


def noise(shape, dtype=np.uint8, seed=0):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(pixels).write_to_file(str(path))
    return pixels


def decoded(place):
    return [decode_tile(tile) for tile in read_tiles(open_shards(place))]
