"""Fidelity: a GAN and the faithful network that its training started from, or that started from it, blended into one.

Two networks that share a starting point lie near each other: each convolution of the second is the first one's, moved
a little. Between them the weights can be mixed, and the mixture is a network whose results go from the one's to the
other's: Wang et al. 2018, `ESRGAN <https://arxiv.org/abs/1809.00219>`_, section 3.4, "network interpolation". It costs
nothing when it runs, and it is not the mean of two pictures: detail that only the GAN would invent fades, edges stay
sharp. Networks that were trained apart cannot be mixed; so a network's partner is not chosen by the user, but is what
its model card or the catalogue says. Nor can those that long training has taken too far away from where it started.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import ModelError, UnknownModelError, UsageError
from srgan.models.catalogue import CATALOGUE, networks_of, resolve, shipped_file
from srgan.models.metadata import ModelInfo, read_info
from srgan.runtime.graph import import_openvino, read_graph

GRAPHS_KEPT = 2
"""Graphs that stay in memory as they were read: a GAN's and its partner's, a few MB each."""

_read: dict[tuple[str, int, int], Any] = {}
_reading = threading.Lock()

# dB that a blend of both halves may read less than either network: a mean of few pictures says no more.
_WORSE = 0.1


def check_fidelity(fidelity: float) -> None:
    """Raise UsageError if it is not a number from 0 to 1."""
    if not (math.isfinite(fidelity) and 0 <= fidelity <= 1):
        raise UsageError(f"fidelity is {fidelity:g}: give 0 (sharpest) to 1 (nothing invented)")


def has_partner(info: ModelInfo) -> bool:
    """Return whether :func:`partner` finds one."""
    try:
        partner(info)
    except (UsageError, ModelError):
        return False
    return True


def partner(info: ModelInfo) -> ModelInfo:
    """Return the faithful network that a GAN is blended with.

    For a shipped network the catalogue says which it is. Otherwise the model card does: by name (``partner``), or it is what the
    last stage that learned pixels alone made, which ``srgan train`` writes beside it, or else the network that the run was
    started with.

    Raises
    ------
    UsageError
        if the network is not a GAN, or its card does not say what it was trained from, or says that the two have diverged
    ModelError
        if the partner's file is missing or damaged
    """
    path = _partner_path(info)
    if path is None:
        *others, last = sorted(name for name, entry in CATALOGUE.items() if entry.partner and not entry.aside)
        raise UsageError(
            f"fidelity blends a GAN with the network that it was trained from, and {info.name} has none: "
            f"take {', '.join(others)} or {last}, or leave fidelity out"
        )
    if not path.is_file():
        raise ModelError(f"fidelity blends {info.name} with {path.name}, which is missing ({path}): put it there")
    if grown_apart(info.card.get("halfway")):
        raise UsageError(
            f"{info.name} was trained too far away from {path.stem} to be blended with it: halfway, pictures are worse than at "
            "either end; leave fidelity out"
        )
    return read_info(path)


def grown_apart(halfway: Any) -> bool:
    """Return whether pictures between a GAN and its partner are worse than those of either.

    Parameters
    ----------
    halfway : what the GAN's card says of it (:func:`srgan.training.halfway.halfway`); None or damaged, it says nothing
    """
    try:
        gan, between, faithful = map(float, halfway["psnr_y"])
    except (KeyError, TypeError, ValueError):
        return False
    return between < min(gan, faithful) - _WORSE


def files_of(model: str | Path, fidelity: float | None, denoise: float | None = None) -> list[Path]:
    """Return the files of all networks that results may depend on: with ``fidelity`` their partners' too.

    Raises
    ------
    UnknownModelError, ModelError, UsageError
        as :func:`srgan.models.catalogue.resolve` and :func:`partner`
    """
    paths = [resolve(name) for name in networks_of(model, fidelity, denoise)]
    return paths if fidelity is None else [part for path in paths for part in (path, partner(read_info(path)).path)]


def _partner_path(info: ModelInfo) -> Path | None:
    for entry in CATALOGUE.values():
        if shipped_file(entry).resolve() == info.path.resolve():
            return resolve(entry.partner) if entry.partner else None
    named = info.card.get("partner")
    if isinstance(named, str):
        return _place(named)
    try:
        stages = info.card["recipe"]["stages"]
        if not stages[info.card["stage"]]["adversarial"]["weight"] > 0:
            return None
        before = list(stages)[: list(stages).index(info.card["stage"])]
        faithful = [name for name in before if not _invents(stages[name])]
        start = info.card.get("init")
    except (KeyError, TypeError, ValueError, AttributeError):
        return None  # a card from elsewhere
    if faithful:
        return info.path.with_name(f"{faithful[-1]}-x{info.scale}.onnx")
    return _place(start) if isinstance(start, str) else None


def _place(name_or_path: str) -> Path:
    try:
        return resolve(name_or_path)
    except UnknownModelError:
        return Path(name_or_path)


def _invents(stage: Any) -> bool:
    """Whether a stage of a recipe learned more than pixels."""
    return any(stage.get(term, {}).get("weight", 0) > 0 for term in ("content", "adversarial"))


def blend(info: ModelInfo, fidelity: float) -> Any:
    """Return the graph of a GAN blended with its partner, for the runtime.

    Parameters
    ----------
    info : the GAN
    fidelity : 0 gives the GAN's weights, 1 the partner's, exactly; between them ``(1 - f) * GAN + f * partner``

    Returns
    -------
    an OpenVINO graph as :func:`srgan.runtime.graph.read_graph` gives it, its weights float32

    Raises
    ------
    UsageError, ModelError
        if ``fidelity`` is out of range, there is no partner, or the shapes of the two networks differ
    """
    check_fidelity(fidelity)
    faithful = partner(info)
    graph, other = _graph(info).clone(), _graph(faithful)
    weights, others = _weights(graph), _weights(other)
    if _layers(graph) != _layers(other) or [node.data.shape for node in weights] != [
        node.data.shape for node in others
    ]:
        raise ModelError(
            f"{info.path} and {faithful.path} are networks of different shapes, which cannot be blended: "
            "leave fidelity out"
        )
    opset = import_openvino().opset13
    share = np.float32(fidelity)
    for node, its_partner in zip(weights, others, strict=True):
        mixed = mix(node.data, its_partner.data, share)
        # In fp32, whatever the file has: the conversion that follows the weights of an fp16 file then does nothing.
        constant = opset.constant(mixed, np.float32)
        for consumer in list(node.output(0).get_target_inputs()):
            consumer.replace_source_output(constant.output(0))
    graph.validate_nodes_and_infer_types()
    return graph


def _graph(info: ModelInfo) -> Any:
    """Return a network's graph as its file gives it, which is read once for many blends; not to be changed.

    Reading holds Python's lock all the while, and a server whose clients try settings would answer nobody meanwhile.
    """
    about = info.path.stat()
    key = str(info.path), about.st_mtime_ns, about.st_size
    with _reading:
        if key not in _read:
            _read[key] = read_graph(info)
            while len(_read) > GRAPHS_KEPT:
                del _read[next(iter(_read))]  # the first that was read
        return _read[key]


def mix(weights: NDArray[Any], partners: NDArray[Any], share: float | np.float32) -> NDArray[np.float32]:
    """Return ``(1 - share) * weights + share * partners`` in fp32; of the same shape both."""
    mixed: NDArray[np.float32] = (1 - share) * weights.astype(np.float32) + share * partners.astype(np.float32)
    return mixed


def _weights(graph: Any) -> list[Any]:
    """Return the constants that are weights, in the graph's order."""
    constants = [node for node in graph.get_ordered_ops() if node.get_type_name() == "Constant"]
    return [node for node in constants if node.get_output_element_type(0).is_real()]


def _layers(graph: Any) -> list[str]:
    """Return the kinds of layers in order, without what only differs by how the weights are stored."""
    kinds = [node.get_type_name() for node in graph.get_ordered_ops()]
    return [kind for kind in kinds if kind not in ("Constant", "Convert")]
