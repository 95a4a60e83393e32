"""``srgan devices``."""

from __future__ import annotations

from srgan.cli.lines import printable


def devices_command() -> None:
    """List the devices that can compute, by their names for --device.

    auto uses the first GPU if its results are correct and it is faster than the processor. A trial of half a second
    decides that; its outcome is cached.
    """
    from srgan.runtime import devices

    aliases = {device: called for called, device in devices.numbered().items()}
    rows = [("NAME", "ALSO", "DEVICE", "MEMORY", "COMPUTES IN", "GOOD FOR")]
    title, memory, precisions = devices.processor()
    rows.append(("cpu", "", title, _size(memory), precisions, "everything; the reference for the others"))
    for device in devices.found():
        name = aliases.get(device, device.name)
        also = device.name if name != device.name else ""
        good = "pictures, clips and folders" if device in aliases else "use by name only: a GPU above is the same card"
        if device.name.startswith("npu"):
            good = "use by name only: it takes one size at a time"
        if device.software:
            good = "tests: a software renderer, which auto and gpu never take"
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
