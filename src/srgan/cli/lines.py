"""Lines for a person to read: one line each, whatever stands in the names that they mention."""

from __future__ import annotations

import errno
import os
import select
import sys

from srgan.errors import SrganError
from srgan.text import printable

__all__ = ["output_failed", "printable", "say"]


def say(line: str) -> None:
    """Print one line to stderr, as from this program."""
    print(f"srgan: {printable(line)}", file=sys.stderr)


def check_address_space(what: str, needed: int) -> None:
    """Raise SrganError if ``ulimit -v`` is below ``needed`` bytes: OpenBLAS waits without end for what it does not get."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY and most < needed:
        raise SrganError(
            f"{what} needs an address space of {needed / 1e6:,.0f} MB, and {most / 1e6:,.0f} MB are allowed: raise the limit "
            "(ulimit -v)"
        )


def output_failed(error: OSError) -> bool:
    """Return whether an error says that what was printed found no place: a full disk, a pipe whose reader is gone.

    If so, stdout leads nowhere from now on, so that the interpreter does not complain of it at its end as well.
    """
    if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return False
    if error.errno == errno.EPIPE and not _is_reader_gone():
        return False
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return True


def _is_reader_gone() -> bool:
    """Return whether stdout is a pipe that nobody reads; there are other pipes that may break."""
    if sys.platform == "win32":  # which has no poll
        return True
    watch = select.poll()
    watch.register(sys.stdout.fileno(), 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in watch.poll(0))
