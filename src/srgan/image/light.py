"""Linear light, as OpenEXR and Radiance files hold it, becomes values of 16 bits as displays show them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.image import colour
from srgan.image.opened import Decoded

_ROWS = 256


def to_values(
    light: NDArray[Any], *, alpha: bool, chromaticities: colour.Primaries | None = None, notes: tuple[str, ...] = ()
) -> Decoded:
    """Return light as values by sRGB's curve, uint16, with a profile where its primaries are not sRGB's.

    Light of 1 is white, and what is brighter becomes white too. A picture that is brighter than white by more than its half
    would show nothing: it is made darker as a whole, and a note says by how much.

    Parameters
    ----------
    light : [H, W, C] floats, linear; with ``alpha`` colours are multiplied by their last channel, as OpenEXR has them
    """
    colours = light[:, :, :-1] if alpha else light
    said = list(notes)
    finite = colours[np.isfinite(colours)]
    if odd := colours.size - finite.size:
        said.append(f"{odd:,} values that are no numbers")
    exposure = 1.0
    if finite.size and float(np.median(finite)) > 1:
        exposure = 1 / float(np.percentile(finite.astype(np.float64), 99))
        said.append(f"its brightness: it is shown {1 / exposure:.4g} times darker")
    if finite.size and (most := float(finite.max()) * exposure) > 1:
        share = float((finite.astype(np.float32) * exposure > 1).mean())
        said.append(f"light above white, of up to {most:.4g}, in {100 * share:.2g} % of its values")
    if finite.size and float(finite.min()) < 0:
        said.append("negative light, of colours that its primaries do not reach")
    values = np.empty(light.shape, np.uint16)
    for top in range(0, len(light), _ROWS):
        values[top : top + _ROWS] = _rows(light[top : top + _ROWS].astype(np.float64), exposure, alpha=alpha)
    icc = None
    if chromaticities is not None:
        icc = colour.profile(colour.Colour(chromaticities=chromaticities), gray=light.shape[2] <= 2)
    return Decoded(values, icc, tuple(said))


def _rows(light: NDArray[np.float64], exposure: float, *, alpha: bool) -> NDArray[np.uint16]:
    light = np.nan_to_num(light, nan=0.0, posinf=1.0 / exposure, neginf=0.0)
    if alpha:
        share = np.clip(light[:, :, -1:], 0, 1)
        light[:, :, :-1] = np.divide(light[:, :, :-1], share, out=light[:, :, :-1].copy(), where=share > 0)
    count = light.shape[2] - alpha
    linear = np.clip(light[:, :, :count] * exposure, 0, 1)
    light[:, :, :count] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    out: NDArray[np.uint16] = np.rint(np.clip(light, 0, 1) * 65535).astype(np.uint16)
    return out
