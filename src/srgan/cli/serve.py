"""``srgan serve``: a web page and an HTTP API."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from srgan.cli import completion
from srgan.cli.lines import check_address_space
from srgan.cli.options import DeviceOption, PrecisionOption, parse_size
from srgan.errors import MissingExtraError, UsageError

_ADDRESS_SPACE = 1_000_000_000
"""What a server of small pictures takes: with less, libraries that decode and encode end the process in its midst."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve_command(
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME|FILE",
            autocompletion=completion.networks,
            help="A network to offer; the first is the default; repeatable. Default: all shipped ones.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 means all addresses of this machine.")
    ] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another host name of this server, for example that of a proxy, or * for any; repeatable. "
            "Default: localhost and the address in --host.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 7860,
    token: Annotated[
        str | None,
        typer.Option(envvar="SRGAN_TOKEN", help="Bearer token that the API and the page require.", show_default=False),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Site whose pages may use the API, or * for any; repeatable. Default: none.",
            show_default=False,
        ),
    ] = None,
    max_upload: Annotated[str, typer.Option(metavar="SIZE", help="Largest request body.")] = "50MB",
    max_megapixels: Annotated[float, typer.Option(min=0.001, help="Largest input picture, in megapixels.")] = 25,
    queue: Annotated[int, typer.Option(min=0, help="Requests that may wait; any more are answered 503.")] = 16,
    deadline: Annotated[
        float, typer.Option(min=1, help="Time limit for a request, in seconds, including waiting.")
    ] = 1800,
    precision: Annotated[
        PrecisionOption,
        typer.Option(help="auto: for 8-bit pictures bf16 if the processor has it and fp16 on a GPU, otherwise fp32."),
    ] = PrecisionOption.auto,
    memory: Annotated[
        str, typer.Option(metavar="SIZE", help="Memory for the network; the pictures need more on top.")
    ] = "1GB",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to compute with. Default: one per core.", show_default=False)
    ] = None,
    device: DeviceOption = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Serve a web page and an HTTP API that enlarge pictures.

    The page is at the address printed, the API documentation at /docs. Pictures are not kept, and nothing is loaded
    from elsewhere. Listening on an address other than 127.0.0.1 lets others use this machine: set a --token.
    """
    budget, largest = parse_size(memory), parse_size(max_upload)
    if token is not None and not (token.isascii() and token.isprintable() and token.strip() == token and token):
        raise UsageError("the token must be printable ASCII without spaces around it: choose another one")
    for origin in cors or ():
        if origin != "*" and not origin.startswith(("http://", "https://")):
            raise UsageError(f"--cors {origin!r} is no origin: write it like https://example.org, or *")
    check_address_space("srgan serve", _ADDRESS_SPACE)
    try:
        from srgan.runtime import priority
        from srgan.web.app import build_app
        from srgan.web.hosts import Hosts, is_host
        from srgan.web.served_models import open_models
        from srgan.web.server import run
        from srgan.web.settings import ServerSettings
    except ImportError as error:
        raise MissingExtraError("srgan serve", "web") from error
    for name in allow_host or ():
        if not is_host(name):
            raise UsageError(f"--allow-host {name!r} is no name: write it without a scheme and a port, or *")

    priority.lower_computing()
    served = open_models(models or (), precision=precision.value, memory=budget, threads=threads, device=device)
    scale = max(model.scale for model in served.values())
    pixels = round(max_megapixels * 1e6)
    settings = ServerSettings(
        max_bytes=largest,
        max_pixels=pixels,
        max_result_pixels=pixels * scale**2,
        queue=queue,
        deadline=deadline,
        hosts=Hosts.of(host, allow_host or ()),
        token=token,
        origins=tuple(origin.rstrip("/") for origin in cors or ()),
    )
    if host not in _LOOPBACK and token is None:
        print(
            f"srgan: {host} is open to others, and no --token is set: anybody who reaches it may use it",
            file=sys.stderr,
        )
    run(build_app(served, settings), settings, host, port, quiet=quiet)
