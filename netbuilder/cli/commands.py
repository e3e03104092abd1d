"""What each command does. Each imports only what it needs: a plan needs no kernel, a listing no YAML."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from shutil import which
from typing import TYPE_CHECKING, Any

from netbuilder.cli import live, network
from netbuilder.cli.output import say
from netbuilder.cli.session import checked, telling_interrupts, this_host
from netbuilder.cli.trace import trace

if TYPE_CHECKING:
    from netbuilder.host import LiveSandbox
    from netbuilder.steps import Step

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127  # as a shell has it


def up(services: list[str], verbose: bool, **files: list[str]) -> int:
    """Make it so, and say what was created, updated or repaired."""
    from netbuilder.cli.changes import progress, report
    from netbuilder.cli.compose_file import opened
    from netbuilder.cli.orphans import orphans, warn_of

    with telling_interrupts() as done, opened(**files) as composed:
        specs = composed.needed_by(*services) if services else composed.specs
        with closing(this_host()) as host:
            with progress(() if verbose else specs) as show:
                changes = host.apply(*specs, watch=_print if verbose else show)
            done.append("all was done by then, and stands")
            report(changes, each=verbose)
            warn_of(orphans(host, composed))
    return 0


def plan(services: list[str], **files: list[str]) -> int:
    """Print all commands, for a host with nothing on it."""
    from netbuilder.cli.compose_file import opened
    from netbuilder.recipes.units import units, whole
    from netbuilder.resolve import resolve

    with opened(**files) as composed:
        specs = composed.needed_by(*services) if services else composed.specs
        say(whole(units(resolve(specs))).script(), end="")
    return 0


def diff(services: list[str], **files: list[str]) -> int:
    """Print the commands that `up` would carry out, and as comments what takes none; 1 if there is anything."""
    from netbuilder.cli.compose_file import opened

    with opened(**files) as composed, closing(this_host()) as host:
        changes = host.diff(*(composed.needed_by(*services) if services else composed.specs))
    if changes.plan:
        say(changes.script(), end="")
    for change in changes:
        if change.action != "unchanged" and not change.steps:
            say(f"# {change.kind} {change.name}: to be {change.action}, which takes no commands")
    return 1 if changes else 0


def down(services: list[str], everything: bool, verbose: bool, **files: list[str]) -> int:
    """Take back what a file names, or all there is."""
    from netbuilder.cli.changes import report

    with telling_interrupts() as done:
        if everything:
            with closing(this_host()) as host:
                changes = host.destroy_all()
        else:
            from netbuilder.cli.compose_file import opened
            from netbuilder.cli.orphans import named

            with opened(**files) as composed, closing(this_host()) as host:
                changes = host.take_down(*(named(services, host, composed) if services else composed.specs))
        done.append("all that was to go is taken back")
        report(changes, each=verbose)
    return 0


def ps(format: str) -> int:
    """List the sandboxes."""
    from netbuilder.cli import report, show

    with closing(this_host()) as host:
        seen = report.sandboxes(host)
    if format == "json":
        show.json(list(map(show.each_port, seen)))
    else:
        show.sandboxes(seen)
    return 0


def networks(format: str) -> int:
    """List the networks."""
    from netbuilder.cli import report, show

    with closing(this_host()) as host:
        seen = report.networks(host)
    (show.json if format == "json" else show.networks)(seen)
    return 0


def inspect(name: str, format: str) -> int:
    """Show one sandbox."""
    from netbuilder.cli import report, show

    name = checked(name)
    with closing(this_host()) as host:
        seen = report.details(host[name])
    if format == "json":
        show.json(show.each_port(seen))
    else:
        show.sandbox(seen)
    return 0


def links(format: str) -> int:
    """Show which veth leads where."""
    from netbuilder.cli import show

    with closing(this_host()) as host:
        pairs = [pair._asdict() for pair in host.links()]
    (show.json if format == "json" else show.links)(pairs)
    return 0


def capture(**arguments: Any) -> int:
    """Record what passes."""
    from netbuilder.cli.capture import capture

    return capture(**arguments)


def isolated(program: list[str]) -> int:
    """Become a program on a host of its own."""
    from netbuilder.kernel import own_host

    own_host.become()
    return _become(program)


def execute(name: str, program: list[str]) -> int:
    """Become a program inside a sandbox. It is the caller's, as with `ip netns exec`: `down` does not end it."""
    name = checked(name)
    with closing(this_host()) as host:
        sandbox = host[name]
        _refuse_if_gone(sandbox)
        sandbox.move_in()
        return _become(program)


def completion(shell: str) -> int:
    """Print what makes a shell complete our words."""
    from pathlib import Path

    say(Path(__file__).with_name("completion").joinpath(f"netbuilder.{shell}").read_text(encoding="utf-8"), end="")
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "up": up,
    "plan": plan,
    "diff": diff,
    "down": down,
    "ps": ps,
    "networks": networks,
    "inspect": inspect,
    "links": links,
    "trace": trace,
    "capture": capture,
    "connect": live.connect,
    "disconnect": live.disconnect,
    "publish": live.publish,
    "unpublish": live.unpublish,
    "network ls": networks,
    "network inspect": network.inspect,
    "network create": network.create,
    "network rm": network.rm,
    "network prune": network.prune,
    "network connect": live.connect,
    "network disconnect": live.disconnect,
    "exec": execute,
    "isolated": isolated,
    "completion": completion,
}
"""What to call for each command, with its arguments by name; it returns the exit status."""


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


def _print(step: Step) -> None:
    say(f"# {step.because}\n{step.command()}", flush=True)
