"""The words of the command line. Imports little, as reading them must not cost what doing them does."""

from __future__ import annotations

import argparse
import os

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from typing import Any, NoReturn

_WIDTH = 80

_ABOUT = """\
Docker's four network modes on a bare Linux host: what a Compose file says about
networking is made so, shown command by command, compared with what stands, and
taken back."""

_TOUR = """\
a first look:
  netbuilder plan -f lab.yaml            what would be done, as a shell script
  sudo netbuilder up -v -f lab.yaml      do it, and show each command
  sudo netbuilder ps                     what stands
  sudo netbuilder exec web -- ip addr    a look from inside
  sudo netbuilder down -f lab.yaml       take it back

FILE is a Compose file, like this one:
  services:
    web: { networks: [lab], ports: ["8088:80"] }
    db: { networks: [lab] }
  networks:
    lab: {}

exit status: 0, 1 for a failure, 2 for a bad call or file"""

_UP = "All of it is done, or on an error nothing."

_PLAN = "They are for a host with nothing on it yet; see diff for this one."

_DIFF = "Exit status 0 if none is missing, 1 if some are, 2 for trouble."

_DOWN = "What another file made stays."

_PS = """\
STATE is ok, or gone if somebody took the namespace away: "netbuilder up" makes
it again.

--format json gives a list of objects with the fields name, mode (bridge, host,
container or none), network, address, mac, ports (a list of objects with
host_ip, host_port, sandbox_port and protocol), namespace (a path) and state.
What a sandbox does not have is null; in container mode it has what the sandbox
has whose namespace it shares."""

_INSPECT = """\
--format json gives an object with the fields of "netbuilder ps --format json",
and prefix, gateway, bridge, veth, mtu, adopted (the path of a namespace that
was there before), packets_in and packets_out (the DNAT and MASQUERADE that
rewrite its packets) and commands: lists of objects with why and command."""

_LINKS = """\
The two ends are matched by interface index and namespace id, as the kernel
knows them, and not by name.

--format json gives a list of objects with the fields veth, ifindex, bridge,
sandbox, interface, peer_ifindex and netnsid."""

_EXEC = """\
Exit status 126 if it can't be run, 127 if there is no such command. Options
after CMD are its own."""


def parser() -> argparse.ArgumentParser:
    """The parser; what it gives has the command's name as `command`, and its arguments by name."""
    summaries = "\n".join(f"  {name:10}{summary}" for name, (summary, *_) in _COMMANDS.items())
    top = _Parser(
        prog="netbuilder",
        usage="netbuilder [-h] [--version] COMMAND ...",
        description=_ABOUT,
        epilog=f"commands:\n{summaries}\n\n{_TOUR}",
    )
    top.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    # Without its own `prog`, argparse formats a usage to find one out, at a tenth of the time that all this takes.
    commands = top.add_subparsers(
        dest="command", metavar="COMMAND", prog="netbuilder", required=True, help=argparse.SUPPRESS
    )
    for name, (summary, more, example, *arguments) in _COMMANDS.items():
        about = f"{summary[0].upper()}{summary[1:]}.\n{more}"
        command = commands.add_parser(name, description=about, epilog=f"example:\n  {example}")
        for add in arguments:
            add(command)
    return top


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as what stands in this file, or as a narrower terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


def _width() -> int:
    try:
        return min(_WIDTH, os.get_terminal_size().columns)
    except OSError:
        return _WIDTH


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line, with a hint, as for every other error."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=_Help)

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        from netbuilder.cli.trouble import complain

        complain(message, f"see {self.prog} --help")
        self.exit(2)


class _Version(argparse.Action):
    """Prints the version; what finds it out is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("netbuilder-sandbox")
        except PackageNotFoundError:
            number = "(not installed)"
        print(f"netbuilder {number}")
        parser.exit()


class _Program(argparse.Action):
    """A program and its arguments, without the -- that may stand ahead of them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        words = values[1:] if values[:1] == ["--"] else values
        if not words:
            parser.error("a command to run is missing")
        setattr(namespace, self.dest, words)


def _file(command: Any) -> None:
    command.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="the Compose file, or - for standard input (default: compose.yaml in the working directory)",
    )


def _verbose(command: argparse.ArgumentParser) -> None:
    command.add_argument("-v", "--verbose", action="store_true", help="print each command as it is done, and why")


def _file_or_all(command: argparse.ArgumentParser) -> None:
    either = command.add_mutually_exclusive_group()
    _file(either)
    either.add_argument("--all", action="store_true", dest="everything", help="all that netbuilder made on this host")


def _name(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="the sandbox")


def _format(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="for people or for programs (default: table)"
    )


def _program(command: argparse.ArgumentParser) -> None:
    command.usage = "netbuilder exec [-h] NAME [--] CMD [ARG ...]"
    command.add_argument("program", metavar="CMD", nargs=argparse.REMAINDER, action=_Program, help="what to run")


_COMMANDS: dict[str, tuple[Any, ...]] = {
    "up": ("make it so; only what is missing is done", _UP, "sudo netbuilder up -v -f lab.yaml", _file, _verbose),
    "plan": (
        "print all commands as a shell script that runs; needs no root",
        _PLAN,
        "netbuilder plan -f lab.yaml > lab.sh && sudo sh lab.sh",
        _file,
    ),
    "diff": (
        "print the commands that are still missing on this host",
        _DIFF,
        "sudo netbuilder diff -f lab.yaml && echo all is as it should be",
        _file,
    ),
    "down": (
        "take back what FILE names, and a network with its last sandbox",
        _DOWN,
        "sudo netbuilder down -f lab.yaml",
        _file_or_all,
    ),
    "ps": (
        "list sandboxes: mode, network, address, MAC, ports, namespace",
        _PS,
        "sudo netbuilder ps --format json | jq -r '.[].address'",
        _format,
    ),
    "inspect": (
        "show a sandbox's wiring, its commands, and what rewrites its packets",
        _INSPECT,
        "sudo netbuilder inspect web",
        _name,
        _format,
    ),
    "links": (
        "show which veth of the host leads into which sandbox",
        _LINKS,
        "sudo netbuilder links",
        _format,
    ),
    "exec": (
        "run a command inside a sandbox; its exit status is ours",
        _EXEC,
        "sudo netbuilder exec web -- ip -brief address",
        _name,
        _program,
    ),
}
"""What each command is for, more about it, an example, and what adds its arguments."""
