"""``srgan export-web``: a static site that enlarges pictures in the visitor's browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export_web_command(
    network: Annotated[
        str, typer.Argument(metavar="NETWORK", help="A network, given by name or .onnx file.", show_default=False)
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write.", show_default=False)],
    runtime: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="onnxruntime-web, as npm installs it. Default: node_modules/onnxruntime-web.",
            show_default=False,
        ),
    ] = None,
    webgpu: Annotated[bool, typer.Option(help="Use the GPU in browsers that allow it: 27 MB more.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier site in OUT.")] = False,
) -> None:
    """Write a web page that enlarges pictures in the browser, without a server.

    Pictures never leave the visitor's machine. Any static web server will do, for example "python -m http.server -d OUT"; the
    site works offline from the second visit on. It needs onnxruntime-web: npm install onnxruntime-web.
    """
    from srgan.web.site import export_site

    size = export_site(network, out, runtime=runtime, webgpu=webgpu, overwrite=overwrite)
    print(f"{out}  {size / 1e6:.0f} MB: try it with 'python -m http.server -d {out}'")
