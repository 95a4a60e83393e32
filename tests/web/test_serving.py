"""The server as a process: its queue, its deadline, clients that go away or dawdle, its signals, who may use it."""

import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

import srgan.image
from srgan.image import Picture
from support.server import answer_of, connect, serving, wait_for

TIMEOUT = 300


def noise(side, folder):
    path = folder / f"noise{side}.png"
    srgan.image.write(Picture(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return noise(16, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A picture that keeps the slow network busy for much longer than these tests look at it."""
    return noise(900, tmp_path_factory.mktemp("large"))


def figures(server):
    return httpx.get(f"{server.url}/metrics", timeout=TIMEOUT).text


def in_state(server, state):
    return float(re.search(rf'srgan_queue{{state="{state}"}} (\S+)', figures(server))[1])


def begin(server, body):
    head = f"POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: {len(body)}\n\n"
    return connect(server, head, body)


def read_all(connection):
    while connection.recv(1 << 20):
        pass


def test_a_full_queue_says_when_to_come_back_and_is_freed_by_clients_that_leave(slow_model, small, large):
    with serving("--model", slow_model, "--queue", 1, "--memory", "100MB") as server:
        inside = [begin(server, large)]
        wait_for(lambda: in_state(server, "computing") == 1)
        inside.append(begin(server, large))
        wait_for(lambda: in_state(server, "waiting") == 1)
        refused = httpx.post(f"{server.url}/v1/upscale", content=small, timeout=TIMEOUT)
        assert refused.status_code == 503
        seconds = int(refused.headers["retry-after"])
        assert seconds >= 1
        assert refused.json()["detail"] == f"the queue is full: try again in {seconds} s"
        foreign = {"Origin": "https://evil.example"}  # who may not use it learns no more, however full it is
        assert httpx.post(f"{server.url}/v1/upscale", headers=foreign, content=small).status_code == 403
        # Whoever waits does not block the rest.
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200

        for connection in inside:
            connection.close()
        wait_for(lambda: in_state(server, "computing") + in_state(server, "waiting") == 0, TIMEOUT)
        # The work itself has ended too, long before the picture could be done: the next one is computed.
        assert httpx.post(f"{server.url}/v1/upscale", content=small, timeout=TIMEOUT).status_code == 200
        text = figures(server)
        assert 'srgan_requests_total{route="/v1/upscale",status="499"} 2.0' in text
        assert 'srgan_requests_total{route="/v1/upscale",status="503"} 1.0' in text
        assert server.stop() == 0
        assert server.errors == "srgan: stopped\n"


def test_a_picture_that_takes_too_long_is_given_up(slow_model, small, large):
    with serving("--model", slow_model, "--deadline", 3, "--memory", "100MB") as server:
        late = httpx.post(f"{server.url}/v1/upscale", content=large, timeout=TIMEOUT)
        assert late.status_code == 504
        assert "not done within 3 s, the limit here" in late.json()["detail"]
        assert in_state(server, "computing") == 0
        # A client that sends its body too slowly has no more time than that either.
        head = "POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\n"
        assert b" 504 " in answer_of(connect(server, head, small[:20]))
        assert server.process.poll() is None


def test_sigterm_lets_pictures_finish_and_takes_no_new_ones(slow_model, tmp_path):
    with serving("--model", slow_model, "--memory", "100MB") as server:
        with ThreadPoolExecutor(1) as pool:
            busy = pool.submit(httpx.post, f"{server.url}/v1/upscale", content=noise(200, tmp_path), timeout=TIMEOUT)
            wait_for(lambda: in_state(server, "computing") == 1)
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: not takes_connections(server))
            assert not busy.done()  # or this shows nothing
            assert server.process.poll() is None
            assert busy.result().status_code == 200
            assert len(busy.result().content) == int(busy.result().headers["content-length"])
        assert server.process.wait(TIMEOUT) == 0


IMPATIENT = """
import builtins, os, signal, sys

def printed(*arguments, **options):
    os.kill(os.getpid(), signal.SIGTERM)

builtins.print = printed
sys.argv[1:] = ["serve", "--port", "0", *sys.argv[1:]]
from srgan.cli import main
main()
"""


def test_sigterm_is_heard_as_soon_as_the_address_is_printed(models):
    command = [sys.executable, "-c", IMPATIENT, *map(str, models)]
    assert subprocess.run(command, timeout=120).returncode == 0


FROZEN = """
import gc, os, signal, sys, threading, time
def look():
    until = time.monotonic() + 60
    while not gc.get_freeze_count() and time.monotonic() < until:
        time.sleep(0.01)
    print(gc.get_freeze_count() > 50_000, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=look, daemon=True).start()
sys.argv[1:] = ["serve", "--port", "0", "--quiet", *sys.argv[1:]]
from srgan.cli import main
main()
"""


def test_no_time_is_spent_on_garbage_among_the_libraries(models):
    """A full collection takes 50 ms and more, with Python's lock."""
    done = subprocess.run(
        [sys.executable, "-c", FROZEN, *map(str, models)], timeout=120, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "True"


def test_sigterm_ends_idle_connections_at_once(models, small):
    with serving(*models) as server, httpx.Client(base_url=server.url, timeout=TIMEOUT) as client:
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/upscale", content=small).status_code == 200  # both on a connection that stays
        silent = connect(server, "")  # and one on which nothing was sent yet
        begun = connect(server, "GET /healthz HTTP/1.1\nHost:")  # or half a request
        wait_for(lambda: b" 200 " in answer_of(connect(server, "GET /healthz HTTP/1.1\nHost: localhost\n\n")))
        server.process.send_signal(signal.SIGTERM)
        # Not until 15 s of silence, nor the deadline: this would run into the timeout of the whole test.
        assert server.process.wait(60) == 0
        assert silent.recv(100) == b""
        assert begun.recv(100) == b""


def takes_connections(server):
    try:
        connect(server, "").close()
    except OSError:
        return False
    return True


def test_slow_and_hostile_clients_do_not_keep_others_out(models, small):
    with serving(*models) as server:
        heads = [
            "GET /healthz HTTP/1.1\nHost:",  # never ends
            "POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\n",
            "POST /v1/upscale HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n",
        ]
        dawdlers = [connect(server, head) for head in heads for _ in range(4)]
        upscaled = httpx.post(f"{server.url}/v1/upscale", content=small, timeout=TIMEOUT)
        assert upscaled.status_code == 200
        for connection in dawdlers:
            connection.close()
        wait_for(lambda: in_state(server, "receiving") == 0)

        with suppress(OSError):  # the connection may be closed while this is still being sent
            huge = connect(server, "GET /healthz HTTP/1.1\nHost: localhost\nX-Filler: " + "x" * 200_000 + "\n\n")
            assert not answer_of(huge).startswith(b"HTTP/1.1 2")
        assert answer_of(connect(server, "\x00\x01 nonsense\n\n")).startswith(b"HTTP/1.1 400")
        negative = "POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: -5\n\n"
        assert answer_of(connect(server, negative)).startswith(b"HTTP/1.1 4")
        both = "POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: 5\nTransfer-Encoding: chunked\n\n0\n\n"
        assert answer_of(connect(server, both)).startswith(b"HTTP/1.1 4")
        assert httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200
        assert "Traceback" not in server.errors


@pytest.mark.skipif(sys.platform != "linux", reason="other systems give a connection more time")
def test_a_client_that_does_not_read_its_result_is_given_up(models, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    side = 800  # the result has 31 MB, more than the kernel keeps for a connection
    body = f"P6 {side} {side} 255\n".encode() + bytes(3 * side * side)
    with serving(*models) as server:
        connection = begin(server, body)
        wait_for(lambda: list(tmp_path.glob("*/result.pnm")))
        wait_for(lambda: 'route="/v1/upscale",status="200"' in figures(server))
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(OSError, match="reset"):
            read_all(connection)
        assert server.stop() == 0
        assert server.errors == "srgan: stopped\n"


def test_progress_is_told_to_whoever_has_the_ticket(slow_model, large):
    with serving("--model", slow_model, "--memory", "100MB") as server:
        url = f"{server.url}/v1/upscale?ticket=my-picture-1"
        head = (
            f"POST {urlsplit(url).path}?ticket=my-picture-1 HTTP/1.1\nHost: localhost\nContent-Length: {len(large)}\n\n"
        )
        connection = connect(server, head, large)
        ask = f"{server.url}/v1/progress/my-picture-1"

        def computing():
            body = httpx.get(ask, timeout=TIMEOUT).json()
            return body if body.get("state") == "computing" and body["done"] > 0 else None

        body = wait_for(computing, TIMEOUT)
        assert 0 < body["done"] < 1
        assert body["ahead"] == 0
        twice = httpx.post(url, content=large, timeout=TIMEOUT)
        assert (twice.status_code, twice.json()["detail"][:23]) == (409, "this ticket is in use: ")
        connection.close()
        wait_for(lambda: httpx.get(ask, timeout=TIMEOUT).status_code == 404)


def test_the_token_and_the_origins_decide_who_may_use_it(models, small):
    site = "https://example.org"
    with (
        serving(*models, "--token", "open-sesame", "--cors", site) as server,
        httpx.Client(base_url=server.url, timeout=TIMEOUT) as client,
    ):
        right = {"authorization": "Bearer open-sesame"}
        for wrong in ({}, {"authorization": "Bearer open-sesam"}, {"authorization": "Basic open-sesame"}):
            for method, path in (("POST", "/v1/upscale"), ("GET", "/v1/models"), ("GET", "/metrics")):
                answer = client.request(method, path, headers=wrong)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert "Authorization: Bearer TOKEN" in answer.json()["detail"]
        raw = connect(server, "GET /v1/models HTTP/1.1\nHost: localhost\nAuthorization: Bearer \xff\xfe\n\n")
        assert b" 401 " in answer_of(raw)
        assert client.get("/healthz").status_code == 200
        assert client.get("/").status_code == 200  # the page asks for the token
        assert client.post("/v1/upscale", headers=right, content=small).status_code == 200
        schema = client.get("/openapi.json").json()
        assert schema["paths"]["/v1/upscale"]["post"]["security"] == [{"token": []}]

        crossing = {"origin": site, "sec-fetch-site": "cross-site"}
        answer = client.post("/v1/upscale", headers=right | crossing, content=small)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == site
        other = {"origin": "https://example.com", "sec-fetch-site": "cross-site"}
        answer = client.post("/v1/upscale", headers=right | other, content=small)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_it_listens_on_this_machine_alone(server):
    address = urlsplit(server.url)
    assert address.hostname == "127.0.0.1"
    listening = listeners(address.port)
    assert listening == {"0100007F"}  # 127.0.0.1 as the kernel writes it
    assert server.errors == ""


def listeners(port):
    """Return the local addresses that are listened on with this port, as in /proc/net/tcp."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table) as lines:
            for line in list(lines)[1:]:
                place, state = line.split()[1], line.split()[3]
                if state == "0A" and int(place.rpartition(":")[2], 16) == port:
                    found.add(place.rpartition(":")[0])
    return found


def test_memory_does_not_grow_with_the_number_of_requests(server):
    """A leak of one picture's buffers (0.3 MB a request here) would show; the benchmark looks for longer."""
    side = 260
    pixels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    body = f"P6 {side} {side} 255\n".encode() + pixels.tobytes()

    def resident():
        return float(re.search(r"^process_resident_memory_bytes (\S+)", figures(server), re.MULTILINE)[1])

    def send(times):
        with httpx.Client(timeout=TIMEOUT) as client:
            for _ in range(times):
                assert client.post(f"{server.url}/v1/upscale", content=body).status_code == 200

    send(8)
    before = resident()
    send(16)
    assert resident() - before < 25e6  # 16 results of 3.2 MB would be 52 MB
