"""The generator or discriminator that a configuration describes, of whichever kind."""

from __future__ import annotations

from srgan.networks.discriminator import Discriminator, DiscriminatorConfig
from srgan.networks.fast import FastGenerator
from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.unet_discriminator import UNetDiscriminator

AnyGenerator = Generator | FastGenerator
"""Both kinds have ``config``, ``head`` and ``tail`` (the first and the last convolution), ``forward`` and ``reference``."""

AnyDiscriminator = Discriminator | UNetDiscriminator
"""Both map pictures to logits, one a picture or one a pixel."""


def make_generator(config: GeneratorConfig) -> AnyGenerator:
    """Return a new network of ``config.kind``; ValueError for values that no network can have."""
    return FastGenerator(config) if config.kind == "fast" else Generator(config)


def make_discriminator(config: DiscriminatorConfig) -> AnyDiscriminator:
    """Return a new network of ``config.kind``; ValueError for values that no network can have."""
    return UNetDiscriminator(config) if config.kind == "unet" else Discriminator(config)
