"""``--precision int8`` on a processor that is faster in bf16: then that is taken, and a line says so."""

from __future__ import annotations

from srgan.cli.lines import say


def settled(precision: str, *, device: str, fidelity: float | None, quiet: bool) -> str:
    """Return the precision to compute in; a line says where it is not the one asked for.

    On a processor with bf16 instructions int8 is three times slower than bf16, and coarser: everything around its 8-bit
    convolutions runs in fp32 there (docs/engine.md).

    Parameters
    ----------
    precision, device, fidelity : that were asked for. Another device than the processor, and a blend, are for no int8 at all, as
        opening the network says
    quiet : say nothing
    """
    if precision != "int8" or device not in ("auto", "cpu") or fidelity is not None:
        return precision
    from srgan.runtime.graph import computes_bf16

    if not computes_bf16():
        return precision
    if not quiet:
        say("on this processor bf16 is faster and more accurate than int8: computing in bf16")
    return "bf16"
