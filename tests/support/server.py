"""A server in a process of its own, as ``srgan serve`` starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

TIMEOUT = 300

CHROMIUM = os.environ.get("SRGAN_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Server:
    """A running ``srgan serve``: its address, its process, and what it wrote to stderr."""

    def __init__(self, *arguments, before=()):
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "srgan", "serve", "--port", "0", "--threads", "1", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stderr.read()
        self.url = found[0]
        self.errors = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.errors += line

    def stop(self):
        """Send SIGTERM and return the exit code; what was written to stderr is complete then."""
        self.process.terminate()
        code = self.process.wait(300)
        self._reader.join(60)
        return code


@contextmanager
def serving(*arguments, before=()):
    """Serve for as long as the block lasts; ``before`` is a command that runs the server, such as ``prlimit``."""
    server = Server(*arguments, before=before)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def connect(server, head, body=b""):
    """Return a connection on which a request has been begun."""
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=TIMEOUT)
    connection.sendall(head.replace("\n", "\r\n").encode() + body)
    return connection


def answer_of(connection):
    data = b""
    while b"\r\n\r\n" not in data and (piece := connection.recv(4096)):
        data += piece
    return data


def wait_for(condition, seconds=300):
    """Return the first true value of ``condition()``; AssertionError after a long time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not happen")
