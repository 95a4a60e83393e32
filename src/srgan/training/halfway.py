"""Whether a new GAN can be blended with the network that it was trained from: seen halfway between the two.

Along a straight line between two networks the pictures stay good only while the second has not been trained too far away from
the first (Frankle et al. 2020, "Linear mode connectivity and the lottery ticket hypothesis", arXiv:1912.05671). A few thousand
steps of a GAN do no harm, ten thousand may; nothing but the pictures tells.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srgan.engine.upscaler import Upscaler
from srgan.evaluation.benchmark import evaluate
from srgan.models.metadata import read_info
from srgan.runtime.blend import has_partner, partner


def halfway(path: Path, folder: Path, alone: float) -> dict[str, Any] | None:
    """Return what a card says of a blend, as :func:`srgan.runtime.blend.grown_apart` reads it.

    Parameters
    ----------
    path : an exported network, with its card
    folder : of pictures to measure on, as :func:`srgan.evaluation.benchmark.find_pairs` takes it
    alone : PSNR of the network itself on them, dB, as :func:`srgan.evaluation.benchmark.evaluate` has found it

    Returns
    -------
    dict or None
        ``with``: name of the partner; ``set``: of the folder; ``psnr_y``: dB of the network, of the blend of both halves, of
        the partner. None for a network that has no partner

    Raises
    ------
    SrganError
        as :func:`srgan.evaluation.benchmark.evaluate`, or when the two networks are not of one shape
    """
    info = read_info(path)
    if not has_partner(info):
        return None
    other = partner(info)
    networks = [Upscaler(path, fidelity=share, precision="fp32", device="cpu") for share in (0.5, 1)]
    sets = [evaluate(network, [folder]).sets[0] for network in networks]
    psnr_y = [alone, *(entry.psnr_y for entry in sets)]
    return {"with": other.name, "set": sets[0].name, "psnr_y": [round(value, 3) for value in psnr_y]}
