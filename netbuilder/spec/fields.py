"""The names, addresses and paths that a spec may hold."""

from __future__ import annotations

from typing import Annotated, Protocol, runtime_checkable

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from netbuilder.errors import shown
from netbuilder.values.names import (
    NAME,
    PINS,
    Named,
    NetworkLike,
    Numbered,
    SandboxLike,
    name_of,
    valid_interface,
    valid_mac,
    valid_name,
    valid_path,
)

_MOST_PROCESSES = 2**22  # PID_MAX_LIMIT


@runtime_checkable
class PathLike(Protocol):
    """A path as a value, such as `pathlib.Path`."""

    def __fspath__(self) -> str: ...


def _namespace(value: object) -> object:
    """A path as its text, a name under /run/netns as its file, and the number of a process as it is."""
    value = value.__fspath__() if isinstance(value, PathLike) else value
    if type(value) is int and 1 <= value <= _MOST_PROCESSES:
        return value
    if isinstance(value, str):
        return valid_path(f"{PINS}/{value}" if NAME.fullmatch(value) else value)
    raise ValueError(
        f"a namespace is given by its path, its name under {PINS} or the number of a process in it (process.pid),"
        f" not as {shown(repr(value)) if type(value) is int else type(value).__name__}"
    )


def _name_of(kind: type[Named], otherwise: str) -> WrapValidator:
    """What takes a name, or what is of the right kind for its name."""

    def checked(given: object, validate: ValidatorFunctionWrapHandler) -> str:
        if not isinstance(given, kind | str):
            what = type(given).__name__ + (f" {shown(given.name)}" if isinstance(given, Named) else "")
            raise ValueError(f"{what} is {otherwise}")
        name = name_of(given) if isinstance(given, Named) else given
        valid: str = validate(str(name))
        return Numbered(valid, name.number) if isinstance(name, Numbered) else valid

    return WrapValidator(checked)


Name = Annotated[
    str,
    AfterValidator(valid_name),
    Field(min_length=1, max_length=63, json_schema_extra={"pattern": f"^{NAME.pattern}$"}),
]
"""A sandbox's or network's name; it becomes a file name under /run/netns."""

InterfaceName = Annotated[str, AfterValidator(valid_interface)]
"""A network interface's name: at most 15 characters (IFNAMSIZ, Linux)."""

NetworkName = Annotated[
    Name,
    _name_of(NetworkLike, 'no network: write network="NAME", or mode=Container(sandbox=…) to share a sandbox\'s own'),
]
"""A network's name, or the network."""

SandboxName = Annotated[
    Name, _name_of(SandboxLike, 'no sandbox: write sandbox="NAME", or mode=Bridge(network=…) to be on a network')
]
"""A sandbox's name, or the sandbox: its spec, or its handle."""

Mac = Annotated[str, AfterValidator(valid_mac)]
"""A unicast MAC address, kept in lower case with colons."""

NamespacePath = Annotated[str, AfterValidator(valid_path)]
"""An absolute path to a network namespace, as in /proc/PID/ns/net."""

Namespace = Annotated[NamespacePath | Annotated[int, Field(ge=1, le=_MOST_PROCESSES)], BeforeValidator(_namespace)]
"""An existing namespace: its path, its name under /run/netns, or the number of a process in it."""
