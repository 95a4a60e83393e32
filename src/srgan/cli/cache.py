"""``srgan cache``: what lies where between two runs, and how to remove it."""

from __future__ import annotations

import os
from pathlib import Path

import typer

app = typer.Typer(help="Show what is kept between runs and where, or remove it.", rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def cache_command(context: typer.Context) -> None:
    """Show what is kept between runs and where, or remove it.

    Kept are compiled networks, 64 MB at most, which make small pictures start faster, and the results of GPU trials.
    SRGAN_CACHE names another folder for them; if it is empty, none are kept. If training had to download VGG's weights,
    they are in torch's own cache.
    """
    if context.invoked_subcommand is not None:
        return
    from srgan.cli.folder import size
    from srgan.runtime import cache

    folder = cache.folder()
    if folder is None:
        print("compiled networks: none are kept (SRGAN_CACHE is empty, or there is no home folder)")
    else:
        entries = cache.entries()
        taken = sum(entry.stat().st_size for entry in entries)
        print(f"compiled networks: {folder} ({len(entries)}, {size(taken)}); 'srgan cache clear' removes them")
    for file in _vgg_files():
        print(f"VGG's weights, for training: {file} ({size(file.stat().st_size)}); safe to delete")


@app.command("clear")
def clear_command() -> None:
    """Remove the compiled networks and the results of GPU trials; both are made again when needed."""
    from srgan.cli.folder import size
    from srgan.data.words import counted
    from srgan.runtime import cache

    count, nbytes = cache.clear()
    print(f"removed {counted(count, 'compiled network')}, {size(nbytes)}")


def _vgg_files() -> list[Path]:
    """Return the weights of VGG that torch downloaded for a training, which other programs may use, too."""
    home = os.environ.get("TORCH_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return sorted(Path(os.path.expanduser(home), "hub", "checkpoints").glob("vgg1[69]-*.pth"))
