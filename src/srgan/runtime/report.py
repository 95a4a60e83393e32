"""What a running job has to say while it goes on."""

from __future__ import annotations


def tell(line: str) -> None:
    """Say one line to whoever watches: through the logger ``srgan``, which writes to stderr where nobody has set it up."""
    import logging

    logging.getLogger("srgan").warning("srgan: %s", line)
