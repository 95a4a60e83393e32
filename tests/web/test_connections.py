"""Clients that connect and ask for nothing: they take nothing from those who do."""

import os
import re
import resource
import sys
from contextlib import closing, suppress

import httpx
import pytest

from srgan.web.connections import MOST_REQUESTS, SPARE, requests_at_a_time
from srgan.web.settings import ServerSettings
from support.server import TIMEOUT, answer_of, connect, serving, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit and /proc")

DESCRIPTORS = 64
HALF = "GET /healthz HTTP/1.1\nHost: local"


@pytest.fixture(scope="module")
def server(models):
    """A server that may open 64 files."""
    with serving(*models, before=["prlimit", f"--nofile={DESCRIPTORS}"]) as running:
        yield running


def open_files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def is_well(server):
    return httpx.get(f"{server.url}/healthz", timeout=TIMEOUT).status_code == 200


def open_many(server, count, head):
    """Return connections, some of which the server may have closed already."""
    connections = []
    for _ in range(count):
        with suppress(OSError):
            connections.append(connect(server, head))
    return connections


@pytest.mark.parametrize("head", ["", HALF], ids=["silent", "half a request"])
def test_two_hundred_half_open_connections_keep_nobody_out(server, head):
    before = open_files(server)
    connections = open_many(server, 200, head)
    assert is_well(server)
    assert httpx.post(f"{server.url}/v1/upscale", content=b"P5 1 1 255\n\0", timeout=TIMEOUT).status_code == 200
    assert open_files(server) < DESCRIPTORS
    assert "connections have to wait" not in server.errors
    for connection in connections:
        connection.close()
    wait_for(lambda: open_files(server) <= before)


def test_the_log_says_it_in_one_line(server):
    for _ in range(2):
        connections = open_many(server, 60, HALF)
        assert is_well(server)
        for connection in connections:
            connection.close()
    lines = server.errors.splitlines()
    assert len([line for line in lines if "fit at a time" in line]) == 1  # at the start
    assert 1 <= len([line for line in lines if "connections are open" in line]) <= 4
    assert "Traceback" not in server.errors
    assert "Too many open files" not in server.errors


def test_two_hundred_requests_that_stay_are_told_so_and_its_health_is_still_answered(server):
    """Each sends the head of a picture's request, and then nothing of the picture."""
    head = "POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\n"
    connections = open_many(server, 200, head)
    assert is_well(server)
    assert open_files(server) < DESCRIPTORS
    most = int(re.search(r"(\d+) requests fit at a time", server.errors)[1])
    kept = 0
    for connection in connections:
        connection.settimeout(0.01)
        try:
            answer_of(connection)  # 503, or the connection was closed for another one
        except TimeoutError:
            kept += 1
        except OSError:
            pass
    assert 0 < kept <= most
    for connection in connections:
        connection.close()
    assert "Traceback" not in server.errors
    wait_for(lambda: httpx.post(f"{server.url}/v1/upscale", content=b"P5 1 1 255\n\0").status_code == 200)


def test_a_head_has_a_deadline_and_a_body_is_not_cut_off_by_it(models):
    """Also a second one on a connection that has had an answer, and a body that nobody asked for any more."""
    assert 5 <= ServerSettings().head <= 30
    body = b"P5 1 1 255\n\0"
    with serving(*models) as server:
        slow = connect(server, f"POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: {len(body)}\n\n")
        silent, half = connect(server, ""), connect(server, HALF)
        again = connect(server, "GET /healthz HTTP/1.1\nHost: localhost\n\n")
        assert b" 200 " in answer_of(again)
        again.sendall(b"GET /heal")
        refused = connect(server, "POST /healthz HTTP/1.1\nHost: localhost\nContent-Length: 100000\n\n")
        assert b" 405 " in answer_of(refused)
        refused.sendall(b"x")
        assert is_well(server)
        with closing(silent), closing(half), closing(again), closing(refused), closing(slow):
            assert silent.recv(100) == b""
            assert b" 408 " in answer_of(half)
            assert b" 408 " in rest_of(again)
            assert rest_of(refused) == b""
            slow.sendall(body)
            assert answer_of(slow).startswith(b"HTTP/1.1 200")
        assert server.errors == ""


def rest_of(connection):
    data = b""
    while piece := connection.recv(1000):
        data += piece
    return data.rpartition(b"}")[2]


def test_the_limit_follows_what_may_be_opened():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 400, hard))
        few, fewer = requests_at_a_time(17), requests_at_a_time(1000)
        assert 2 * few + 17 + SPARE < 400
        assert 3 * fewer + SPARE < 400
        assert min(few, fewer) > 100
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(used + 5000, hard), hard))
        assert requests_at_a_time(17) == MOST_REQUESTS
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
