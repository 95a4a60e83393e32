"""The generator that a configuration describes, of whichever kind."""

from __future__ import annotations

from srgan.networks.fast import FastGenerator
from srgan.networks.generator import Generator, GeneratorConfig

AnyGenerator = Generator | FastGenerator
"""Both kinds have ``config``, ``head`` and ``tail`` (the first and the last convolution), ``forward`` and ``reference``."""


def make_generator(config: GeneratorConfig) -> AnyGenerator:
    """Return a new network of ``config.kind``; ValueError for values that no network can have."""
    return FastGenerator(config) if config.kind == "fast" else Generator(config)
