"""How many compiled kernels the runtime keeps: enough for the sizes in use, not one for every size ever seen.

OpenVINO compiles a network's kernels ("primitives") for the size of the picture at hand. Two caches keep them, and both
are so large that a process which sees pictures of many sizes seems to leak:

- each compiled graph's own, ``CPU_RUNTIME_CACHE_CAPACITY``: 5,000 kernels of each kind of layer;
- oneDNN's, one for the process, ``ONEDNN_PRIMITIVE_CACHE_CAPACITY``: 1,024 kernels.

A kernel takes 50 KB on AVX2 and several times that on AVX512; a size takes about four in each half of the generator. Both
caches drop what was used longest ago. A tile that has the size of the one before it uses neither.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

KEPT = 16
"""Kernels of each kind of layer that a compiled graph keeps: those of about four sizes, as many as one picture's tiles have.

Twice as many take 8 MB more for two networks, and save 3 % of the time of six sizes in rotation, all of about 30 pixels."""

KEPT_INT8 = 128
"""The same in int8, where each convolution has scales and hence a kernel of its own."""

KEPT_BY_PROCESS = 16
"""Kernels that oneDNN keeps for all graphs together: it is asked only for those that the graph's own cache lacks."""

_VARIABLES = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "DNNL_PRIMITIVE_CACHE_CAPACITY"

_lock = threading.Lock()
_done = False


def capacity(precision: str) -> dict[str, str]:
    """Return the setting for a graph that is compiled, or read compiled, in this precision."""
    return {"CPU_RUNTIME_CACHE_CAPACITY": str(KEPT_INT8 if precision == "int8" else KEPT)}


@contextmanager
def bounded() -> Iterator[None]:
    """Bound oneDNN's cache; the process's first graph must be compiled, or read compiled, inside.

    oneDNN takes the capacity from the environment, once, when the first graph needs a kernel. The variable is there only so
    long, as PyTorch has a oneDNN of its own, which trains at one size with more kernels than that. Whoever has set it
    keeps their own value.
    """
    global _done
    if _done:
        yield
        return
    with _lock:
        ours = not any(name in os.environ for name in _VARIABLES)
        if ours:
            os.environ[_VARIABLES[0]] = str(KEPT_BY_PROCESS)
        try:
            yield
            _done = True
        finally:
            if ours:
                del os.environ[_VARIABLES[0]]
