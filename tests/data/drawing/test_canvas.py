"""A canvas of any resolution."""

import numpy as np
import pytest
from PIL import Image

from srgan.data.drawing.canvas import Canvas
from srgan.data.drawing.fonts import default_faces


@pytest.mark.parametrize("oversampling", [2, 3])
def test_what_is_drawn_larger_ends_up_in_the_same_place(oversampling: int) -> None:
    face = default_faces()[0]

    def sheet(times: int) -> np.ndarray:
        canvas = Canvas(200, 100, (255, 255, 255), times)
        canvas.text((10, 10), "Hamburg", face, 32, (0, 0, 0))
        canvas.box((20, 60), (90, 90), (200, 0, 0))
        canvas.line([(100, 60), (190, 95)], (0, 0, 200), 3)
        canvas.shade(np.full((100, 200), -20, np.float32))
        return canvas.finished(Image.Resampling.BOX).astype(float)

    assert np.abs(sheet(1) - sheet(oversampling)).mean() < 6
    assert np.abs(sheet(1) - np.roll(sheet(oversampling), 4, axis=1)).mean() > 10
