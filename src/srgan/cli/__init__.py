"""The command ``srgan``: each subcommand lives in a module of its own and imports what is heavy inside its body."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from typing import Annotated, Any

import typer

from srgan._version import __version__
from srgan.cli import cache, convert, data, devices, evaluate, export_web, man, models, serve, train, upscale
from srgan.cli.lines import output_failed, say
from srgan.cli.options import GroupedCommand
from srgan.errors import NO_MEMORY, MissingExtraError, SrganError, in_words_of_the_command, is_lack_of_memory
from srgan.files import why_not_written

app = typer.Typer(
    name="srgan",
    help="Upscale photographs to four times the size with SRGAN, and train it on your own pictures.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help in plain text: rich takes as long to import as all else together
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("upscale", cls=GroupedCommand)(upscale.upscale_command)
app.command("train", short_help="Train a network on your own photographs.")(train.train_command)
app.command("evaluate", short_help="Measure a network: PSNR and SSIM.")(evaluate.evaluate_command)
app.command("serve")(serve.serve_command)
app.command("export-web", short_help="Write a page that enlarges in the browser.")(export_web.export_web_command)
app.command("models")(models.models_command)
app.command("devices")(devices.devices_command)
app.command("convert", short_help="Convert weights from elsewhere.")(convert.convert_command)
app.add_typer(data.app, name="data")
app.add_typer(cache.app, name="cache")
app.command("man", short_help="Print the manual page.")(man.man_command)


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
    atexit.register(gc.freeze)  # the process ends anyway: looking for garbage before that takes a tenth of a second
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may have what the terminal's encoding has not
    try:
        # Typer would print errors as boxes of several lines, and call the command after the file that started it.
        with in_words_of_the_command():
            code = app(standalone_mode=False, prog_name="srgan")
        sys.stdout.flush()  # now, while what goes wrong can still be said
    except MissingExtraError as error:
        # A library may also be missing because there was no memory to load it into.
        lacks = any(is_lack_of_memory(one) for one in (error.__cause__, error.__context__) if one is not None)
        _say(NO_MEMORY if lacks else str(error))
        sys.exit(1 if lacks else error.exit_code)
    except SrganError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        _say("stopped")
        sys.exit(130)
    except OSError as error:
        if is_lack_of_memory(error):
            _say(NO_MEMORY)
            sys.exit(1)
        if not output_failed(error):
            raise
        if not isinstance(error, BrokenPipeError):  # which says that the reader has enough: '| head'
            _say(f"cannot print: {why_not_written(error)}")
        sys.exit(1)
    except Exception as error:
        if is_lack_of_memory(error):
            _say(NO_MEMORY)
            sys.exit(1)
        if not hasattr(error, "format_message"):  # what the kinds of typer's own errors have in common
            raise
        _say_usage(error)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str) -> None:
    # Of the processes that train together the first one on each machine speaks: the others would say the same once more.
    if (os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_LOCALID") or "0") == "0":
        say(text)


def _say_usage(error: Any) -> None:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # the help itself: the command was called alone
        return
    name = context.command_path if context is not None else "srgan"
    say(f"{message.rstrip('.')}: see '{name} --help'")
