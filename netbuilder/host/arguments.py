"""What users hand to the calls of a host, looked at before anything else is done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from netbuilder.errors import NotFound, shown
from netbuilder.values.names import Named, NetworkLike, SandboxLike, name_of

T = TypeVar("T")


def checked(call: str, given: tuple[T, ...], *others: type) -> tuple[T, ...]:
    """What was given to a call.

    Raises:
        TypeError: If it is not all networks, sandboxes, or of the other types that the call takes.
    """
    from pydantic import BaseModel

    from netbuilder.spec import Network, Sandbox

    wanted = (Network, Sandbox, *others)
    for one in given:
        if isinstance(one, wanted):
            continue
        if isinstance(one, Mapping):
            raise TypeError(f"{call} takes specs, not a dict: Sandbox(name=…), or Sandbox.model_validate({{…}})")
        if isinstance(one, Iterable) and not isinstance(one, BaseModel | str | bytes | type | Named):
            raise TypeError(f"pass specs one by one: {call}(*specs)")
        names = " or ".join(kind.__name__ for kind in wanted)
        raise TypeError(f"{call} takes {names}, not {type(one).__name__}: {shown(str(one))}{_instead(call, one)}")
    return given


def _instead(call: str, one: object) -> str:
    """What may have been meant by what is no spec."""
    from netbuilder.spec import Bridge, Container, HostNetwork, NoNetwork
    from netbuilder.spec.fields import PathLike

    if isinstance(one, str | PathLike):
        text = one if isinstance(one, str) else one.__fspath__()
        if text.endswith((".yaml", ".yml")):
            return f"; of a Compose file, write {call}(*netbuilder.compose.parse(TEXT).specs)"
        return '; write Sandbox("web") or Network("lab")' if isinstance(one, str) else ""
    if isinstance(one, Bridge | HostNetwork | Container | NoNetwork):
        return '; a mode is a sandbox\'s: write Sandbox("web", mode=…)'
    if isinstance(one, NetworkLike):
        return f"; that stands, and may be another host's: write Network({one.name!r})"
    if isinstance(one, SandboxLike):
        return f"; that stands already: {call} takes what is asked for, by Sandbox({one.name!r}, …)"
    specs = getattr(one, "specs", None)
    return f"; write {call}(*composed.specs)" if isinstance(specs, tuple | list) else ""


def sandbox_named(what: object) -> str:
    """The name of a sandbox: itself, or a spec's or a handle's.

    Raises:
        NotFound: If it is a network's.
        TypeError: If it is neither.
    """
    if isinstance(what, NetworkLike):
        raise NotFound(f"{shown(what.name)} is a network, and no sandbox", "see the networks: host.networks()")
    name = name_of(what) if isinstance(what, SandboxLike) else what
    if not isinstance(name, str):
        raise TypeError(f"a sandbox is named by its name, its spec or its handle, not {type(what).__name__}")
    return name


def program(args: Sequence[str], options: Mapping[str, Any]) -> Sequence[str]:
    """A program and its arguments.

    Raises:
        TypeError: If they are one text, or for a shell: no shell reads them.
        ValueError: If there is none.
    """
    if isinstance(args, str | bytes):
        words = str(args if isinstance(args, str) else args.decode(errors="replace"))
        raise TypeError(f"a program is a list, as no shell reads it: {words.split()}, or ['sh', '-c', {words!r}]")
    if not args:
        raise ValueError("a program is a list that begins with its name, as in ['ip', 'address']")
    if options.get("shell"):
        raise TypeError("no shell reads a program: leave out shell=True, or write ['sh', '-c', 'COMMAND']")
    return args
