"""A request that is answered before all of it has come: its client can send the rest, and read the answer."""

import asyncio
import errno
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from srgan.web import lingering
from srgan.web.connections import Complaints
from srgan.web.lingering import LingeringTransport
from support.server import answer_of, connect, serving, wait_for

MUCH = 24_000_000
"""Bytes: more than the kernel keeps for both ends of a connection."""


@pytest.fixture(scope="module")
def full_server(models):
    """A server with one place, which a request whose body does not come keeps."""
    with serving(*models, "--queue", "0", "--max-upload", "2MB", "--token", "secret") as server:
        head = "POST /v1/upscale HTTP/1.1\nHost: localhost\nAuthorization: Bearer secret\nContent-Length: 100\n\n"
        inside = connect(server, head, b"P5")
        yield server
        inside.close()


def answered(server, head, body):
    """Send all of a request, as a client does that reads afterwards, and return the answer up to the end of the connection."""
    with connect(server, head) as connection:
        connection.sendall(body)
        data = b""
        while piece := connection.recv(1 << 16):
            data += piece
        return data


def post(length, more=""):
    return f"POST /v1/upscale HTTP/1.1\nHost: localhost\nContent-Length: {length}\n{more}\n"


def test_who_finds_the_queue_full_reads_so_after_a_large_body(full_server):
    head = post(MUCH, "Authorization: Bearer secret\n")
    wait_for(lambda: b" 503 " in answered(full_server, post(1, "Authorization: Bearer secret\n"), b"x"))
    answer = answered(full_server, head, bytes(MUCH))
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"the queue is full" in answer


def test_what_is_too_large_is_refused_however_large_it_is(models):
    with serving(*models, "--max-upload", "2MB") as server:
        assert b"larger than 2 MB" in answered(server, post(MUCH), bytes(MUCH))
        pieces = b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in [bytes(1_000_000)] * 24) + b"0\r\n\r\n"
        chunked = "POST /v1/upscale HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n"
        assert b"larger than 2 MB" in answered(server, chunked, pieces)
        line = answered(server, "GET /healthz HTTP/1.1\nHost: localhost\nX-Filler: ", b"x" * MUCH)
        assert line.startswith(b"HTTP/1.1 4")


def test_a_server_that_ends_does_not_wait_for_what_it_drops(models):
    with serving(*models, "--max-upload", "2MB") as server:
        connection = connect(server, post(MUCH), bytes(1000))
        assert answer_of(connection).startswith(b"HTTP/1.1 413")
        assert server.stop() == 0
        connection.close()


class Closing(asyncio.Protocol):
    """Answers the first bytes and closes, as if the client had more to send; notes what happens."""

    def __init__(self, ended):
        self.ended = ended
        self.dropped = 0

    def connection_made(self, transport):
        self.transport = LingeringTransport(transport, lambda: True, lambda: None)

    def data_received(self, data):
        if self.transport.lingers:
            self.dropped += len(data)
            self.transport.dropped()
        else:
            self.transport.write(b"answer")
            self.transport.close()
            assert self.transport.is_closing()

    def connection_lost(self, _exc):
        self.transport.forget()
        self.ended.append(self.dropped)


def run_against(client):
    """Run a client on a thread against a server that closes so; return how many bytes it dropped before the connection ended."""
    ended = []

    async def serve():
        server = await asyncio.get_running_loop().create_server(lambda: Closing(ended), "127.0.0.1", 0)
        async with server:
            thread = threading.Thread(target=client, args=[server.sockets[0].getsockname()])
            thread.start()
            async with asyncio.timeout(60):
                while not ended:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(thread.join)

    with ThreadPoolExecutor(1) as apart:  # this thread may have a loop of its own, as Playwright's
        apart.submit(asyncio.run, serve()).result()
    return ended[0]


def test_it_ends_with_the_client(monkeypatch):
    monkeypatch.setattr(lingering, "PAUSE", 50.0)

    def client(address):
        with socket.create_connection(address) as link:
            link.sendall(b"some")
            assert link.recv(100) == b"answer"
            assert link.recv(100) == b""
            link.sendall(b"more")

    assert run_against(client) == 4


class Gone:
    """A transport whose client is gone, which nobody has noticed."""

    closed = False

    def is_closing(self):
        return self.closed

    def can_write_eof(self):
        return True

    def write_eof(self):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    def close(self):
        self.closed = True


def test_a_client_that_is_gone_is_no_error():
    gone, begun = Gone(), []
    transport = LingeringTransport(gone, lambda: True, lambda: begun.append(True))
    transport.close()
    assert gone.closed
    assert not transport.lingers
    assert not begun


@pytest.mark.parametrize(("error", "said"), [(errno.ENOTCONN, False), (errno.EIO, True)])
def test_nor_is_it_one_where_the_answer_took_a_while_to_send(caplog, error, said):
    """Then the loop ends the connection, and hands the error to its handler."""

    async def fail():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(Complaints())
        loop.call_exception_handler({"message": "of a callback", "exception": OSError(error, "seen by the loop")})

    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, fail()).result()
    assert ("seen by the loop" in caplog.text) == said


@pytest.mark.parametrize(("name", "pause"), [("PAUSE", 0.0), ("MOST", 0.02)])
def test_it_ends_with_a_pause_and_after_a_time(monkeypatch, name, pause):
    monkeypatch.setattr(lingering, "PAUSE", 50.0)
    monkeypatch.setattr(lingering, name, 0.2)
    over = threading.Event()

    def client(address):
        with socket.create_connection(address) as link:
            link.sendall(b"some")
            while pause and not over.wait(pause):
                try:
                    link.sendall(b"more")
                except OSError:
                    return
            over.wait(0.5)

    assert (run_against(client) > 0) == (pause > 0)
