"""The words of the command line. Imports little, as reading them must not cost what doing them does."""

from __future__ import annotations

import argparse

from netbuilder.cli import help
from netbuilder.cli.argparser import File, Parser, Program, TopParser, Version

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from typing import Any


def parser() -> argparse.ArgumentParser:
    """The parser; what it gives has the command's name as `command`, and its arguments by name."""
    summaries = "\n".join(f"  {name:12}{summary}" for name, (summary, *_) in _COMMANDS.items())
    top = TopParser(
        prog="netbuilder",
        usage="netbuilder [-h] [--version] [-f FILE] COMMAND ...",
        description=help.ABOUT,
        epilog=f"commands:\n{summaries}\n\n{help.TOUR}",
    )
    top.add_argument("--version", action=Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    _file(top, dest="ahead", help="the Compose file, for the commands that take one")
    # Without its own `prog`, argparse formats a usage to find one out, at a tenth of the time that all this takes.
    commands = top.add_subparsers(
        dest="command",
        metavar="COMMAND",
        prog="netbuilder",
        required=True,
        help=argparse.SUPPRESS,
        parser_class=Parser,
    )
    for name, (summary, more, example, *arguments) in _COMMANDS.items():
        about = f"{summary[0].upper()}{summary[1:]}.\n{more}"
        command = commands.add_parser(name, description=about, epilog=f"example:\n  {example}")
        for add in arguments:
            add(command)
    return top


def _file(command: Any, dest: str = "file", help: str = "") -> None:
    command.add_argument(
        "-f",
        "--file",
        dest=dest,
        metavar="FILE",
        action=File,
        help=help or "the Compose file, or - for standard input (default: compose.yaml in the working directory)",
    )


def _services(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "services", metavar="SERVICE", nargs="*", help="just these services of the file (default: all that it says)"
    )


def _verbose(command: argparse.ArgumentParser) -> None:
    command.add_argument("-v", "--verbose", action="store_true", help="print each command as it is done, and why")


def _list(command: argparse.ArgumentParser) -> None:
    command.add_argument("-v", "--verbose", action="store_true", help="list what goes, even if that is hundreds")


def _file_or_all(command: argparse.ArgumentParser) -> None:
    either = command.add_mutually_exclusive_group()
    _file(either)
    either.add_argument("--all", action="store_true", dest="everything", help="all that netbuilder made on this host")


def _shell(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def _name(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", metavar="NAME", help="the sandbox")


def _format(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="for people or for programs (default: table)"
    )


def _name_and_program(command: argparse.ArgumentParser) -> None:
    _name(command)
    _program(command, "NAME ")


def _program(command: argparse.ArgumentParser, ahead: str = "") -> None:
    command.usage = f"{command.prog} [-h] {ahead}[--] CMD [ARG ...]"
    command.add_argument("program", metavar="CMD", nargs=argparse.REMAINDER, action=Program, help="what to run")


_COMMANDS: dict[str, tuple[Any, ...]] = {
    "up": (
        "make it so; only what is missing is done",
        help.UP,
        "sudo netbuilder up -v -f lab.yaml",
        _file,
        _verbose,
        _services,
    ),
    "plan": (
        "print all commands as a shell script that runs; needs no root",
        help.PLAN,
        "netbuilder plan -f lab.yaml > lab.sh && sudo sh lab.sh",
        _file,
        _services,
    ),
    "diff": (
        "print the commands that up would carry out on this host",
        help.DIFF,
        "sudo netbuilder diff -f lab.yaml && echo all is as it should be",
        _file,
        _services,
    ),
    "down": (
        "take back what FILE names, and a network with its last sandbox",
        help.DOWN,
        "sudo netbuilder down -f lab.yaml",
        _file_or_all,
        _list,
        _services,
    ),
    "ps": (
        "list sandboxes: mode, network, address, ports, and what is broken",
        help.PS,
        "sudo netbuilder ps --format json | jq '.[].endpoints[].addresses'",
        _format,
    ),
    "networks": (
        "list networks: bridge, subnet, gateway, and what is broken",
        help.NETWORKS,
        "sudo netbuilder networks",
        _format,
    ),
    "inspect": (
        "show a sandbox's wiring, commands, and what rewrites its packets",
        help.INSPECT,
        "sudo netbuilder inspect web",
        _name,
        _format,
    ),
    "links": (
        "show which veth of the host leads into which sandbox",
        help.LINKS,
        "sudo netbuilder links",
        _format,
    ),
    "exec": (
        "run a command inside a sandbox; its exit status is ours",
        help.EXEC,
        "sudo netbuilder exec web -- ip -brief address",
        _name_and_program,
    ),
    "isolated": (
        "run a command on a throw-away host of its own; needs no root",
        help.ISOLATED,
        "netbuilder isolated -- pytest -n 4",
        _program,
    ),
    "completion": (
        "print what makes a shell complete these words",
        help.COMPLETION,
        "netbuilder completion fish | source",
        _shell,
    ),
}
"""What each command is for, more about it, an example, and what adds its arguments."""
