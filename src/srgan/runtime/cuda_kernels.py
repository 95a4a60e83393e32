"""What follows a convolution on NVIDIA's cards, in one pass over its result: bias, PReLU, addition, and channels to pixels.

PyTorch makes a pass of each, over memory that takes longer to read and write than the multiplications take: on an H200 more than
half of the time of a residual network. The kernels are compiled where they run, by the compiler that PyTorch brings
(``torch.cuda._compile_kernel``, not a public function: where it is missing or fails, the passes stay apart).

Tensors are in ``channels_last``, in fp16 or bf16, and their channels a multiple of eight: a thread takes eight, 16 bytes.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

VECTOR = 8
"""Channels that a thread takes at once."""

_THREADS = 256

SOURCE = r"""
typedef unsigned short u16;
#if BF16
__device__ float up(u16 h) { return __uint_as_float((unsigned int)h << 16); }
__device__ u16 down(float f) {
    if (f != f) return 0x7fff;
    unsigned int bits = __float_as_uint(f);
    return (u16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
#else
__device__ float up(u16 h) { float f; asm("cvt.f32.f16 %0, %1;" : "=f"(f) : "h"(h)); return f; }
__device__ u16 down(float f) { u16 h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
#endif

// made: what the convolution gave. out: the same memory, but for SHUFFLE. vectors: of 8 values, in all; groups: of each pixel.
extern "C" __global__ void finish(const uint4* made, uint4* out, const float* bias, const float* slope, const uint4* other,
                                  int vectors, int groups, int width) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= vectors) return;
    int group = i % groups;
    uint4 values = made[i];
    u16* v = (u16*)&values;
#if ADD
    uint4 others = other[i];
    u16* o = (u16*)&others;
#endif
    for (int k = 0; k < 8; ++k) {
        float x = up(v[k]) + bias[8 * group + k];
#if PRELU
        x = x > 0 ? x : x * slope[8 * group + k];
#endif
#if ADD
        x += up(o[k]);
#endif
        v[k] = down(x);
    }
#if SHUFFLE
    int pixel = i / groups, parts = groups / (SHUFFLE * SHUFFLE);
    int sub = group / parts, row = pixel / width, column = pixel % width;
    row = row * SHUFFLE + sub / SHUFFLE;
    column = column * SHUFFLE + sub % SHUFFLE;
    i = (row * width * SHUFFLE + column) * parts + group % parts;
#endif
    out[i] = values;
}
"""


def fits(channels: int, dtype: torch.dtype, block: int = 1) -> bool:
    """Whether :class:`Finish` takes tensors like these; ``block`` is the number of pixels that a side becomes."""
    return dtype in (torch.float16, torch.bfloat16) and channels % (VECTOR * block**2) == 0


class Finish:
    """Adds a bias; then applies a PReLU, adds another tensor, or spreads channels over pixels, whichever are asked for.

    Parameters
    ----------
    bias : float32 [C], on the card
    slope : float32 [C]; None for no PReLU
    adds : whether another tensor of the same shape is added in the end
    block : what a pixel becomes on each side. Channels are in the order ``[block, block, C / block**2]``
        (:func:`shuffled_order`)
    dtype : of the tensors
    """

    def __init__(self, bias: Tensor, slope: Tensor | None, adds: bool, block: int, dtype: torch.dtype) -> None:
        self._bias, self._slope, self._adds, self._block = bias, slope, adds, block
        self._kernel = _kernel(dtype == torch.bfloat16, slope is not None, adds, block if block > 1 else 0, bias.device)

    def __call__(self, made: Tensor, other: Tensor | None = None) -> Tensor:
        """Finish what a convolution has made, [N, C, H, W] in ``channels_last``; it is written over, unless pixels are spread."""
        count, channels, height, width = made.shape
        made = made.contiguous(memory_format=torch.channels_last)
        out = made
        if self._block > 1:
            shape = (count, channels // self._block**2, height * self._block, width * self._block)
            out = torch.empty(shape, dtype=made.dtype, device=made.device, memory_format=torch.channels_last)
        given = made if other is None else other.contiguous(memory_format=torch.channels_last)
        vectors = made.numel() // VECTOR
        slope = self._bias if self._slope is None else self._slope
        with torch.cuda.device(made.device):
            self._kernel(
                grid=(-(-vectors // _THREADS), 1, 1),
                block=(_THREADS, 1, 1),
                args=[made, out, self._bias, slope, given, vectors, channels // VECTOR, width],
            )
        return out


@functools.cache
def _kernel(bf16: bool, prelu: bool, add: bool, shuffle: int, device: torch.device) -> Any:
    """Compile the kernel for a card, once.

    Raises
    ------
    Exception
        of any kind, where PyTorch's compiler is missing or fails
    """
    names = {"BF16": int(bf16), "PRELU": int(prelu), "ADD": int(add), "SHUFFLE": shuffle}
    source = "".join(f"#define {name} {value}\n" for name, value in names.items()) + SOURCE
    with torch.cuda.device(device):
        return torch.cuda._compile_kernel(source, "finish")


def shuffled_order(channels: int, block: int) -> Tensor:
    """Return which channel of PyTorch's pixel shuffle stands at each place of the order ``[block, block, C / block**2]``."""
    return torch.arange(channels).view(-1, block * block).t().reshape(-1)
