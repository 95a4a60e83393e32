"""A network's figures, from its card, in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def figures(card: Mapping[str, Any]) -> str:
    """Return the card's evaluation in one line, for instance ``Set5 30.61 dB / 0.868, Set14 27.50 dB / 0.760``."""
    sets = card.get("evaluation")
    parts = []
    for entry in sets if isinstance(sets, list) else []:
        try:
            parts.append(f"{entry['set']} {entry['psnr_y']:.2f} dB / {entry['ssim_y']:.3f}")
        except (KeyError, TypeError, ValueError):
            continue  # a card from elsewhere may say it in another way; the whole card still shows it
    return ", ".join(parts) or "not evaluated"
