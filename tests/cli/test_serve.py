"""``srgan serve``: what it refuses before it listens, and what it warns of; the server itself is in tests/web."""

import socket
import subprocess
import sys

import httpx
import pytest

from support import tiny_models
from support.server import serving, wait_for
from support.tiny_runs import call

pytestmark = [pytest.mark.slow, pytest.mark.extra("web")]

TIMEOUT = 300


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_models.nearest(tmp_path_factory.mktemp("models") / "nearest.onnx", scale=4)


def test_a_port_that_is_taken_is_one_line(model):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "srgan", "serve", "--model", str(model), "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert f"port {port}: Address already in use" in done.stderr


@pytest.mark.timeout(60)  # what is not refused serves for ever
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--token", "with space "], "printable ASCII"),
        (["--token", ""], "printable ASCII"),
        (["--token", "schlüssel"], "printable ASCII"),
        (["--allow-host", "http://pictures.example"], "without a scheme"),
        (["--cors", "example.org"], "--cors 'example.org' is no origin"),
        (["--max-upload", "many"], "many"),
        (["--memory", "1XB"], "1XB"),
        (["--model", "nothing"], "no model 'nothing'"),
        (["--device", "gpu:99"], "gpu:99"),
    ],
)
def test_what_cannot_be_served_is_one_line(arguments, words):
    said = call("serve", *arguments)
    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1), said.err
    assert words in said.err


def test_an_address_open_to_others_is_warned_about(model):
    with serving("--model", model, "--host", "0.0.0.0") as server:
        wait_for(lambda: "anybody who reaches it may use it" in server.errors)
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200
    with serving("--model", model, "--host", "0.0.0.0", "--token", "secret") as server:
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200
        server.stop()
        assert server.errors.splitlines() == ["srgan: stopped"]


def test_without_the_extra_the_install_command_is_the_answer():
    code = "import sys; sys.modules['fastapi'] = None; from srgan.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "serve"], capture_output=True, text=True, timeout=TIMEOUT)
    line = "srgan: srgan serve needs libraries that are not installed: run pip install 'srgan[web]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
