"""What netbuilder raises, as one tree; beside it is pydantic's ValidationError, for a field of a spec.

    NetbuilderError            every error of this library
    ├── SpecError              what was asked for can never be right, or not on this host: nothing was touched
    ├── NotFound               no sandbox or network of that name
    ├── PrivilegeError         the kernel would refuse: the capability that is missing, and how to get it
    ├── MissingLibrary         a system library is not installed
    └── StepError              the kernel refused a step; what was done before it was taken back

Each carries a `hint`: what the reader can do about it.
"""

from __future__ import annotations

import errno as errnos
from collections.abc import Iterable
from typing import Any


class NetbuilderError(Exception):
    """Something netbuilder could not do, in one line, with a hint at what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # for tracebacks

    def __reduce__(self) -> tuple[Any, ...]:
        """As its message and its fields, whatever its constructor takes: errors come back from other processes."""
        return _as_it_was, (type(self), self.args, self.__dict__)


def _as_it_was(kind: type[NetbuilderError], args: tuple[Any, ...], fields: dict[str, Any]) -> NetbuilderError:
    error = kind.__new__(kind, *args)
    super(NetbuilderError, error).__init__(*args)
    error.__dict__.update(fields)
    if "__notes__" in fields:
        error.__notes__ = [*fields["__notes__"]]  # a copy's own
    return error


class SpecError(NetbuilderError, ValueError):
    """A spec that is refused before the kernel is touched; `field` names the place in it.

    Where it came from a file, `field` is the place there (`services.web.ports[0]`), `line` its line, and `file` the
    file's name, if it has one.
    """

    file: str | None = None
    line: int | None = None

    def __init__(self, field: str, problem: str, hint: str = "") -> None:
        super().__init__(f"{field}: {problem}", hint)
        self.field = field


class NotFound(NetbuilderError, LookupError):
    """There is no sandbox or network of that name on this host."""


class PrivilegeError(NetbuilderError, PermissionError):
    """The calling process lacks a privilege that the kernel asks for."""


class MissingLibrary(NetbuilderError, ImportError):
    """A system library that netbuilder loads is not installed."""


class StepError(NetbuilderError):
    """The kernel refused a step.

    Args:
        command: What a person would have typed.
        errno: The kernel's answer.
        detail: What it says beyond that, if anything.
        step: The `Step`, where one is at fault.
    """

    def __init__(self, command: str, errno: int, detail: str = "", step: object = None) -> None:
        name = errnos.errorcode.get(errno, str(errno))
        super().__init__(f"{quoted(command)} failed: {name}{f' ({detail})' if detail else ''}", HINTS.get(errno, ""))
        self.command = command
        self.errno = errno
        self.step = step


HINTS = {
    errnos.EEXIST: "something of that name or number is already there and is not netbuilder's: look with 'ip' or 'nft'",
    errnos.EXFULL: "a Linux bridge holds 1023 ports: use another network for the rest",
    errnos.EPERM: "CAP_NET_ADMIN and CAP_SYS_ADMIN are needed: use sudo, or Host.isolated()",
    errnos.ENODEV: "an interface that this step needs is gone: see what is missing with 'netbuilder diff'",
    errnos.ENOENT: "something that this step needs is gone: see what is missing with 'netbuilder diff'",
    errnos.EOPNOTSUPP: "this kernel was built without a feature that this step needs",
}


def quoted(command: str) -> str:
    """A command, in quotes; of one that is a whole text, the first line."""
    first, *more = command.splitlines() or [""]
    return f"'{first}{' …' if more else ''}'"


def shown(text: str, most: int = 40) -> str:
    """A string that may be hostile, quoted and short enough to print: so many characters of it at most."""
    return repr(text if len(text) <= most else text[:most] + "…")


def printable(text: str) -> str:
    """A string that may be hostile, as it is but for what a terminal would obey (control characters and the like)."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape", "replace").decode() for one in text)


def some(names: Iterable[str]) -> str:
    """A few names of many, for a message."""
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(ordered[:3]) + more


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that an unknown one is like, or nothing."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word[:80], known, 1)), "")


def suggestion(word: str, known: Iterable[str]) -> str:
    """What may have been meant by an unknown word, or nothing."""
    close = closest(word, known)
    return f"did you mean {close}?" if close else ""
