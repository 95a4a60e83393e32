"""Model cards: what a network was trained on, how, for how long, and what it reaches."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from srgan._version import __version__
from srgan.training.recipe import Stage

if TYPE_CHECKING:
    from srgan.training.state import Run, StageState


_DEGRADATIONS = {"given": "provided: LR pictures that came with the HR ones"}


def make_card(run: Run, init: str | None, name: str, stage: Stage, state: StageState) -> dict[str, Any]:
    """Return the card of the network that stage ``name`` has made, ready for JSON.

    Keys: ``srgan`` (version), ``date``, ``stage``, ``steps`` and ``hours`` of this stage, ``init`` (what the first stage
    started from), ``data`` (pictures, megapixels, SHA-256 of names and pixels), ``precision``, ``recipe`` (resolved, whole) and
    ``curve`` (PSNR of the validation sets at each validation). ``evaluation`` is added when the network has been evaluated, and
    for a GAN ``halfway`` (:func:`srgan.training.halfway.halfway`).
    """
    return {
        "srgan": __version__,
        "date": time.strftime("%Y-%m-%d"),
        "stage": name,
        "steps": stage.steps,
        "hours": round(state.seconds / 3600, 3),
        "init": init,
        "data": {
            "pictures": len(run.pictures.names),
            "megapixels": round(run.pictures.megapixels, 3),
            "sha256": run.pictures.digest,
        },
        "precision": str(run.fabric._precision.precision),
        "recipe": run.recipe.to_dict(),
        "curve": [[step, {key: round(value, 3) for key, value in psnr.items()}] for step, psnr in state.curve],
    }


def to_markdown(name: str, card: Mapping[str, Any]) -> str:
    """Write a card as Markdown."""
    data, recipe = card["data"], card["recipe"]
    stage = recipe["stages"][card["stage"]]
    terms = ", ".join(
        f"{stage[term]['weight']:g} x {term} ({stage[term]['kind']})"
        for term in ("pixel", "content", "adversarial")
        if stage[term]["weight"]
    )
    before = list(recipe["stages"])[: list(recipe["stages"]).index(card["stage"])]
    start = f"stage {before[-1]}" if before else (card["init"] or "random weights")
    lines = [
        f"# {name}",
        "",
        f"Trained with srgan {card['srgan']}, {card['date']}.",
        "",
        f"- **Steps**: {card['steps']} of batch {stage['batch']}, HR crops of {stage['crop']} pixels; {card['hours']:.2f} hours, "
        f"precision {card['precision']}",
        f"- **Started from**: {start}",
        *([f"- **Blended**: with {blend['share']:g} of {blend['with']}"] if (blend := card.get("blended")) else []),
        *([f"- **Fidelity**: {_blends(found)}"] if (found := card.get("halfway")) else []),
        f"- **Loss**: {terms}",
        f"- **Data**: {data['pictures']} pictures, {data['megapixels']:.1f} megapixels, SHA-256 `{data['sha256']}`",
        f"- **Degradation**: {_DEGRADATIONS.get(kind := recipe['data']['degradation'], kind)}",
        "",
    ]
    if card.get("evaluation"):
        lines += ["| set | pictures | PSNR-Y, dB | SSIM-Y |", "|---|---|---|---|"]
        lines += [
            f"| {entry['set']} | {entry['images']} | {entry['psnr_y']:.2f} | {entry['ssim_y']:.4f} |"
            for entry in card["evaluation"]
        ]
        lines += [
            "",
            "fp32, MATLAB bicubic LR, luma, border of `scale` pixels cropped: `srgan evaluate` prints these again.",
            "",
        ]
    return "\n".join(lines)


def _blends(found: Mapping[str, Any]) -> str:
    gan, between, faithful = found["psnr_y"]
    return f"on {found['set']} {gan:.2f} dB alone, {between:.2f} halfway to {found['with']}, {faithful:.2f} there"
