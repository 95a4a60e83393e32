"""What the operator of a server decides."""

from __future__ import annotations

from dataclasses import dataclass

from srgan.web.hosts import Hosts


@dataclass(frozen=True)
class ServerSettings:
    """Limits and access of one server; the defaults are those of ``srgan serve``."""

    max_bytes: int = 50_000_000
    """Largest body of a request, multipart framing included."""
    max_pixels: int = 25_000_000
    """Most pixels of a picture that comes in, read from its header. A phone's photograph has 12 million, a camera's 24."""
    max_result_pixels: int = 400_000_000
    """Most pixels of a result: what 25 million become with a x4 network."""
    queue: int = 16
    """Requests that may be inside at once besides the one that computes; the next one is answered 503."""
    deadline: float = 1800.0
    """Seconds from the first byte of a request to its answer, waiting included."""
    stall: float = 20.0
    """Seconds that a client may take between two pieces of its body, or without taking anything of its answer (Linux)."""
    head: float = 10.0
    """Seconds that a client may take to say what it asks for."""
    hosts: Hosts = Hosts()
    """The names that requests may call this server by."""
    token: str | None = None
    """Bearer token that the API asks for; None lets everybody in."""
    origins: tuple[str, ...] = ()
    """Other sites (``https://example.org``) whose pages may use the API; ``*`` for all."""
