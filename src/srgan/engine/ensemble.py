"""The self-ensemble: a picture computed in its eight positions.

Timofte et al. 2016, "Seven ways to improve example-based single image super resolution", section 3.4. A network is not
quite indifferent to how a picture lies. Enlarging it as it is, turned by quarters and mirrored, and taking the mean of
the results turned back, evens that out: some 0.1 to 0.2 dB for eight times the work.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from srgan.engine.tiling import Box


class Turn(NamedTuple):
    """One of the eight positions: quarter turns counterclockwise, then perhaps a reflection left to right."""

    quarters: int
    mirrored: bool

    def of(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a view of [N, C, H, W] in this position; writing to it writes to the batch."""
        turned = np.rot90(batch, self.quarters, axes=(2, 3))
        return turned[:, :, :, ::-1] if self.mirrored else turned

    def box(self, box: Box, height: int, width: int) -> Box:
        """Return where a box of a picture of this height and width lies in the turned picture."""
        for _ in range(self.quarters):
            box = Box(width - box.right, box.top, width - box.left, box.bottom)
            height, width = width, height
        return Box(box.top, width - box.right, box.bottom, width - box.left) if self.mirrored else box


TURNS = tuple(Turn(quarters, mirrored) for mirrored in (False, True) for quarters in range(4))
"""All eight."""
