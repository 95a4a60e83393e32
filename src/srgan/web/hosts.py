"""For which names the server answers: what keeps a page out whose name is rebound to this machine's address.

A page of ``evil.example`` can let that name lead to 127.0.0.1 once it is loaded. To the browser the server here is then
the page's own site, and neither CORS nor ``Sec-Fetch-Site`` objects. The ``Host`` header still says ``evil.example``.
An address in numbers cannot be rebound.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from starlette.types import ASGIApp, Receive, Scope, Send

from srgan.web.problems import answer

ANY = "*"
_WILDCARDS = ("0.0.0.0", "::", "")
_AUTHORITY = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:/@?#\s]+))(?::(?P<port>[0-9]{0,5}))?")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]*)(.*)", re.DOTALL)


class Authority(NamedTuple):
    """A host and a port, as ``Host`` and the part of a URL behind ``//`` write them."""

    host: str
    """In lower case, without the dot of the root; an IPv6 address in its shortest form, without brackets."""
    port: int | None


def parse(text: str) -> Authority | None:
    """Return what ``localhost:7860`` or ``[::1]:7860`` says, or None if it is no such thing."""
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > 65535:
        return None
    if found["six"] is not None:
        try:
            return Authority(str(ipaddress.IPv6Address(found["six"])), port)
        except ValueError:
            return None
    return Authority(canonical(found["name"]), port)


def canonical(name: str) -> str:
    """Return a host's name as browsers send it: lower case, no dot at the end, other letters as punycode."""
    name = name.lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if name.isascii():
        return name
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def is_host(text: str) -> bool:
    """Return whether ``text`` is what an operator may call a server: a name, an address, or ``*``."""
    if text == ANY:
        return True
    found = parse(text) or parse(f"[{text}]")
    return found is not None and found.port is None and not text.endswith(":")


@dataclass(frozen=True)
class Hosts:
    """The names that a server answers for: those of the loopback interface, and what the operator names."""

    names: frozenset[str] = frozenset()
    every_address: bool = False
    """Whether all addresses in numbers are its own: it listens on all of this machine's, some behind translation."""
    everything: bool = False

    @classmethod
    def of(cls, listening: str, allowed: Iterable[str] = ()) -> Hosts:
        """Return the names for a server that listens on ``listening`` (``--host``) and is called ``allowed`` besides."""
        allowed = tuple(allowed)
        names = frozenset(canonical(name.strip("[]")) for name in (listening, *allowed) if name not in (ANY, ""))
        return cls(names, listening in _WILDCARDS, ANY in allowed)

    def include(self, host: str) -> bool:
        """Return whether a canonical host is one of them."""
        if self.everything or host == "localhost" or host in self.names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return self.every_address or address.is_loopback or str(address) in self.names


class OwnNames:
    """ASGI middleware that answers 421 to requests for other names, whatever they ask for."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
        elif not self._is_ours(scope):
            refusal = answer(
                421,
                "this server has another name: open it by the address that it prints, or allow this name with "
                "--allow-host",
                {"Connection": "close"},
            )
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        """Return whether all names in the request are this server's; a target with a host is made one without."""
        given = [value.decode("latin-1") for key, value in scope["headers"] if key == b"host"]
        if absolute := _ABSOLUTE.fullmatch(scope.get("raw_path") or b""):
            given.append(absolute[1].decode("latin-1"))
            scope["raw_path"] = absolute[2] or b"/"
            scope["path"] = "/" + scope["path"].split("//", 1)[1].partition("/")[2]
        hosts = [parse(text) for text in given]
        return bool(hosts) and all(host is not None and self._hosts.include(host.host) for host in hosts)
