"""Training pictures: decoded once into memory maps, then cropped at random, each crop a function of (seed, its number).

Decoding and reducing whole pictures beforehand makes a step's data a copy of a few hundred kilobytes: loading never limits
the training. As a crop depends on nothing but the seed and its own number, a run resumes in the middle of anything with
exactly the crops that it would have had.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from srgan.errors import DataError, ImageError, TrainingError
from srgan.files import why_not_written
from srgan.training.degradation import CONTEXT, bicubic, mod_crop, photo, sharpened

_T = TypeVar("_T")

WORKER_LOST = "a process that prepares batches has ended (out of memory?): go on with --resume --set data.workers=0"


class Batch(NamedTuple):
    """One step's crops: ``lr [N, C, h, w]`` and ``hr [N, C, s*h, s*w]``, uint8."""

    lr: Tensor
    hr: Tensor


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures in a memory-mapped file.

    A worker process gets the file's place and maps it itself: no picture is copied.

    Attributes
    ----------
    cache : folder of the file
    names : file names, in the order of the arrays
    hr, lr : ``[H, W, C]`` uint8 each, read-only views into the maps; H and W are multiples of the scale
    digest : SHA-256 of names and pixels, which says what a network was trained on
    rejected : ``(name, reason)`` of the files that were left out
    """

    cache: Path
    names: tuple[str, ...]
    hr: tuple[NDArray[np.uint8], ...]
    lr: tuple[NDArray[np.uint8], ...]
    digest: str
    rejected: tuple[tuple[str, str], ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return _open, (self.cache,)

    @property
    def megapixels(self) -> float:
        """Millions of HR pixels."""
        return sum(int(picture.shape[0]) * int(picture.shape[1]) for picture in self.hr) / 1e6


def prepare(
    files: Sequence[Path],
    cache: Path,
    *,
    scale: int,
    bands: int,
    smallest: int,
    degradation: str,
    progress: Callable[[int], None] | None = None,
) -> Pictures:
    """Decode ``files`` into memory maps under ``cache``, or open those that an earlier call with the same files left there.

    Parameters
    ----------
    files : pictures; the order counts (it numbers the crops)
    cache : folder for ``pixels.u8`` and ``pixels.json``, made if need be
    scale : enlargement; HR sides are cut to multiples of it
    bands : 3 for RGB, 1 for gray
    smallest : least side in HR pixels that a crop needs; smaller pictures are left out
    degradation : ``"bicubic"``, or ``"photo"``, which sharpens HR; its LR is made crop by crop
    progress : called with the number of files done

    Raises
    ------
    DataError
        when no usable picture is left, or the maps cannot be written (disk full)
    """
    request = {
        "files": [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files],
        "scale": scale,
        "bands": bands,
        "smallest": smallest,
        "degradation": degradation,
        "format": 1,
    }
    index_file, pixel_file = cache / "pixels.json", cache / "pixels.u8"
    index = _read_index(index_file, pixel_file, request)
    if index is None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            index = _decode(files, pixel_file, request, progress)
            partial = index_file.with_suffix(".part")
            partial.write_text(json.dumps(index), encoding="utf-8")
            os.replace(partial, index_file)
        except OSError as error:
            raise DataError(f"cannot write the decoded pictures to '{cache}': {why_not_written(error)}") from error
    if not index["pictures"]:
        raise DataError(_nothing_left(index["rejected"], smallest))
    return _open(cache)


def _open(cache: Path) -> Pictures:
    """Map the pictures that :func:`prepare` has left in ``cache``."""
    index = json.loads((cache / "pixels.json").read_text(encoding="utf-8"))
    scale, bands = index["request"]["scale"], index["request"]["bands"]
    data = np.memmap(cache / "pixels.u8", dtype=np.uint8, mode="r")
    hr, lr = [], []
    for entry in index["pictures"]:
        height, width, offset = entry["height"], entry["width"], entry["offset"]
        split = offset + height * width * bands
        end = split + height // scale * (width // scale) * bands
        hr.append(data[offset:split].reshape(height, width, bands))
        lr.append(data[split:end].reshape(height // scale, width // scale, bands))
    names = tuple(entry["name"] for entry in index["pictures"])
    rejected = tuple((name, reason) for name, reason in index["rejected"])
    return Pictures(cache, names, tuple(hr), tuple(lr), index["digest"], rejected)


def _nothing_left(rejected: Sequence[Sequence[str]], smallest: int) -> str:
    if not rejected:
        return "there are no pictures to train on: give a folder with JPEG, PNG, WebP or TIFF files"
    name, reason = rejected[0]
    return (
        f"none of the {len(rejected)} pictures can be used (for instance {name}: {reason}): "
        f"give readable pictures of at least {smallest} x {smallest} pixels"
    )


def _read_index(file: Path, pixel_file: Path, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the index of an earlier call for the same files, if its pixels are all there."""
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(index, dict) or index.get("request") != request:
            return None
        scale, bands = request["scale"], request["bands"]
        pixels = sum(
            entry["height"] * entry["width"] + entry["height"] // scale * (entry["width"] // scale)
            for entry in index["pictures"]
        )
        return index if pixel_file.stat().st_size == pixels * bands else None
    except (OSError, ValueError, KeyError):
        return None


def _decode(
    files: Sequence[Path], pixel_file: Path, request: dict[str, Any], progress: Callable[[int], None] | None
) -> dict[str, Any]:
    from srgan.image import read_rgb8

    scale, bands, smallest = request["scale"], request["bands"], request["smallest"]

    def prepared(file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | str:
        """Return HR and LR, or why there are none."""
        try:
            pixels = read_rgb8(file)
        except ImageError as error:
            return str(error)
        if min(pixels.shape[:2]) < smallest:
            return f"{pixels.shape[1]} x {pixels.shape[0]} pixels are fewer than the crop needs ({smallest})"
        hr = np.ascontiguousarray(mod_crop(to_bands(pixels, bands), scale))
        if request["degradation"] == "photo":
            hr = sharpened(hr)
        return hr, np.ascontiguousarray(bicubic(hr, scale))

    pictures: list[dict[str, Any]] = []
    rejected: list[tuple[str, str]] = []
    digest = hashlib.sha256()
    offset = 0
    partial = pixel_file.with_suffix(".part")
    try:
        with partial.open("wb") as out:
            for number, (file, found) in enumerate(_ahead(prepared, files)):
                if progress:
                    progress(number + 1)
                if isinstance(found, str):
                    rejected.append((file.name, found))
                    continue
                hr, lr = found
                data = hr.tobytes() + lr.tobytes()
                out.write(data)
                digest.update(f"{file.name} {hr.shape}\n".encode())
                digest.update(data)
                pictures.append({"name": file.name, "height": hr.shape[0], "width": hr.shape[1], "offset": offset})
                offset += len(data)
            out.flush()
            os.fsync(out.fileno())
        os.replace(partial, pixel_file)
    finally:
        partial.unlink(missing_ok=True)
    return {"request": request, "pictures": pictures, "rejected": rejected, "digest": digest.hexdigest()}


def _ahead(work: Callable[[Path], _T], files: Sequence[Path]) -> Iterator[tuple[Path, _T]]:
    """Yield each file with ``work`` of it, in order, on all processors; a few results wait at a time, not all."""
    count = os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        for start in range(0, len(files), 4 * count):
            some = files[start : start + 4 * count]
            yield from zip(some, pool.map(work, some), strict=True)


def to_bands(pixels: NDArray[np.uint8], bands: int) -> NDArray[np.uint8]:
    """Turn ``[H, W, 3]`` RGB uint8 into ``[H, W, bands]``: itself, or one band of luma."""
    if bands == pixels.shape[2]:
        return pixels
    # ITU-R BT.601 luma, full range: what "gray" means to JPEG and to most software.
    gray: NDArray[np.float64] = pixels @ np.array([0.299, 0.587, 0.114])
    return np.rint(gray).astype(np.uint8)[:, :, None]


class CropDataset(Dataset[tuple[Tensor, Tensor]]):
    """Random crops; item ``i`` is a function of (seed, i) alone.

    A picture is drawn with probability proportional to the number of crop positions in it, the position evenly among them,
    so every position in the whole collection is equally likely: small pictures, however many, do not outweigh large ones.

    Parameters
    ----------
    pictures : decoded pictures
    crop : HR side of the crops, pixels; a multiple of ``scale``
    scale : enlargement
    seed : of all draws
    flips : mirror and rotate by multiples of 90 degrees
    degradation : ``"bicubic"`` takes the LR that was prepared, ``"photo"`` draws a chain for each crop
    candidates : positions drawn for a crop, of which the most detailed one is taken; with 1 every position is as likely as
        any other
    """

    def __init__(
        self,
        pictures: Pictures,
        *,
        crop: int,
        scale: int,
        seed: int,
        flips: bool,
        degradation: str = "bicubic",
        candidates: int = 1,
    ) -> None:
        self.degradation, self.candidates = degradation, candidates
        self.pictures, self.crop, self.scale, self.seed, self.flips = pictures, crop // scale, scale, seed, flips
        positions = [max(lr.shape[0] - self.crop + 1, 0) * max(lr.shape[1] - self.crop + 1, 0) for lr in pictures.lr]
        if not any(positions):
            raise DataError(
                f"no picture is as large as a crop of {crop} x {crop} pixels: give larger ones or lower the crop"
            )
        self.ends = np.cumsum(positions)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return crop number ``index``: LR ``[C, h, w]`` and HR ``[C, s*h, s*w]``, uint8."""
        # Philox is counter-based: any crop's draws are at hand at once, with no state to carry or to save.
        random = np.random.Generator(np.random.Philox(key=[self.seed, index]))
        drawn = [self._place(int(random.integers(self.ends[-1]))) for _ in range(self.candidates)]
        which, top, left = max(drawn, key=self._detail) if self.candidates > 1 else drawn[0]
        lr, hr, s = self.pictures.lr[which], self.pictures.hr[which], self.scale
        small = lr[top : top + self.crop, left : left + self.crop]
        large = hr[top * s : (top + self.crop) * s, left * s : (left + self.crop) * s]
        turn = int(random.integers(8)) if self.flips else 0
        if self.degradation == "photo":
            small = self._through_chain(hr, top * s, left * s, random)
        if turn:
            small, large = _turn(small, turn), _turn(large, turn)
        return _to_tensor(small), _to_tensor(large)

    def _place(self, number: int) -> tuple[int, int, int]:
        """Return picture, top and left in LR pixels, of position ``number`` of all that there are."""
        which = int(np.searchsorted(self.ends, number, side="right"))
        number -= int(self.ends[which - 1]) if which else 0
        top, left = divmod(number, self.pictures.lr[which].shape[1] - self.crop + 1)
        return which, top, left

    def _detail(self, place: tuple[int, int, int]) -> float:
        """Return the mean gradient of the LR crop there."""
        which, top, left = place
        crop = self.pictures.lr[which][top : top + self.crop, left : left + self.crop].astype(np.float32)
        return float(np.abs(np.diff(crop, axis=0)).mean() + np.abs(np.diff(crop, axis=1)).mean())

    def _through_chain(
        self, hr: NDArray[np.uint8], top: int, left: int, random: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Degrade a crop together with what surrounds it, and cut that off."""
        s, side = self.scale, self.crop * self.scale
        margin = CONTEXT // s * s
        above, before = min(margin, top), min(margin, left)
        window = hr[top - above : top + side + margin, left - before : left + side + margin]
        small = photo(np.ascontiguousarray(window), s, random)
        return small[above // s : above // s + self.crop, before // s : before // s + self.crop]


def _turn(x: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """Apply one of the eight symmetries of the square."""
    x = np.rot90(x, turn % 4)
    return x[:, ::-1] if turn >= 4 else x


def _to_tensor(x: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))


def batches(
    dataset: CropDataset,
    *,
    first_step: int,
    steps: int,
    batch: int,
    workers: int,
    rank: int = 0,
    devices: int = 1,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield the batches of steps ``first_step`` to ``steps - 1``.

    Parameters
    ----------
    dataset : source of crops
    first_step, steps : the part of the stage still to do
    batch : crops a step over all devices; each device takes its share
    workers : processes that prepare batches; 0 prepares them here
    rank, devices : which share of how many this process takes
    pinned : put batches where a GPU can fetch them while it computes

    Raises
    ------
    TrainingError
        when a worker process dies
    """
    share = batch // devices
    numbers: Any = [  # a list of ranges serves as a sampler: torch's types ask for lists of lists
        range(step * batch + rank * share, step * batch + (rank + 1) * share) for step in range(first_step, steps)
    ]
    loader = DataLoader(
        dataset,
        batch_sampler=numbers,
        num_workers=workers,
        pin_memory=pinned,
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_leave_interrupts_to_the_training,
    )
    try:
        for lr, hr in loader:
            yield Batch(lr, hr)
    except RuntimeError as error:
        if not is_loss_of_a_worker(error):
            raise
        raise TrainingError(WORKER_LOST) from error


def is_loss_of_a_worker(error: BaseException) -> bool:
    """Whether an exception is how torch says that a process that prepares batches has ended.

    It is raised by a signal's handler: anywhere in the program, not only where the next batch is waited for.
    """
    return isinstance(error, RuntimeError) and "DataLoader worker (pid" in str(error)


def _leave_interrupts_to_the_training(worker: int) -> None:
    """Ignore Ctrl-C, which a terminal sends to all processes: the training still needs its next batches to stop in order."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
