"""The losses of SRGAN (Ledig et al. 2017, arXiv:1609.04802, section 2.2), each in the paper's notation.

``I_HR`` a photograph, ``I_SR = G(I_LR)`` the generator's output, both ``[N, C, H, W]`` in [0, 1]; ``D`` the discriminator's
logit. The generator's total (equation 3) is the weighted sum of a pixel loss, a content loss and an adversarial loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from srgan.training.sync_batchnorm import all_reduce_mean

Difference = Callable[[Tensor, Tensor], Tensor]
DIFFERENCES: dict[str, Difference] = {"mse": F.mse_loss, "l1": F.l1_loss}

# "VGG feature maps were also rescaled by a factor of 1/12.75 to obtain VGG losses of a scale that is comparable to the MSE
# loss" (section 3.2); it belongs to the Caffe weights of VGG19 and is the default of the recipe's `constant`.
PAPER_RESCALING = 1 / 12.75


class ContentLoss(nn.Module):
    """Difference of VGG features of I_SR and I_HR (equation 5), summed over layers.

    Parameters
    ----------
    features : maps pictures in [0, 1] to a dict of activations, as :class:`srgan.networks.vgg.VGGFeatures`
    layers : layer name -> weight
    kind : ``"mse"`` (the paper) or ``"l1"``
    scaling : ``"constant"`` multiplies the features by ``constant``. ``"relative"`` divides each layer by its mean magnitude
        on the HR batch: that makes the loss independent of the magnitudes of the weight file (ImageNet weights from Caffe
        answer in the hundreds) and lets the layers' weights mean what they say. ``"unit"`` brings the activations after
        their ReLU to unit length at each position, as LPIPS does (arXiv:1801.03924, equation 1), times the square root of
        the number of channels: with ``"mse"`` a layer's loss is its part of :func:`srgan.evaluation.metrics.vgg_distance`
    constant : for scaling ``"constant"``
    """

    def __init__(
        self, features: nn.Module, layers: Mapping[str, float], *, kind: str, scaling: str, constant: float = 1.0
    ) -> None:
        super().__init__()
        self.features = features
        self.layers = dict(layers)
        self.difference = DIFFERENCES[kind]
        self.scaling, self.constant = scaling, constant

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar; gradients flow to ``sr`` alone. Both ``[N, C, H, W]``, [0, 1]."""
        with torch.no_grad():
            target = self.features(hr)
        found = self.features(sr)
        total = sr.new_zeros(())
        for layer, weight in self.layers.items():
            total = total + weight * self.difference(*self._scaled(found[layer].float(), target[layer].float()))
        return total

    def _scaled(self, found: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        if self.scaling == "unit":
            length = wanted.shape[1] ** 0.5
            return _unit(found) * length, _unit(wanted) * length
        if self.scaling == "relative":
            size = all_reduce_mean(wanted.abs().mean()).clamp_min(1e-8)
            return found / size, wanted / size
        return found * self.constant, wanted * self.constant

    @torch.no_grad()
    def shares(self, sr: Tensor, hr: Tensor) -> dict[str, float]:
        """Return each layer's mean magnitude for ``sr``, as a share of that for ``hr``: below 1 where detail is missing."""
        found, wanted = self.features(sr), self.features(hr)
        return {
            layer: float(found[layer].float().abs().mean() / wanted[layer].float().abs().mean().clamp_min(1e-8))
            for layer in self.layers
        }


def _unit(features: Tensor) -> Tensor:
    # Where all activations are next to nothing their direction means nothing: no gradient from there.
    return F.normalize(features.relu(), dim=1, eps=1e-3)


def grid_loss(sr: Tensor, hr: Tensor, scale: int) -> Tensor:
    """Return how much of the error has a fixed place on the sub-pixels of the generator, a scalar.

    The error is split into its ``scale * scale`` sub-pixel phases, each averaged over windows of 5 x 5 LR pixels; the loss is
    the mean absolute deviation of these averages from their mean over the phases. Photographs have nothing of the period of
    the sub-pixels, so an average that differs from phase to phase is a grid, which losses on features hardly see or even
    reward. Texture, whose error changes its sign within a window, costs next to nothing.

    Parameters
    ----------
    sr, hr : ``[N, C, s*h, s*w]``, [0, 1], h and w at least 5, whole LR pixels from the first row and column on
    scale : s
    """
    phases = F.pixel_unshuffle(sr.float() - hr, scale)
    phases = F.avg_pool2d(phases, 5, stride=1)
    phases = phases.reshape(sr.shape[0], sr.shape[1], scale * scale, *phases.shape[2:])
    return (phases - phases.mean(dim=2, keepdim=True)).abs().mean()


def discriminator_loss(real: Tensor, fake: Tensor, *, kind: str, label: float = 1.0) -> Tensor:
    """Return the discriminator's loss, a scalar.

    ``standard``: -log D(I_HR) - log(1 - D(G(I_LR))), the maximum of equation 2 as cross entropy.
    ``relativistic``: each logit is taken against the mean of the other kind's (Jolicoeur-Martineau 2018, arXiv:1807.00734,
    relativistic average).
    ``hinge``: max(0, 1 - D(I_HR)) + max(0, 1 + D(G(I_LR))) of logits (Lim and Ye 2017, arXiv:1705.02894): what is told apart by
    a margin of 1 teaches no more, so a discriminator that has won stops there.

    Parameters
    ----------
    real, fake : logits of photographs and of generated pictures, ``[N, 1]`` or, one a pixel, ``[N, 1, H, W]``; the loss is
        their mean
    kind : ``"standard"``, ``"relativistic"`` or ``"hinge"``
    label : target for photographs; below 1 smooths on one side (Salimans et al. 2016, arXiv:1606.03498, section 3.4); not
        for ``"hinge"``
    """
    if kind == "hinge":
        return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()
    if kind == "relativistic":
        real, fake = real - all_reduce_mean(fake.mean()), fake - all_reduce_mean(real.mean())
        return (_entropy(real, label) + _entropy(fake, 0.0)) / 2
    return _entropy(real, label) + _entropy(fake, 0.0)


def adversarial_loss(real: Tensor | None, fake: Tensor, *, kind: str) -> Tensor:
    """Return the generator's adversarial loss, a scalar: -log D(G(I_LR)) (equation 6), which keeps its gradient when D wins.

    ``relativistic`` as in :func:`discriminator_loss`; ``hinge`` is the mean of the logits, negative: it has no bounds.

    Parameters
    ----------
    real : logits of photographs, needed for ``"relativistic"`` only; no gradient goes there
    fake : logits of generated pictures, ``[N, 1]`` or ``[N, 1, H, W]``
    kind : ``"standard"``, ``"relativistic"`` or ``"hinge"``
    """
    if kind == "hinge":
        return -fake.float().mean()
    if kind == "relativistic":
        if real is None:
            raise ValueError("the relativistic loss needs the logits of photographs")
        real = real.detach()
        real, fake = real - all_reduce_mean(fake.mean()), fake - all_reduce_mean(real.mean())
        return (_entropy(real, 0.0) + _entropy(fake, 1.0)) / 2
    return _entropy(fake, 1.0)


def _entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), torch.full_like(logits, target, dtype=torch.float32))
