"""The command ``srgan``: each subcommand lives in a module of its own and imports what is heavy inside its body."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from srgan import __version__
from srgan.cli import evaluate, models, train, upscale
from srgan.errors import SrganError

app = typer.Typer(
    name="srgan",
    help="Upscale photographs four times with SRGAN, and train it on pictures of your own field.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("upscale")(upscale.upscale_command)
app.command("train")(train.train_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("models")(models.models_command)


def _print_version(value: bool) -> None:
    if value:
        print(f"srgan {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and an exit code, never a traceback."""
    try:
        app()
    except SrganError as error:
        print(f"srgan: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("srgan: stopped", file=sys.stderr)
        sys.exit(130)
