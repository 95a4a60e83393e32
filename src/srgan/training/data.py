"""Random crops of training pictures, each a function of (seed, its number).

As a crop depends on nothing else, a run resumes in the middle of anything with exactly the crops that it would have had.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from srgan.errors import DataError
from srgan.image.multiband import deepened
from srgan.training.degradation import CONTEXT, photo
from srgan.training.pictures import Pictures


class CropDataset(Dataset[tuple[Tensor, ...]]):
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
    degradation : ``"photo"`` draws a chain for each crop; the others take the LR that was prepared
    candidates : positions drawn for a crop, of which the most detailed one is taken; with 1 every position is as likely as
        any other
    plain : give a crop of HR before it was sharpened as well, where ``pictures`` have that
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
        plain: bool = False,
    ) -> None:
        self.plain = plain and bool(pictures.plain)
        self.degradation, self.candidates = degradation, candidates
        self.pictures, self.crop, self.scale, self.seed, self.flips = pictures, crop // scale, scale, seed, flips
        # All crops have one depth, as they share batches.
        self.deep = pictures.depth == 16
        positions = [max(lr.shape[0] - self.crop + 1, 0) * max(lr.shape[1] - self.crop + 1, 0) for lr in pictures.lr]
        if not any(positions):
            raise DataError(
                f"no picture is as large as a crop of {crop} x {crop} pixels: give larger ones or lower the crop"
            )
        self.ends = np.cumsum(positions)

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        """Return crop number ``index``: LR ``[C, h, w]`` and HR ``[C, s*h, s*w]``, and with ``plain`` that one's as well.

        They are uint8, or uint16 of full range where any of the pictures has 16 bits.
        """
        # Philox is counter-based: any crop's draws are at hand at once, with no state to carry or to save.
        random = np.random.Generator(np.random.Philox(key=[self.seed, index]))
        drawn = [self._place(int(random.integers(self.ends[-1]))) for _ in range(self.candidates)]
        which, top, left = max(drawn, key=self._detail) if self.candidates > 1 else drawn[0]
        lr, hr, s = self.pictures.lr[which], self.pictures.hr[which], self.scale
        place = slice(top * s, (top + self.crop) * s), slice(left * s, (left + self.crop) * s)
        small = lr[top : top + self.crop, left : left + self.crop]
        large = [hr[place], *([self.pictures.plain[which][place]] if self.plain else [])]
        turn = int(random.integers(8)) if self.flips else 0
        if self.degradation == "photo":
            small = self._through_chain(hr, top * s, left * s, random)
        return tuple(self._to_tensor(_turn(x, turn)) for x in (small, *large))

    def _to_tensor(self, x: NDArray[Any]) -> Tensor:
        x = deepened(x) if self.deep else x
        return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))

    def _place(self, number: int) -> tuple[int, int, int]:
        """Return picture, top and left in LR pixels, of position ``number`` of all that there are."""
        which = int(np.searchsorted(self.ends, number, side="right"))
        number -= int(self.ends[which - 1]) if which else 0
        top, left = divmod(number, self.pictures.lr[which].shape[1] - self.crop + 1)
        return which, top, left

    def _detail(self, place: tuple[int, int, int]) -> float:
        """Return the mean gradient of the LR crop there, in levels of 255."""
        which, top, left = place
        picture = self.pictures.lr[which]
        crop = picture[top : top + self.crop, left : left + self.crop].astype(np.float32)
        crop /= 257 if picture.dtype == np.uint16 else 1
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


def _turn(x: NDArray[Any], turn: int) -> NDArray[Any]:
    """Apply one of the eight symmetries of the square; 0 is none."""
    x = np.rot90(x, turn % 4)
    return x[:, ::-1] if turn >= 4 else x
