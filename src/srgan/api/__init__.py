"""The Python face: ``srgan.upscale``, ``srgan.Upscaler`` and ``srgan.compare``, for paths, arrays and PIL images."""

from srgan.api.calls import upscale
from srgan.api.comparison import Comparison, compare
from srgan.api.results import ResultPath
from srgan.api.upscaler import Upscaler

__all__ = ["Comparison", "ResultPath", "Upscaler", "compare", "upscale"]
