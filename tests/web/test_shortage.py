"""A server whose disk is full answers 503 in a line, to be asked again: nothing is broken, and nothing half done is sent."""

import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

import srgan.image
from srgan.errors import ImageReadError, ImageWriteError
from srgan.image import Picture
from srgan.web.problems import is_shortage
from support.server import TIMEOUT, serving, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")


def noise(place, side):
    """Write a square picture of noise, and return its bytes."""
    srgan.image.write(Picture(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)), place)
    return place.read_bytes()


def test_a_result_that_the_disk_has_no_room_for(models, tmp_path):
    data = noise(tmp_path / "noise.png", 16)
    with serving(*models[2:], before=["prlimit", "--fsize=1500"]) as server:
        for suffix in ("png", "tiff", "bmp", "webp", "avif"):
            answer = httpx.post(f"{server.url}/v1/upscale", params={"format": suffix}, content=data, timeout=TIMEOUT)
            if answer.status_code == 200:
                assert len(answer.content) < 1500
            else:
                assert answer.status_code == 503, answer.text
                assert answer.json() == {"detail": "the server is short of disk space or memory: try again in 10 s"}
                assert answer.headers["Retry-After"] == "10"
            if suffix in ("png", "tiff", "bmp"):  # whose results are larger
                assert answer.status_code == 503
        # One that is larger than the disk has room for as it comes in.
        answer = httpx.post(f"{server.url}/v1/upscale", content=data + bytes(20_000), timeout=TIMEOUT)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200
        assert server.stop() == 0
        assert "Traceback" not in server.errors


def wrapped(cause):
    try:
        raise cause
    except Exception as error:
        raise ImageWriteError("a.png", "it is like this") from error


def test_what_is_a_shortage():
    for cause in (OSError(28, "No space left on device"), MemoryError(), RuntimeError("can't start new thread")):
        with pytest.raises(ImageWriteError) as caught:
            wrapped(cause)
        assert is_shortage(caught.value)
    assert not is_shortage(OSError(13, "Permission denied"))
    assert not is_shortage(ImageReadError("a.png", "it is damaged"))


def test_a_server_that_stands_still_goes_on(models, tmp_path):
    data = noise(tmp_path / "noise.png", 16)
    with serving(*models[2:]) as server, ThreadPoolExecutor(1) as thread:
        server.process.send_signal(signal.SIGSTOP)
        answer = thread.submit(httpx.post, f"{server.url}/v1/upscale", content=data, timeout=TIMEOUT)
        time.sleep(1)
        assert not answer.done()
        server.process.send_signal(signal.SIGCONT)
        assert answer.result().status_code == 200
        assert server.stop() == 0


def test_a_killed_server_loses_what_is_inside_and_the_next_one_serves(slow_model, tmp_path):
    data = noise(tmp_path / "noise.png", 400)
    before = ["env", f"TMPDIR={tmp_path}"]
    with serving("--model", slow_model, "--memory", "100MB", before=before) as server, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(httpx.post, f"{server.url}/v1/upscale", content=data, timeout=TIMEOUT)
        wait_for(lambda: list(tmp_path.glob("srgan-*/picture")))
        server.process.kill()
        with pytest.raises(httpx.TransportError):
            answer.result()
        server.process.wait()
    assert list(tmp_path.glob("srgan-*"))  # whoever empties $TMPDIR removes it
    with serving("--model", slow_model, before=before) as server:
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200
        assert server.stop() == 0


def test_a_folder_that_is_removed_while_its_picture_is_computed(slow_model, tmp_path):
    data = noise(tmp_path / "noise.png", 300)  # of several tiles
    before = ["env", f"TMPDIR={tmp_path}"]
    with serving("--model", slow_model, "--memory", "100MB", before=before) as server, ThreadPoolExecutor(1) as thread:
        asked = f"{server.url}/v1/upscale?ticket=my-picture-1"
        answer = thread.submit(httpx.post, asked, content=data, timeout=TIMEOUT)
        progress = f"{server.url}/v1/progress/my-picture-1"
        # Once a part is done its picture has been opened; "computing" alone would not say so.
        wait_for(lambda: httpx.get(progress, timeout=TIMEOUT).json().get("done", 0) > 0)
        for folder in tmp_path.glob("srgan-*"):
            shutil.rmtree(folder)
        assert answer.result().status_code == 200  # the folder is made anew
        assert len(answer.result().content) == int(answer.result().headers["Content-Length"])
        wait_for(lambda: not list(tmp_path.glob("srgan-*")))
        assert server.stop() == 0
        assert not server.errors.replace("srgan: stopped\n", "")


@pytest.mark.parametrize("megabytes", [300, 700])
def test_a_server_with_too_small_an_address_space_says_so_and_does_not_begin(models, megabytes):
    command = ["prlimit", f"--as={megabytes * 1_000_000}", sys.executable, "-m", "srgan", "serve", "--port", "0"]
    done = subprocess.run([*command, *map(str, models)], capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 1
    assert done.stderr == (
        f"srgan: srgan serve needs an address space of 1,000 MB, and {megabytes} MB are allowed: raise the limit "
        "(ulimit -v)\n"
    )
