"""The paper's discriminator (Ledig et al. 2017, arXiv:1609.04802, section 2.1.1 and figure 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True)
class DiscriminatorConfig:
    """What determines the discriminator's shape.

    Attributes
    ----------
    bands : colour bands of the pictures, 3 for RGB
    features : feature maps of the first convolution (paper: 64); the widest has 8 times as many
    dense : width of the first dense layer (paper: 1024); of kind ``"paper"`` alone
    norm : ``"batch"`` for the paper's BatchNorm, ``"spectral"`` for spectral normalisation (arXiv:1802.05957), ``"none"``, or
        ``"auto"``: the one that :attr:`kind` was published with
    kind : ``"paper"``, one judgement a picture, or ``"unet"``, one a pixel, always with spectral normalisation
        (:class:`srgan.networks.unet_discriminator.UNetDiscriminator`)
    """

    bands: int = 3
    features: int = 64
    dense: int = 1024
    norm: str = "auto"
    kind: str = "paper"

    @property
    def normalisation(self) -> str:
        """:attr:`norm`, with ``"auto"`` resolved."""
        if self.norm != "auto":
            return self.norm
        return "spectral" if self.kind == "unet" else "batch"

    def problems(self) -> list[str]:
        """Return what is wrong with these values, one sentence each; an empty list when nothing is."""
        found = [
            f"{name} must be at least 1, not {getattr(self, name)}"
            for name in ("bands", "features", "dense")
            if getattr(self, name) < 1
        ]
        if self.norm not in ("auto", "batch", "spectral", "none"):
            found.append(f"norm must be 'auto', 'batch', 'spectral' or 'none', not {self.norm!r}")
        if self.kind not in ("paper", "unet"):
            found.append(f"kind must be 'paper' or 'unet', not {self.kind!r}")
        if self.kind == "unet" and self.norm in ("batch", "none"):
            found.append(f"norm {self.norm!r} is for kind 'paper': a U-Net has spectral normalisation")
        return found


class Discriminator(nn.Module):
    """Tells photographs from generated pictures.

    conv 3x3 F + LeakyReLU 0.2; then [conv 3x3, norm, LeakyReLU] with F stride 2, 2F, 2F/s2, 4F, 4F/s2, 8F, 8F/s2; global
    average pooling; dense; LeakyReLU; dense 1. The paper flattens before the dense layers, which fixes the picture's size;
    pooling takes any size from 16 pixels on.

    Raises
    ------
    ValueError
        for values that no network can have
    """

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        config = config or DiscriminatorConfig()
        if problems := config.problems():
            raise ValueError("; ".join(problems))
        self.config = config
        features, norm = config.features, config.normalisation
        layers: list[nn.Module] = [
            self._wrap(nn.Conv2d(config.bands, features, 3, padding=1)),
            nn.LeakyReLU(0.2),
        ]
        previous = features
        for width, stride in ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)):
            width *= features
            layers.append(self._wrap(nn.Conv2d(previous, width, 3, stride=stride, padding=1, bias=norm != "batch")))
            if norm == "batch":
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2))
            previous = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            self._wrap(nn.Linear(previous, config.dense)),
            nn.LeakyReLU(0.2),
            self._wrap(nn.Linear(config.dense, 1)),
        )

    def _wrap(self, layer: nn.Module) -> nn.Module:
        return spectral_norm(layer) if self.config.normalisation == "spectral" else layer

    def forward(self, x: Tensor) -> Tensor:
        """Judge a batch.

        Parameters
        ----------
        x : ``[N, C, H, W]``, floating point, [0, 1]

        Returns
        -------
        Tensor
            ``[N, 1]`` logits: above 0 for "a photograph", below for "generated". The paper's sigmoid is part of the loss.
        """
        y = self.features(x * 2 - 1)
        return cast(Tensor, self.classifier(y.mean(dim=(2, 3))))
