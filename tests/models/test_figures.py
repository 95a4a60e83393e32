"""A network's figures in one line."""

from __future__ import annotations

import pytest

from srgan.cli.models import figures


@pytest.mark.parametrize(
    "evaluation",
    [None, [], "no", [{"set": "Set5"}], [{"set": "Set5", "psnr_y": "high", "ssim_y": 1}], [7]],
)
def test_figures_that_are_not_there(evaluation: object) -> None:
    assert figures({"evaluation": evaluation}) == "not evaluated"
    assert figures({}) == "not evaluated"


def test_figures_in_one_line() -> None:
    sets = [{"set": "Set5", "psnr_y": 30.614, "ssim_y": 0.8679}, {"set": "?"}, {"set": "B", "psnr_y": 27, "ssim_y": 1}]
    assert figures({"evaluation": sets}) == "Set5 30.61 dB / 0.868, B 27.00 dB / 1.000"
