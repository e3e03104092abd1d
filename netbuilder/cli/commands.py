"""What each command does. Each imports only what it needs: a plan needs no kernel, a listing no YAML."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from shutil import which
from typing import TYPE_CHECKING

from netbuilder.cli.output import say

if TYPE_CHECKING:
    from netbuilder.engine.report import Change, Changes
    from netbuilder.host import Host, LiveSandbox
    from netbuilder.steps import Step

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127  # as a shell has it


def up(file: str | None, verbose: bool) -> int:
    """Make it so, and say what was created, updated or repaired."""
    from netbuilder.cli.compose_file import read

    specs = read(file)
    with closing(_host()) as host, _telling_interrupts():
        _report(host.apply(*specs, watch=_print if verbose else lambda step: None))
    return 0


def plan(file: str | None) -> int:
    """Print all commands, for a host with nothing on it."""
    from netbuilder.cli.compose_file import read
    from netbuilder.recipes.units import units, whole
    from netbuilder.resolve import resolve

    say(whole(units(resolve(read(file)))).script(), end="")
    return 0


def diff(file: str | None) -> int:
    """Print the commands that `up` would carry out, and as comments what takes none; 1 if there is anything."""
    from netbuilder.cli.compose_file import read

    specs = read(file)
    with closing(_host()) as host:
        changes = host.diff(*specs)
    if changes.plan:
        say(changes.script(), end="")
    for change in changes:
        if change.action != "unchanged" and not change.steps:
            say(f"# {change.kind} {change.name}: to be {change.action}, which takes no commands")
    return 1 if changes else 0


def down(file: str | None, everything: bool) -> int:
    """Take back what a file names, or all there is."""
    from netbuilder.cli.compose_file import read

    specs = () if everything else read(file)
    with closing(_host()) as host, _telling_interrupts():
        _report(host.destroy_all() if everything else host.take_down(*specs))
    return 0


def ps(format: str) -> int:
    """List the sandboxes."""
    from netbuilder.cli import report, show

    with closing(_host()) as host:
        seen = [report.summary(one) for one in host.sandboxes()]
    (show.json if format == "json" else show.sandboxes)(seen)
    return 0


def inspect(name: str, format: str) -> int:
    """Show one sandbox."""
    from netbuilder.cli import report, show

    name = _checked(name)
    with closing(_host()) as host:
        seen = report.details(host[name])
    (show.json if format == "json" else show.sandbox)(seen)
    return 0


def links(format: str) -> int:
    """Show which veth leads where."""
    from netbuilder.cli import show

    with closing(_host()) as host:
        pairs = [pair._asdict() for pair in host.links()]
    (show.json if format == "json" else show.links)(pairs)
    return 0


def isolated(program: list[str]) -> int:
    """Become a program on a host of its own."""
    from netbuilder.kernel import own_host

    own_host.become()
    return _become(program)


def execute(name: str, program: list[str]) -> int:
    """Become a program inside a sandbox. It is the caller's, as with `ip netns exec`: `down` does not end it."""
    name = _checked(name)
    with closing(_host()) as host:
        sandbox = host[name]
        _refuse_if_gone(sandbox)
        sandbox.move_in()
        return _become(program)


COMMANDS: dict[str, Callable[..., int]] = {
    "up": up,
    "plan": plan,
    "diff": diff,
    "down": down,
    "ps": ps,
    "inspect": inspect,
    "links": links,
    "exec": execute,
    "isolated": isolated,
}
"""What to call for each command, with its arguments by name; it returns the exit status."""


def _host() -> Host:
    """The host we are on; closing it leaves standing what was made."""
    import logging

    from netbuilder.host import Host

    logging.basicConfig(format="netbuilder: warning: %(message)s")
    return Host.current()


def _checked(name: str) -> str:
    """The name, if it can be one at all: a hostile one gets no further."""
    from netbuilder.spec import Sandbox

    return Sandbox(name=name).name


def _refuse_if_gone(sandbox: LiveSandbox) -> None:
    from netbuilder.cli.report import is_gone
    from netbuilder.errors import NetbuilderError

    if is_gone(sandbox):
        raise NetbuilderError(
            f"{sandbox.namespace}, the namespace of {sandbox.name}, is gone", "make it again: netbuilder up"
        )


def _become(program: list[str]) -> int:
    from netbuilder.cli.errors import complain

    # Python ignores these two for itself, and a program would inherit it.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        if "/" not in program[0] and which(program[0], os.F_OK) is None:
            raise FileNotFoundError  # execvp(3) would speak of a directory on the PATH that it may not read
        os.execvp(program[0], program)
    except (FileNotFoundError, NotADirectoryError):
        complain(f"{program[0]}: command not found", "inside are the host's files and PATH, and a network of its own")
        return _NOT_FOUND
    except OSError as error:
        complain(f"{program[0]}: can't be run: {error.strerror}")
        return _NOT_EXECUTABLE


@contextmanager
def _telling_interrupts() -> Iterator[None]:
    """What an interrupt left, on standard error."""
    from netbuilder.cli.errors import note

    try:
        yield
    except KeyboardInterrupt as interrupt:
        for left in getattr(interrupt, "__notes__", ()):
            note(f"interrupted: {left}")
        raise


def _print(step: Step) -> None:
    say(f"# {step.because}\n{step.command()}", flush=True)


def _report(changes: Changes) -> None:
    """A line for each network and sandbox that is not as it was, or stays though it was to go; as Compose has it."""
    lines = [_line(change) for change in changes if change.action != "unchanged" or change.users]
    say("\n".join(lines) or "nothing to do")


def _line(change: Change) -> str:
    from netbuilder.errors import some

    what = f"In use by {some(change.users)}" if change.users else change.action.capitalize()
    name = f"{change.kind.capitalize():8}{change.name}" if change.name else change.kind.capitalize()
    return f" {'-' if change.users else '✔'} {name}  {what}"
