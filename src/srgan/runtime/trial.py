"""Whether a device is right and fast enough: tried once a machine, a version and a network, and kept in the cache folder.

What users of such programs report most is a graphics card that gives black, shifted or noisy pictures, and one that is slower
than the processor. So a card's result for a small picture is compared with the processor's before it is used, and ``auto`` takes
it only if it is faster as well. A card is exact enough in fp16 where :data:`WITHIN_ONE` of the values are within one level of 255
and none is off by more than :data:`MOST`.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import DeviceError, ModelError, SrganError, option
from srgan.files import atomic_path
from srgan.models.catalogue import resolve
from srgan.models.metadata import read_info
from srgan.runtime import cache, devices
from srgan.runtime.backend import Device
from srgan.runtime.network import Precision, open_network

WITHIN_ONE, MOST = 0.995, 3
"""Share of the values within one level of 255, and the most levels that any may be off."""

SIDE, LARGE_SIDE = 64, 256
"""Pixels across the picture that is compared, and across the one that a device is timed by: small ones do not fill it."""

KEPT = 64
"""Verdicts in the file; the oldest go first."""

Place = tuple[Device | None, Precision]
"""What computes, None for the processor, and in what."""


@dataclass(frozen=True)
class TrialResult:
    """What came of a trial.

    Attributes
    ----------
    device : name of the device, empty for the processor
    title : of the device
    precision : what it is exact enough in; empty if in nothing
    speed : pixels a second, as many times as the processor's
    why : one line for people
    backend : of the device
    final : whether it may be kept: not where a device had too little memory free, for which others may be to blame
    """

    device: str
    title: str
    precision: str
    speed: float
    why: str
    backend: str
    final: bool = True


def pick(model: str | Path, wanted: str, *, precision: Precision, threads: int | None = None) -> list[Place]:
    """Return what computes a network.

    Parameters
    ----------
    model : name or path
    wanted : ``cpu``; ``auto``, a graphics card if there is one and the trial speaks for it; or names as for
        :func:`srgan.runtime.devices.named`
    precision, threads : as for :func:`srgan.runtime.network.open_network`

    Raises
    ------
    UsageError
        if a named device is not there
    DeviceError
        if a named device computes wrong results
    UnknownModelError, ModelError
        if the network cannot be opened
    """
    if wanted.strip().lower() == devices.AUTO:
        if precision == "int8" or not devices.may_have_gpu():
            return [(None, precision)]
        return [_automatic(model, precision, threads)]
    places: list[Place] = []
    for device in devices.named(wanted):
        untried = device is None or precision in ("bf16", "int8") or precision not in ("auto", *device.precisions)
        if untried or device is None or device.name == devices.TORCH_CPU:  # tests look at that one themselves
            places.append((device, precision))  # what it does not compute in is said where it is opened
            continue
        verdict = _kept_or(
            _key(model, precision, device.name, device.title),
            partial(judge, device, model, precision, threads, timed=False),
        )
        if not verdict.precision:
            raise DeviceError(
                f"{device.name} ({device.title}) {verdict.why}: use {option('device', 'cpu')}, or update its driver"
            )
        places.append((device, verdict.precision if precision == "auto" else precision))  # type: ignore[arg-type]
    return places


def _automatic(model: str | Path, precision: Precision, threads: int | None) -> Place:
    verdict = _kept_or(_key(model, precision, devices.AUTO), partial(_best, model, precision, threads))
    if verdict.backend not in devices.BACKENDS:
        return None, precision
    for device in devices.library(verdict.backend).devices:
        if (device.name, device.title) == (verdict.device, verdict.title):
            return device, verdict.precision if precision == "auto" else precision  # type: ignore[return-value]
    return None, precision  # it was unplugged


def _best(model: str | Path, precision: Precision, threads: int | None) -> TrialResult:
    """Try the cards in the order of preference; the first that is right and faster than the processor is it."""
    none = TrialResult("", "", "", 1.0, "there is no GPU that an installed library knows", "")
    for device in devices.cards():
        verdict = judge(device, model, precision, threads)
        if verdict.precision and verdict.speed > 1:
            return replace(verdict, final=verdict.final and none.final)
        none = TrialResult("", device.title, "", verdict.speed, verdict.why, "", verdict.final and none.final)
    return none


def judge(
    device: Device, model: str | Path, precision: Precision, threads: int | None = None, *, timed: bool = True
) -> TrialResult:
    """Compare a device with the processor on a small picture, and time both if it is to be ``timed``.

    The precision tried is the one asked for, if the device has it; for ``"auto"`` it is fp16, and fp32 where that is not
    exact enough.
    """
    bands = read_info(resolve(model)).bands
    automatic = ("fp16", "fp32") if bands == 3 else ("fp32",)  # bands are measurements
    asked: tuple[Any, ...] = automatic if precision == "auto" else (precision,)
    tried = [name for name in asked if name in device.precisions]
    verdict = partial(TrialResult, device.name, device.title, backend=device.backend)
    if not tried:
        return verdict(precision="", speed=0.0, why=f"does not compute in {' or '.join(asked)}")
    small, large = picture(SIDE, bands), picture(LARGE_SIDE, bands)
    processor = open_network(model, precision="fp32", threads=threads)
    right = processor(small)
    speed, rate = 0.0, 1.0
    if timed:
        fastest = open_network(model, precision="auto", threads=threads)  # in bf16 where the processor has it
        rate = SIDE**2 / _seconds(partial(fastest, small))
    why, final = "", True
    for name in tried:
        try:
            network = open_network(model, precision=name, device=device)
            why = compared(network(small), right)
            if timed:
                network(large)  # the first run prepares
                speed = LARGE_SIDE**2 / _seconds(partial(network, large)) / rate
        except (DeviceError, ModelError, MemoryError) as error:
            why = f"cannot be used ({error})"
            final = final and not isinstance(error, MemoryError)
            continue
        if not why:
            slower = "" if speed > 1 or not timed else f"computes {speed:.1f} times as fast as the processor"
            return verdict(precision=name, speed=speed, why=slower, final=final)
    return verdict(precision="", speed=speed, why=why, final=final)


def compared(made: NDArray[np.float32], right: NDArray[np.float32]) -> str:
    """Return how a device's result is wrong, empty if it is right: both float32, full intensity 1."""
    with np.errstate(invalid="ignore"):
        levels = [np.rint(np.clip(values, 0, 1) * 255) for values in (made, right)]
        off = np.abs(levels[0] - levels[1])
    if not np.isfinite(made).all():
        return "gives values that are not numbers"
    within = float((off <= 1).mean())
    if within >= WITHIN_ONE and off.max() <= MOST:
        return ""
    return (
        f"is off by up to {off.max():.0f} levels of 255 from the processor's result, and by more than one in "
        f"{100 * (1 - within):.1f} % of the values"
    )


def picture(side: int, bands: int = 3) -> NDArray[np.float32]:
    """Return what the trial enlarges, float32 [1, bands, side, side].

    It has slopes, edges, and noise of all sizes, as photographs have.
    """
    random = np.random.default_rng(0)
    down, across = np.mgrid[0:side, 0:side] / np.float32(side)
    values = np.stack([0.3 + 0.4 * across, 0.7 - 0.4 * down, 0.5 + 0.3 * (across - down)])
    values += 0.25 * (((down * 5).astype(int) + (across * 7).astype(int)) % 2 - 0.5)
    cell = side
    while cell >= 1:
        count = -(-side // cell)
        noise = random.normal(0, 0.012 * cell**0.5, (3, count, count))
        values += noise.repeat(cell, axis=1).repeat(cell, axis=2)[:, :side, :side]
        cell //= 2
    made: NDArray[np.float32] = np.clip(values[np.arange(bands) % 3], 0, 1).astype(np.float32)[None]
    return made


def _seconds(work: Callable[[], Any]) -> float:
    """Return what the quickest of a few runs took: two at least, and no more after a tenth of a second."""
    taken: list[float] = []
    while len(taken) < 2 or (sum(taken) < 0.1 and len(taken) < 10):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def _key(model: str | Path, *circumstances: str) -> str | None:
    """Return what a verdict is kept under: another driver, library or choice of visible cards is another question."""
    key = cache.key_of(resolve(model), *circumstances, *devices.traces(), *_versions())
    visible = [os.environ.get(name, "") for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")]
    return key and hashlib.blake2b("\0".join([key, *visible]).encode(), digest_size=16).hexdigest()


def _versions() -> list[str]:
    from importlib import metadata  # of no use where there is no GPU

    found = []
    for name in ("torch", "ncnn", "openvino"):
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return found


def _kept_or(key: str | None, find: Callable[[], TrialResult]) -> TrialResult:
    """Return the verdict that is kept under a key, or find and keep it. An unusable file counts as missing."""
    where = cache.folder()
    if key is None or where is None:
        return find()
    place = where / cache.TRIALS
    kept: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        kept = dict(json.loads(place.read_text()))
    with suppress(KeyError, TypeError):
        return TrialResult(**kept[key])
    verdict = find()
    if not verdict.final:
        return verdict
    kept[key] = asdict(verdict)
    with suppress(OSError, SrganError):
        where.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_path(place, overwrite=True) as partial:
            partial.write_text(json.dumps(dict(list(kept.items())[-KEPT:])))
    return verdict
