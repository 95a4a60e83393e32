"""The keys of a recipe: frozen dataclasses, one a table, each field with its documentation and its unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


def _doc(text: str, default: Any = dataclasses.MISSING) -> Any:
    """Make a field that carries its documentation."""
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata={"doc": text})
    if default is dataclasses.MISSING:
        return field(metadata={"doc": text})
    return field(default=default, metadata={"doc": text})


@dataclass(frozen=True)
class NetworkRecipe:
    """``[generator]``: the shape of the generator."""

    scale: int = _doc("enlargement, a power of two", 4)
    bands: int = _doc(
        "bands of the pictures, 1 to 13: 3 for RGB, 1 for gray; otherwise all pictures must have exactly that many",
        3,
    )
    features: int = _doc("feature maps of the trunk (paper: 64)", 64)
    blocks: int = _doc("residual blocks (paper: 16)", 16)
    norm: Literal["batch", "none"] = _doc("'batch' for the paper's BatchNorm, 'none' for none (EDSR)", "batch")
    output: Literal["tanh", "linear"] = _doc("'tanh' (paper's code) or 'linear'", "tanh")
    kind: Literal["residual", "fast"] = _doc(
        "'residual' (paper), or 'fast': a small network for speed, with norm = 'none' and output = 'linear'; good values "
        "are features = 48 and blocks = 5",
        "residual",
    )


@dataclass(frozen=True)
class DiscriminatorRecipe:
    """``[discriminator]``: the shape of the discriminator; used by stages with an adversarial loss."""

    features: int = _doc("feature maps of the first convolution (paper: 64)", 64)
    dense: int = _doc("width of the dense layer (paper: 1024); of kind 'paper' alone", 1024)
    norm: Literal["auto", "batch", "spectral", "none"] = _doc(
        "normalisation of its layers; 'auto' is 'batch' for kind 'paper', and 'spectral' for 'unet', which has no other",
        "auto",
    )
    kind: Literal["paper", "unet"] = _doc(
        "'paper' judges a picture as a whole; 'unet' judges each pixel (Real-ESRGAN, arXiv:2107.10833), which suits degraded "
        "pictures, at several times the work",
        "paper",
    )


@dataclass(frozen=True)
class DataRecipe:
    """``[data]``: how training pairs are drawn."""

    degradation: Literal["bicubic", "photo", "given"] = _doc(
        "how LR is made from HR: 'bicubic' as MATLAB's imresize, antialiased (the benchmarks), or 'photo', a random chain of "
        "blur, resizing, noise and JPEG for each crop (what people's files are like); 'given' uses the LR pictures that you "
        "provide: it is set automatically where the folder has HR/ and LRx4/ (or LR/), and by --lr",
        "bicubic",
    )
    sharpen: float = _doc(
        "with 'photo': amount of unsharp masking of HR, where there are edges, before LR is made from it; 0 leaves it as it is "
        "(Real-ESRGAN: 0.5)",
        0.5,
    )
    flips: bool = _doc("flip and rotate crops at random, by multiples of 90 degrees", True)
    workers: int = _doc("worker processes that prepare batches; 0 prepares them in the training process", 0)


@dataclass(frozen=True)
class PixelTerm:
    """``[stages.NAME.pixel]``: difference of the pictures, value by value."""

    kind: Literal["mse", "l1"] = _doc("'mse' (paper, equation 4) or 'l1'", "l1")
    weight: float = _doc("weight in the total loss; 0 turns it off", 0.0)


@dataclass(frozen=True)
class ContentTerm:
    """``[stages.NAME.content]``: difference of the pictures' VGG features (paper, equation 5)."""

    weight: float = _doc("weight in the total loss; 0 turns it off", 0.0)
    network: Literal["vgg19", "vgg16"] = _doc("feature network, with ImageNet weights", "vgg19")
    layers: dict[str, float] = _doc("convolution -> its weight; activations before the ReLU", {"conv5_4": 1.0})
    kind: Literal["mse", "l1"] = _doc("difference of the features", "mse")
    scaling: Literal["relative", "unit", "constant"] = _doc(
        "'relative' divides each layer by its mean magnitude on the HR batch, whatever the weight file's own magnitudes; "
        "'unit' takes the ReLU and brings the features of each position to unit length (LPIPS); "
        "'constant' multiplies features by `constant`",
        "relative",
    )
    constant: float = _doc("multiplier of the features for scaling 'constant' (paper: 1/12.75)", 1 / 12.75)


@dataclass(frozen=True)
class AdversarialTerm:
    """``[stages.NAME.adversarial]``: the discriminator's judgement (paper, equation 6)."""

    weight: float = _doc("weight in the total loss (paper: 1e-3); 0 trains no discriminator", 0.0)
    kind: Literal["standard", "relativistic", "hinge"] = _doc(
        "'standard' cross entropy, 'relativistic' average (arXiv:1807.00734), or 'hinge' (arXiv:1705.02894): a discriminator "
        "that tells pictures apart by a margin learns no more",
        "standard",
    )
    rate: float = _doc("the discriminator's learning rate; 0 uses the generator's", 0.0)
    label: float = _doc(
        "the discriminator's target for real photographs; 0.9 is one-sided label smoothing; not with 'hinge'", 1.0
    )
    noise: float = _doc(
        "standard deviation of noise on all that the discriminator sees, where 1 is white, at the first step; falls evenly to 0 "
        "at the last one. It hides what gives generated pictures away at once (instance noise, arXiv:1610.04490); try 0.1",
        0.0,
    )
    sharpened: bool = _doc(
        "with degradation 'photo': take sharpened pictures for photographs, as all other losses do; false shows the "
        "discriminator photographs as they are (Real-ESRGAN), so that it knows haloes for what they are",
        True,
    )


@dataclass(frozen=True)
class Stage:
    """``[stages.NAME]``: one part of the training; the next one starts from this one's averaged weights."""

    steps: int = _doc("optimizer steps")
    batch: int = _doc("crops per step, over all devices", 16)
    accumulate: int = _doc(
        "gradient accumulation: parts into which each device splits its share of the batch: less memory for the same gradients, "
        "except that normalisation, 'relative' scaling and relativistic losses see one part at a time",
        1,
    )
    crop: int = _doc("side of the HR crops, in pixels; a multiple of the scale", 96)
    candidates: int = _doc(
        "random positions drawn for each crop, of which the most detailed one is used: 1 treats all alike, more avoid sky",
        1,
    )
    optimizer: Literal["adam", "muon"] = _doc(
        "'adam' (paper), or 'muon' for the generator's hidden convolutions and Adam for all else", "adam"
    )
    rate: float = _doc("peak learning rate of Adam", 1e-4)
    tail_rate: float = _doc(
        "the last convolution's learning rate, as a share of `rate`: it sums 81 positions of all feature maps, so that a step "
        "of equal size changes the picture ten times as much as one of a 3x3 convolution",
        1.0,
    )
    vector_rate: float = _doc("learning rate of biases and slopes, as a share of `rate`", 1.0)
    muon_lr: float = _doc("peak learning rate of Muon; follows the same schedule as Adam's", 5e-4)
    weight_decay: float = _doc(
        "weight decay of Muon, decoupled as in AdamW: share of a weight, times the learning rate", 1.0
    )
    final_rate: float = _doc("learning rate at the last step; equal to `rate` for a constant one", 1e-4)
    schedule: Literal["cosine", "hyperbolic", "constant", "halves"] = _doc(
        "'cosine' from rate to final_rate, 'hyperbolic' (a half after a tenth of the steps, a tenth after half of them), "
        "'constant', or 'halves' (rate, then final_rate from the middle on; paper)",
        "cosine",
    )
    warmup: int = _doc("steps over which the rate rises linearly from 0", 0)
    beta1: float = _doc("Adam's beta1 (paper: 0.9)", 0.9)
    beta2: float = _doc("Adam's beta2", 0.999)
    grid: float = _doc(
        "weight of the grid loss, the part of the error that repeats with the generator's sub-pixels: it suppresses the fine "
        "grid that content losses cause with sub-pixel convolutions; 0 turns it off",
        0.0,
    )
    shift: bool = _doc(
        "crop each batch at a random offset below the scale before the content and adversarial losses: their strides then do not "
        "line up with the generator's sub-pixels, and cause no grid of that period",
        False,
    )
    clip: float = _doc("clip the norm of the generator's gradient to this; 0 does not clip", 0.0)
    ema: float = _doc(
        "decay per step of the exponential moving average (EMA) of the weights; 0 uses the weights themselves", 0.999
    )
    pixel: PixelTerm = field(default_factory=PixelTerm, metadata={"doc": "pixel loss"})
    content: ContentTerm = field(default_factory=ContentTerm, metadata={"doc": "content loss"})
    adversarial: AdversarialTerm = field(default_factory=AdversarialTerm, metadata={"doc": "adversarial loss"})

    @property
    def wants_plain(self) -> bool:
        """Whether its discriminator is to see photographs that have not been sharpened."""
        return self.adversarial.weight > 0 and not self.adversarial.sharpened


@dataclass(frozen=True)
class RunRecipe:
    """``[run]``: everything that does not change the method."""

    seed: int = _doc("seed of the weights, the crops and everything else that is random", 1)
    precision: Literal["auto", "fp32", "bf16", "fp16"] = _doc(
        "'bf16' and 'fp16' are mixed precision; 'auto' uses bf16 where the hardware supports it, else fp32", "auto"
    )
    replay: bool = _doc(
        "on one GPU: record the passes of the generator and of the feature network once as CUDA graphs and replay them, which "
        "is faster than launching their kernels one by one",
        True,
    )
    validate_every: int = _doc("steps between validations (PSNR and a picture in results/)", 1000)
    checkpoint_every: int = _doc("steps between checkpoints", 500)
    checkpoint_minutes: float = _doc(
        "also save a checkpoint when this many minutes have passed; 0 counts steps alone", 15.0
    )
    log_every: int = _doc("steps between lines in the log and points in TensorBoard", 50)
    diagnose_every: int = _doc(
        "steps between diagnostics: the gradient of each loss term on the generator, and the magnitude of its features",
        500,
    )
    keep: int = _doc("how many of the newest checkpoints are kept, besides the best one", 3)


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. ``stages`` run in the order of the file; each exports a network named ``NAME-x<scale>``."""

    stages: dict[str, Stage] = field(metadata={"doc": "the stages, by name"})
    generator: NetworkRecipe = field(default_factory=NetworkRecipe, metadata={"doc": "the generator"})
    discriminator: DiscriminatorRecipe = field(
        default_factory=DiscriminatorRecipe, metadata={"doc": "the discriminator"}
    )
    data: DataRecipe = field(default_factory=DataRecipe, metadata={"doc": "the data"})
    run: RunRecipe = field(default_factory=RunRecipe, metadata={"doc": "the run"})

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts, numbers and strings, in the file's structure."""
        return dataclasses.asdict(self)
