"""A generator's shape is told by its weights alone."""

from __future__ import annotations

import pytest

from srgan.networks.generator import Generator, GeneratorConfig
from srgan.networks.shape import marked, shape_of


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("output", ["tanh", "linear"])
@pytest.mark.parametrize(("scale", "bands"), [(2, 1), (4, 3)])
def test_it_comes_back(norm: str, output: str, scale: int, bands: int) -> None:
    config = GeneratorConfig(scale=scale, bands=bands, features=4, blocks=2, norm=norm, output=output)  # type: ignore[arg-type]
    state = Generator(config).state_dict()
    found, weights = shape_of(marked(state, config))
    assert found == config
    assert set(weights) == set(state)
