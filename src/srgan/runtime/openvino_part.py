"""A compiled graph of OpenVINO as a function, on the processor or one of OpenVINO's other devices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan.errors import is_lack_of_memory
from srgan.runtime import heap, primitives, priority
from srgan.runtime.graph import Cost
from srgan.runtime.kept import Kept

OVERHEAD = 1.1
"""What the runtime takes beyond the live tensors (padding of channels, fragmentation): measured 0.85 to 1.2."""


TRIM_FROM = 4 << 20
"""Bytes given back from which the heap lets go of them at once: that takes 3 % of the time of 24 x 24 pixels, which take 3 MB."""

DROP_FROM = 4 << 20
"""Bytes of a result from which the graph is made to let go of it: that takes a call of one pixel."""


RESERVE = 16 << 20
"""Bytes beyond the tensors that must be there for a call (code, scratch memory, steps of the heap): 4 MB were enough, too."""


class CompiledPart:
    """A compiled graph with one input and one output: float32 [N, C, h, w] -> float32 [N, D, scale*h, scale*w].

    ``compile`` makes it, and makes it again after a failure; ``forget`` is called after calls that may have read the weights.

    ``radius`` is in pixels of its own input, ``bytes_per_pixel`` what it needs at the peak for each of them, input and
    output included. Calls from several threads take turns.
    """

    max_pixels: None = None
    """Of a tile: the caller knows this machine's memory."""

    overlapping: None = None
    """It takes no bytes, and is waited for."""

    def __init__(
        self,
        compile: Callable[[], Any],
        *,
        scale: int,
        cost: Cost,
        precision: str,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._compile = compile
        self._forget = forget
        with primitives.bounded():
            self._compiled = priority.begun_low(compile)
        self._inputs = _channels(self._compiled.inputs[0])
        self.channels = _channels(self._compiled.outputs[0])
        self.scale = scale
        self.cost = cost
        self.radius = cost.radius
        value_bytes = 2 if precision == "bf16" else 4
        # The runtime's own tensors in its precision; what comes out is float32, and the result before it may still be in use.
        self.bytes_per_pixel = int(cost.values * value_bytes * OVERHEAD) + 2 * self.channels * scale * scale * 4
        self._lock = threading.Lock()
        self._kept = Kept(self._release_idle)
        self._result_bytes = 0  # of the latest result, which the graph holds until its next call
        self._takes_one_pixel = True

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the result, in memory that the runtime made for it and nobody else writes to.

        Raises
        ------
        MemoryError
            if the runtime cannot get the memory; it can be called again with less.
        """
        batch = np.ascontiguousarray(batch, np.float32)
        count, _, height, width = batch.shape
        taken = count * height * width * self.bytes_per_pixel
        self._kept.make_room(taken)
        with self._lock, memory_errors():
            self._ask(taken)
            if self._compiled is None:
                self._compiled = priority.begun_low(self._compile)
            result = self._computed(batch)
            self._result_bytes = result.nbytes
        self._kept.used(taken)
        return result

    def _ask(self, size: int) -> None:
        """Raise MemoryError where the system would not give what a call takes.

        The runtime notices it for its tensors and for most else, but not for a convolution's scratch memory: that crashes.
        """
        try:
            heap.ask(size + RESERVE)
        except MemoryError:
            if self._compiled is not None:
                self._compiled.release_memory()  # some of it may be here
            self._kept.given_back()
            heap.trim()
            heap.ask(size + RESERVE)

    def _computed(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute by a request of its own.

        One request for all calls would hold two results; and an array lent to it for the result would not spare a thing: the
        graph computes into memory of its own, which it never gives back, and copies.
        """
        import openvino

        request = None
        try:
            request = self._compiled.create_infer_request()
            request.set_input_tensor(openvino.Tensor(batch, shared_memory=True))
            request.start_async()
            while not request.wait_for(100):  # short waits let Ctrl-C through
                pass
            made: NDArray[np.float32] = request.get_output_tensor().data
        except BaseException:
            if request is not None:
                _stop(request)  # the input may not go away while the runtime still reads it
            # After a failure the graph keeps the shapes and the memory of what failed and fails again at everything else, so
            # it is built anew.
            self._compiled = None
            self._kept.given_back()
            self._result_bytes = 0
            raise
        return made

    def release(self) -> None:
        """Give back the memory for tensors between layers, which is otherwise kept for the next call.

        That lets the halves of a network use the same memory in turn, and costs a call of the 16-block generator less than
        one per cent; of a network with less work a pixel it costs more (:mod:`srgan.runtime.kept`).
        """
        with self._lock:
            given_back = self._release()
        if given_back > TRIM_FROM:
            heap.trim()

    def _release(self) -> int:
        """Give back the memory, and return how many bytes that are, about."""
        if self._compiled is not None:
            self._drop_result()
        if self._compiled is not None:
            self._compiled.release_memory()
        self._forget()
        return self._kept.given_back()

    def _drop_result(self) -> None:
        """Make the graph hold a result of one pixel, in the place of a large one."""
        if self._result_bytes < DROP_FROM or not self._takes_one_pixel:
            return
        try:
            heap.ask(RESERVE)
            self._computed(np.zeros((1, self._inputs, 1, 1), np.float32))
        except MemoryError:
            return  # not now
        except RuntimeError as error:  # somebody's network for larger pictures alone
            self._takes_one_pixel = is_lack_of_memory(error)
        self._result_bytes = 0

    def _release_idle(self) -> None:
        """Do so because it lies idle, unless somebody uses it just now."""
        if self._lock.acquire(blocking=False):
            try:
                self._release()
            finally:
                self._lock.release()
            heap.trim()

    def export(self) -> bytes:
        """Return the compiled graph as bytes that this build of the runtime can import on this processor."""
        made = self._compiled.export_model()
        return made if isinstance(made, bytes) else bytes(made.getvalue())  # bytes in OpenVINO 2025.0, a stream later


def _channels(end: Any) -> int:
    return int(end.get_partial_shape()[1].get_length())


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn the runtime's ways to say that memory is short into :class:`MemoryError`."""
    try:
        yield
    except RuntimeError as error:
        if is_lack_of_memory(error):
            raise MemoryError("the runtime cannot get the memory for this tile") from None
        raise


def _stop(request: Any) -> None:
    """Cancel a request and wait until it has stopped."""
    try:
        request.cancel()
        request.wait()
    except RuntimeError:
        return  # this is how it says that it was cancelled, or had failed
