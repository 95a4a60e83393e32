"""Messages of a job while it runs."""

from __future__ import annotations


def tell(line: str) -> None:
    """Say one line to whoever watches: through the logger ``srgan``, which writes to stderr where nobody has set it up."""
    import logging

    logging.getLogger("srgan").warning("srgan: %s", line)
