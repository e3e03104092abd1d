"""What is logged: warnings of what does not stop a call."""

from __future__ import annotations

from collections.abc import Callable

prepare_logging: list[Callable[[], object]] = []
"""What a program has done ahead of the first warning."""


def warn(message: str) -> None:
    """Log what does not stop a call, as logger "netbuilder"; most calls log nothing, and do not import logging."""
    import logging

    for prepare in prepare_logging:
        prepare()
    logging.getLogger("netbuilder").warning("%s", message)
