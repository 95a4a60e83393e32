"""Ways to enlarge the same picture: this package's, and the networks and runtimes that people use otherwise.

Each entry of :data:`WAYS` takes the number of threads and returns a function from an HWC uint8 picture to the HWC uint8
one four times as large. What it needs is imported when it is opened, so that each can be measured in a process of its
own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MODEL, FAST = "srresnet-x4", "fast-psnr-x4"

Enlarge = Callable[[Any], Any]


def _ours(precision: str, exact: bool = False, model: str = MODEL) -> Callable[[int], Enlarge]:
    def opened(threads: int) -> Enlarge:
        from srgan import Upscaler

        return Upscaler(model, precision=precision, exact=exact, threads=threads)  # type: ignore[arg-type]

    return opened


def _by_torch(build: Callable[[], Any]) -> Callable[[int], Enlarge]:
    """Torch as the SRGAN and Real-ESRGAN repositories run it: eager, fp32, the whole picture at once."""

    def opened(threads: int) -> Enlarge:
        import numpy as np
        import torch

        torch.set_num_threads(threads)
        network = build()

        def enlarge(picture: Any) -> Any:
            with torch.inference_mode():
                batch = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
                large = network(batch)[0].clamp(0, 1) * 255
                return np.ascontiguousarray(large.round().byte().permute(1, 2, 0).numpy())

        return enlarge

    return opened


def _generator() -> Any:
    """Our own generator with the shipped weights, layer by layer as the paper draws it."""
    import torch

    from srgan.models.catalogue import resolve
    from srgan.models.export import load_weights
    from srgan.networks.generator import Generator, GeneratorConfig

    config = GeneratorConfig(norm="none", output="linear")
    network = Generator(config).eval()
    arrays = load_weights(resolve(MODEL), config)
    network.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in arrays.items()})
    return network.reference


def _rrdbnet() -> Any:
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(num_blocks=23, scale=4).eval()  # its weights are random: they do not change its time


def _srvgg() -> Any:
    from spandrel.architectures.Compact import Compact

    return Compact(num_conv=32, upscale=4).eval()  # realesr-general-x4v3 has 32 convolutions


def _plain_onnx() -> bytes:
    """Return :func:`build_plain_onnx`'s, built in another process: torch, which that needs, shall not count here."""
    code = "import sys, peers; sys.stdout.buffer.write(peers.build_plain_onnx())"
    folder = Path(__file__).parent
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def build_plain_onnx() -> bytes:
    """Return the same network as an ONNX file that nobody has rearranged: the last convolution is 9x9 at full size."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from srgan.models.catalogue import resolve
    from srgan.models.export import load_weights
    from srgan.networks.generator import GeneratorConfig

    weights = load_weights(resolve(MODEL), GeneratorConfig(norm="none", output="linear"))
    nodes: list[Any] = []
    constants: list[Any] = []

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [f"t{len(nodes)}"], **attributes))
        return f"t{len(nodes) - 1}"

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def conv(x: str, name: str) -> str:
        weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        size = weight.shape[2]
        inputs = constant(f"{name}.weight", weight), constant(f"{name}.bias", bias)
        return node("Conv", x, *inputs, kernel_shape=[size, size], pads=[size // 2] * 4)

    def prelu(x: str, name: str) -> str:
        return node("PRelu", x, constant(f"{name}.weight", weights[f"{name}.weight"].reshape(-1, 1, 1)))

    half = constant("half", 0.5)
    x = node("Sub", node("Mul", "input", constant("two", 2)), constant("one", 1))
    x = skip = prelu(conv(x, "head"), "head_act")
    for number in range(16):
        y = prelu(conv(x, f"body.{number}.conv1"), f"body.{number}.act")
        x = node("Add", x, conv(y, f"body.{number}.conv2"))
    x = node("Add", skip, conv(x, "body_conv"))
    for number in range(2):
        x = node("DepthToSpace", conv(x, f"upsample.{number}.conv"), blocksize=2, mode="CRD")
        x = prelu(x, f"upsample.{number}.act")
    node("Mul", node("Add", conv(x, "tail"), "one"), half)
    nodes[-1].output[0] = "output"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, f"{name}_h", f"{name}_w"])
        for name in ("input", "output")
    ]
    graph = helper.make_graph(nodes, "plain", ends[:1], ends[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def _shipped_onnx() -> bytes:
    from srgan.models.catalogue import resolve

    return resolve(MODEL).read_bytes()


def _onnx_runtime(data: Callable[[], bytes]) -> Callable[[int], Enlarge]:
    def opened(threads: int) -> Enlarge:
        import numpy as np
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(data(), options, providers=["CPUExecutionProvider"])

        def enlarge(picture: Any) -> Any:
            batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
            (large,) = session.run(None, {"input": batch})
            return np.rint(large[0].clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)

        return enlarge

    return opened


def _openvino(data: Callable[[], bytes]) -> Callable[[int], Enlarge]:
    def opened(threads: int) -> Enlarge:
        import numpy as np
        import openvino

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads)}
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(data()), "CPU", settings)

        def enlarge(picture: Any) -> Any:
            batch = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
            return np.rint(compiled(batch)[0][0].clip(0, 1) * 255).astype(np.uint8).transpose(1, 2, 0)

        return enlarge

    return opened


def _compact_onnx() -> bytes:
    """Return SRVGGNetCompact of 16 convolutions, as in realesr-animevideov3, built in another process as the plain graph is."""
    code = "import sys, peers; sys.stdout.buffer.write(peers.build_compact_onnx())"
    folder = Path(__file__).parent
    return subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def build_compact_onnx() -> bytes:
    """Return that network, of random weights, as an ONNX file."""
    import tempfile

    import torch
    from spandrel.architectures.Compact import Compact

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "compact.onnx"
        axes = {"input": {2: "height", 3: "width"}, "output": {2: "large_height", 3: "large_width"}}
        network = Compact(num_conv=16, upscale=4).eval()
        names = {"input_names": ["input"], "output_names": ["output"]}
        example = (torch.rand(1, 3, 64, 64),)
        torch.onnx.export(network, example, str(file), dynamo=False, opset_version=17, dynamic_axes=axes, **names)
        return file.read_bytes()


WAYS: dict[str, Callable[[int], Enlarge]] = {
    "srgan, fp32": _ours("fp32"),
    "srgan, fp32, exact": _ours("fp32", exact=True),
    "srgan, bf16": _ours("bf16"),
    "srgan, int8": _ours("int8"),
    "torch eager, fp32": _by_torch(_generator),
    "ONNX Runtime, plain graph": _onnx_runtime(_plain_onnx),
    "ONNX Runtime, srgan's file": _onnx_runtime(_shipped_onnx),
    "OpenVINO, plain graph": _openvino(_plain_onnx),
    "RRDBNet-23, torch eager": _by_torch(_rrdbnet),
    "SRVGGNetCompact, torch eager": _by_torch(_srvgg),
    "SRVGGNetCompact-16, OpenVINO": _openvino(_compact_onnx),
    "fast, fp32": _ours("fp32", model=FAST),
    "fast, bf16": _ours("bf16", model=FAST),
    "fast, int8": _ours("int8", model=FAST),
}
"""All ways, by what the table calls them. The first eight compute the same network; then come Real-ESRGAN's, and the fast one."""

TORCH = "torch eager, fp32"
SAME_NETWORK = tuple(WAYS)[:8]
