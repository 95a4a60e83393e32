"""The process of ``srgan serve``: its socket and its signals."""

from __future__ import annotations

import asyncio
import functools
import gc
import signal
import socket
import sys
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from srgan.errors import SrganError
from srgan.runtime import priority
from srgan.web.connections import Complaints, Connection, Connections, requests_at_a_time
from srgan.web.settings import ServerSettings

_KERNEL_BACKLOG = 256

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes hands Python's lock to the event loop, which asks for it many times a request."""


def run(app: FastAPI, settings: ServerSettings, host: str, port: int, *, quiet: bool = False) -> None:
    """Serve until Ctrl-C or SIGTERM: no connection is taken any more, pictures that are inside are finished.

    Parameters
    ----------
    host, port : where to listen; port 0 takes a free one. The address is printed on stdout once connections are taken

    Raises
    ------
    SrganError
        if the address cannot be used
    KeyboardInterrupt
        after Ctrl-C
    """
    listener = _listen(host, port, settings.stall)
    places = 1 + settings.queue
    requests = requests_at_a_time(places)
    if requests < places:
        print(
            f"srgan: this process may open so few files that {requests} requests fit at a time, not {places}: raise the "
            "limit (ulimit -n)",
            file=sys.stderr,
        )
    config = uvicorn.Config(
        app,
        # On h11: httptools, taken where it is installed, has no limit for the size of headers.
        http=cast(Any, functools.partial(Connection, among=Connections(requests, settings.head))),
        ws="none",
        loop="asyncio",  # uvloop, taken where it is installed, accepts connections in another way
        backlog=1,  # accepted in a row before the next one is counted; how many the kernel keeps is set below
        log_level="warning",
        access_log=False,
        lifespan="on",
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(settings.deadline) + 5,
        h11_max_incomplete_event_size=64 << 10,
    )
    sys.setswitchinterval(SWITCH_INTERVAL)
    priority.take_short_turns()
    server = _Server(config, "" if quiet else f"srgan: open {address(listener)} in a browser; Ctrl-C ends")
    # uvicorn drains on SIGTERM, and then raises the signal again: by then all is done, and the exit code shall be 0. One
    # that comes before uvicorn listens to signals must not be lost.
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    with listener:
        server.run(sockets=[listener])
    if not quiet:
        print("srgan: stopped", file=sys.stderr)


class _Server(uvicorn.Server):
    """Says ``line`` once connections are taken, and signals are listened to."""

    def __init__(self, config: uvicorn.Config, line: str) -> None:
        super().__init__(config)
        self._line = line

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(Complaints())
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_KERNEL_BACKLOG)
        # Looking for garbage among all that the libraries brought takes 50 ms and more, in which nobody is answered.
        gc.collect()
        gc.freeze()
        if self._line:
            print(self._line, flush=True)


def _listen(host: str, port: int, stall: float) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SrganError(f"cannot listen on {host!r}: {error.strerror or error}: check --host") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            # Connections inherit it: one whose client takes nothing for so long breaks, and its result is removed.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(stall * 1000))
        listener.bind(place)
        listener.listen(_KERNEL_BACKLOG)
    except OSError as error:
        listener.close()
        raise SrganError(
            f"cannot listen on {host} port {port}: {error.strerror or error}: choose another --host or --port"
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL under which a browser on this machine finds the page."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}"
