"""Where in a picture to look: the crop that shows what a method does."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def most_detailed(hr: NDArray[Any], height: int, width: int | None = None) -> tuple[int, int]:
    """Return top and left of the window of ``[H, W, C]`` that has the largest mean gradient; square without a ``width``.

    Differences between methods show in texture and edges; the middle of a picture is often its sky or its bokeh.
    """
    gray = hr.astype(np.float32).mean(axis=2)
    energy = np.abs(np.diff(gray, axis=0, append=gray[-1:])) + np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    table = np.pad(energy.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    tall, wide = min(height, hr.shape[0]), min(width or height, hr.shape[1])
    sums = table[tall:, wide:] - table[:-tall, wide:] - table[tall:, :-wide] + table[:-tall, :-wide]
    top, left = np.unravel_index(int(sums.argmax()), sums.shape)
    return int(top), int(left)
