"""ncnn's two files of a network."""

from __future__ import annotations

from pathlib import Path

from srgan.models.metadata import read_info
from srgan.runtime.graph import read_graph
from srgan.runtime.layers import program_of
from srgan.runtime.ncnn_graph import files_of
from support import tiny_models


def test_the_files_of_a_network_with_a_skip(tmp_path: Path) -> None:
    """A tensor that two layers take is split, each layer has its line, and weights stand in their order."""
    info = read_info(tiny_models.residual(tmp_path / "net.onnx", scale=2, channels=2, blocks=1))
    program = program_of(read_graph(info), info.name)
    param, weights = files_of(program)
    magic, counts, *lines = param.splitlines()
    assert magic == "7767517"
    assert counts.split()[0] == str(len(lines))
    assert sum(line.startswith("Split") for line in lines) == 1  # the head's, for the block, its sum and the long skip
    taken = [name for line in lines for name in line.split()[4 : 4 + int(line.split()[2])]]
    assert len(taken) == len(set(taken))
    values = sum(value.size for layer in program.layers for key, value in layer.weights.items() if key != "constant")
    convolutions = sum(layer.kind == "conv" for layer in program.layers)
    assert len(weights) == 4 * (values + convolutions)
