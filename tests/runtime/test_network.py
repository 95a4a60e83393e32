"""Networks load only if they are ours, compute what another runtime computes, and are cut without a change of value."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from srgan.errors import ModelError, UnknownModelError, UsageError
from srgan.models.metadata import read_info
from srgan.runtime.network import open_network
from support import tiny_models
from support.limits import error_unprivileged


def batch(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random(shape, np.float32)


def has_bf16() -> bool:
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


needs_bf16 = pytest.mark.skipif(not has_bf16(), reason="this processor has no bf16")


@pytest.mark.parametrize("kind", ["shallow", "residual"])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_it_computes_what_onnxruntime_computes(tmp_path: Path, kind: str, scale: int) -> None:
    file = getattr(tiny_models, kind)(tmp_path / "net.onnx", scale=scale)
    network = open_network(file, precision="fp32")
    other = onnxruntime.InferenceSession(str(file))
    for shape in [(1, 3, 17, 23), (2, 3, 1, 1), (1, 3, 40, 9)]:
        (expected,) = other.run(None, {"input": batch(*shape)})
        np.testing.assert_allclose(network(batch(*shape)), expected, rtol=0, atol=3e-6)


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "a.onnx", card={"steps": 7}), precision="fp32")
    assert (network.name, network.scale, network.radius, network.precision) == ("tiny-x4", 4, 9, "fp32")
    assert network.card == {"steps": 7}
    assert network.path == tmp_path / "a.onnx"


def test_the_generator_is_cut_before_it_grows(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx", scale=4, blocks=3), precision="fp32")
    assert network.body is not None
    assert (network.body.radius, network.body.scale) == (8, 1)
    assert (network.tail.radius, network.tail.scale) == (3, 4)
    assert network.body.bytes_per_pixel * 2 < network.tail.bytes_per_pixel


def test_a_network_without_a_body_stays_whole(tmp_path: Path) -> None:
    network = open_network(tiny_models.shallow(tmp_path / "net.onnx"), precision="fp32")
    assert network.body is None
    assert network.tail.radius == network.radius == 1


def test_a_network_with_layers_it_cannot_follow_runs_whole(tmp_path: Path) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.node("Erf", net.random_conv("input", 3, 12)))
    network = open_network(net.save(tmp_path / "net.onnx", last, scale=2, radius=5), precision="fp32")
    assert network.body is None
    assert network.tail.radius == network.radius == 5
    assert network(batch(1, 3, 8, 9)).shape == (1, 3, 16, 18)


def test_the_graph_is_believed_more_than_a_radius_too_small_in_the_file(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "a.onnx", radius=2)
    assert open_network(file, precision="fp32").radius == 9


def test_results_are_not_overwritten_by_the_next_call(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    first = network(batch(1, 3, 8, 8, seed=1))
    kept = first.copy()
    network(batch(1, 3, 8, 8, seed=2))
    np.testing.assert_array_equal(first, kept)


def test_threads_take_turns(tmp_path: Path) -> None:
    network = open_network(tiny_models.residual(tmp_path / "net.onnx"), precision="fp32")
    expected = [network(batch(1, 3, 20 + n, 30, seed=n)) for n in range(6)]
    wrong = []

    def call(n: int) -> None:
        for _ in range(10):
            if not np.array_equal(network(batch(1, 3, 20 + n, 30, seed=n)), expected[n]):
                wrong.append(n)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_bf16
def test_bf16_is_chosen_where_the_processor_has_it_and_is_near(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    assert open_network(file).precision == "bf16"
    x = batch(1, 3, 40, 40)
    exact, fast = open_network(file, precision="fp32")(x), open_network(file, precision="bf16")(x)
    assert 0 < abs(exact - fast).max() < 0.02


def test_no_memory_is_a_memory_error_and_the_network_goes_on(tmp_path: Path) -> None:
    """In a process of its own, whose address space is limited for a while."""
    file = tiny_models.residual(tmp_path / "net.onnx", channels=32)
    code = f"""
import resource, numpy as np
from srgan.runtime.network import open_network
network = open_network({str(file)!r}, precision="fp32")
small = np.ones((1, 3, 16, 16), np.float32)
before = network(small)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
large = np.ones((1, 3, 600, 600), np.float32)
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20), -1))
try:
    network(large)
except MemoryError as error:
    print("MemoryError:", error)
assert (network(small) == before).all()
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print(network(large).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("MemoryError")
    assert last == "(1, 3, 2400, 2400)"


def test_running_sends_nothing_and_prints_nothing(tmp_path: Path) -> None:
    file = tiny_models.residual(tmp_path / "net.onnx")
    code = f"""
import sys
seen = []
sys.addaudithook(lambda event, args: seen.append(event) if event.startswith(("socket.", "urllib.")) else None)
import numpy as np
from srgan.runtime.network import open_network
open_network({str(file)!r})(np.zeros((1, 3, 8, 8), np.float32))
assert not seen, seen
assert not [name for name in sys.modules if "telemetry" in name or name == "http.client"]
import openvino
assert callable(openvino.convert_model)  # still there for a program that wants it
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- What is not ours ------------------------------------------------------------------------------------------------


def no_metadata(path: Path) -> None:
    tiny_models.shallow(path, format=None)


def newer_format(path: Path) -> None:
    tiny_models.shallow(path, format="2")


def no_scale(path: Path) -> None:
    tiny_models.shallow(path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"srgan.scale", b"srgan.sxale"))


def odd_scale(path: Path) -> None:
    tiny_models.shallow(path)
    data = path.read_bytes()
    at = data.rindex(b"srgan.scale") + len(b"srgan.scale") + 2
    assert data[at : at + 1] == b"2"
    path.write_bytes(data[:at] + b"3" + data[at + 1 :])


def bad_card(path: Path) -> None:
    tiny_models.shallow(path, name="{", card=None)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"stage": "tiny"}', b'{"stage": "tiny" '))


def card_is_a_list(path: Path) -> None:
    tiny_models.shallow(path, card=["x"])


def gray_network(path: Path) -> None:
    net = tiny_models.Layers()
    last = net.shuffle(net.random_conv("input", 1, 4), 2)
    net.save(path, last, scale=2, radius=1, channels=1)


def damaged_graph(path: Path) -> None:
    tiny_models.residual(path)
    data = bytearray(path.read_bytes())
    data[600:700] = b"\xff" * 100
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_picture(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 40)).save(path, "PNG")


def text(path: Path) -> None:
    path.write_text("no network\n" * 20)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(5000))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (no_metadata, "without srgan's metadata"),
        (newer_format, "update srgan"),
        (no_scale, "srgan.scale is ''"),
        (odd_scale, "3 is no power of two"),
        (bad_card, "card is not JSON"),
        (card_is_a_list, "not a JSON object"),
        (gray_network, "no network from RGB to RGB"),
        (damaged_graph, "export it again"),
        (empty, "is empty"),
        (a_picture, "no ONNX file"),
        (text, "no ONNX file"),
        (zeros, "no ONNX file"),
    ],
)
def test_a_file_that_is_not_ours_is_one_clear_line(
    tmp_path: Path, make: Any, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.onnx"
    make(file)
    with pytest.raises(ModelError, match=says) as caught:
        open_network(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_file_cut_anywhere_is_refused_before_it_reaches_the_runtime(tmp_path: Path) -> None:
    data = tiny_models.residual(tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    whole = read_info(tmp_path / "whole.onnx")
    for length in [*range(0, len(data), 97), *range(len(data) - 200, len(data))]:
        cut.write_bytes(data[:length])
        try:
            info = read_info(cut)
        except ModelError:
            continue
        # Cut between two entries behind the graph: what is left is a valid file, with all that is needed but the card.
        assert (info.name, info.scale, info.radius) == (whole.name, whole.scale, whole.radius)


def test_random_damage_never_escapes_as_another_error(tmp_path: Path) -> None:
    data = tiny_models.residual(tmp_path / "whole.onnx").read_bytes()
    random = np.random.default_rng(0)
    file = tmp_path / "bad.onnx"
    for _ in range(300):
        bad = bytearray(data)
        for at in random.integers(0, len(data), random.integers(1, 8)):
            bad[at] = random.integers(0, 256)
        file.write_bytes(bad)
        with suppress(ModelError):
            read_info(file)


def test_wrong_calls_are_usage_errors(tmp_path: Path) -> None:
    file = tiny_models.shallow(tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="unknown precision 'int4'"):
        open_network(file, precision="int4")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="threads is 0"):
        open_network(file, threads=0)
    with pytest.raises(UnknownModelError, match="srresnet-x4"):
        open_network(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="is a folder"):
        open_network(tmp_path)


# --- OpenVINO itself -------------------------------------------------------------------------------------------------


@pytest.fixture
def own_openvino(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of OpenVINO, made of links, that Python finds first in the processes to come."""
    import openvino

    folder = tmp_path / "packages" / "openvino"
    shutil.copytree(Path(openvino.__file__).parent, folder, copy_function=os.symlink)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent), prepend=os.pathsep)
    return folder


LOAD = "from srgan.runtime.network import open_network; open_network(sys.argv[1])"


@pytest.mark.parametrize(
    ("part", "damaged"),
    [
        ("_pyopenvino", True),
        ("libopenvino.", False),
        ("libopenvino_onnx_frontend", False),
        ("libopenvino_intel_cpu_plugin", False),
        ("libopenvino_intel_cpu_plugin", True),
    ],
)
def test_an_openvino_that_is_there_in_part_is_one_line(
    tmp_path: Path, own_openvino: Path, part: str, damaged: bool
) -> None:
    (library,) = (path for path in own_openvino.rglob(f"{part}*") if ".so" in path.name)
    library.unlink()
    if damaged:
        library.write_bytes(b"half")
    error = error_unprivileged(LOAD, tiny_models.residual(tmp_path / "net.onnx"))
    assert error.startswith("SrganError: cannot load OpenVINO, which runs the networks (")
    assert error.endswith("or install it again with pip install --force-reinstall openvino")
    assert "\n" not in error


LOAD_AGAIN = """
import os
from srgan.runtime.network import open_network
open_network(sys.argv[1])
os.chmod(sys.argv[2], 0)
open_network(sys.argv[1])
"""


def test_an_openvino_that_may_no_longer_be_read_is_one_line(tmp_path: Path, own_openvino: Path) -> None:
    """As in a program that changes its user after its start; OpenVINO would end the process."""
    file = tiny_models.residual(tmp_path / "net.onnx")
    error = error_unprivileged(LOAD_AGAIN, file, own_openvino / "libs")
    (own_openvino / "libs").chmod(0o755)
    assert error.startswith("SrganError: cannot load OpenVINO, which runs the networks ([Errno 13] Permission denied")
