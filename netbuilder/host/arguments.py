"""What users hand to the calls of a host, looked at before anything else is done with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel

from netbuilder.errors import shown
from netbuilder.spec import Network, Sandbox

T = TypeVar("T")


def checked(call: str, given: tuple[T, ...], *others: type) -> tuple[T, ...]:
    """What was given to a call.

    Raises:
        TypeError: If it is not all networks, sandboxes, or of the other types that the call takes.
    """
    wanted = (Network, Sandbox, *others)
    for one in given:
        if isinstance(one, wanted):
            continue
        if isinstance(one, Iterable) and not isinstance(one, BaseModel | str | bytes):
            raise TypeError(f"pass specs one by one: {call}(*specs)")
        names = " or ".join(kind.__name__ for kind in wanted)
        raise TypeError(f"{call} takes {names}, not {type(one).__name__}: {shown(str(one))}")
    return given
