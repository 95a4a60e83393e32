"""How low-resolution (LR) pictures are made from high-resolution (HR) ones for training.

``bicubic`` is the benchmark's degradation: MATLAB's antialiased ``imresize``, in 8 bits, as :mod:`srgan.resize.imresize`
reproduces it. It is applied to whole pictures before cropping, so that crops carry no resizing border of their own.

``photo`` makes what people really have: blurred, noisy, sharpened, resized, compressed once or several times. Each crop goes
through a chain of its own: see :mod:`srgan.training.degradation.photo`.
"""

from srgan.training.degradation.photo import CONTEXT, PhotoRanges, for_validation, photo
from srgan.training.degradation.sharpness import sharpened
from srgan.training.degradation.sizes import bicubic, mod_crop

__all__ = ["CONTEXT", "PhotoRanges", "bicubic", "for_validation", "mod_crop", "photo", "sharpened"]
