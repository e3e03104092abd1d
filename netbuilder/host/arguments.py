"""What users hand to the calls of a host, looked at before anything else is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
        if isinstance(one, Mapping):
            raise TypeError(f"{call} takes specs, not a dict: Sandbox(name=…), or Sandbox.model_validate({{…}})")
        if isinstance(one, Iterable) and not isinstance(one, BaseModel | str | bytes):
            raise TypeError(f"pass specs one by one: {call}(*specs)")
        names = " or ".join(kind.__name__ for kind in wanted)
        raise TypeError(f"{call} takes {names}, not {type(one).__name__}: {shown(str(one))}")
    return given


def name_of(what: object) -> str:
    """The name of a sandbox or network: itself, or a spec's or a handle's.

    Raises:
        TypeError: If it is neither.
    """
    name = getattr(what, "name", what)
    if not isinstance(name, str):
        raise TypeError(f"a sandbox is named by its name, its spec or its handle, not {type(what).__name__}")
    return name


def program(args: Sequence[str]) -> Sequence[str]:
    """A program and its arguments.

    Raises:
        TypeError: If they are one text: no shell reads them.
    """
    if isinstance(args, str | bytes):
        words = str(args if isinstance(args, str) else args.decode(errors="replace"))
        raise TypeError(f"a program is a list, as no shell reads it: {words.split()}, or ['sh', '-c', {words!r}]")
    return args
