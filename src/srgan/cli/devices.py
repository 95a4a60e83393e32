"""``srgan devices``."""

from __future__ import annotations

from srgan.cli.lines import printable


def devices_command() -> None:
    """List what this machine can compute on: the names that --device takes, memory, and what each is good for.

    auto takes the first GPU, if its results are right and it is faster than the processor; a trial of half a second
    shows that, and is kept for the next time.
    """
    from srgan.runtime import devices

    aliases = {device: called for called, device in devices.numbered().items()}
    rows = [("NAME", "ALSO", "DEVICE", "MEMORY", "COMPUTES IN", "GOOD FOR")]
    title, memory, precisions = devices.processor()
    rows.append(("cpu", "", title, _size(memory), precisions, "everything; what the others are compared with"))
    for device in devices.found():
        name = aliases.get(device, device.name)
        also = device.name if name != device.name else ""
        good = "pictures, clips and folders" if device in aliases else "being named: a GPU above is the same card"
        if device.name.startswith("npu"):
            good = "being named: it takes one size at a time"
        if device.software:
            good = "tests: it is a program on the processor, which auto and gpu never take"
        rows.append((name, also, device.title, _size(device.memory), ", ".join(device.precisions), good))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print(printable("  ".join([*cells, row[5]]).rstrip()))
    for line in devices.broken():
        print(printable(line))
    if not aliases:
        print(f"No GPU: {devices.advice()}")


def _size(nbytes: int) -> str:
    return f"{nbytes / 1e9:.1f} GB" if nbytes else ""
