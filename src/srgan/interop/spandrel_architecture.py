"""Our generator as an architecture of spandrel, the loader of ComfyUI and other programs for community networks.

spandrel 0.4 does not know SRResNet. :func:`register` adds it for the running program, so that its ``ModelLoader`` reads the
``.safetensors`` files of ``srgan convert --to state-dict``. It needs torch and spandrel, and nothing else of srgan.
"""

from __future__ import annotations

from typing import Any

from spandrel import MAIN_REGISTRY, Architecture, ArchSupport, ImageModelDescriptor
from spandrel.util import KeyCondition
from torch import nn

from srgan.networks.generator import Generator
from srgan.networks.shape import shape_of


class SRGANArchitecture(Architecture[nn.Module]):  # type: ignore[misc]  # spandrel is not everywhere
    """SRResNet, the generator of SRGAN (arXiv:1609.04802), with the keys of :class:`srgan.networks.generator.Generator`."""

    def __init__(self) -> None:
        super().__init__(
            id="SRGAN",
            name="SRGAN",
            detect=KeyCondition.has_all(
                "head.weight",
                "head_act.weight",
                "body.0.conv1.weight",
                "body_conv.weight",
                "upsample.0.conv.weight",
                "tail.weight",
            ),
        )

    def load(self, state_dict: dict[str, Any]) -> ImageModelDescriptor[nn.Module]:
        """Return the network of these weights; its shape is that of the weights."""
        config, weights = shape_of(state_dict)
        network = Generator(config)
        return ImageModelDescriptor(
            network,
            weights,
            architecture=self,
            purpose="SR",
            tags=[f"{config.features}nf", f"{config.blocks}nb"],
            supports_half=True,
            supports_bfloat16=True,
            scale=config.scale,
            input_channels=config.bands,
            output_channels=config.bands,
        )


def register() -> None:
    """Let spandrel's main registry know the architecture; calling it again does nothing."""
    if "SRGAN" not in {support.architecture.id for support in MAIN_REGISTRY.architectures()}:
        MAIN_REGISTRY.add(ArchSupport.from_architecture(SRGANArchitecture()))
