"""The words of the command line. Imports little, as reading them must not cost what doing them does."""

from __future__ import annotations

import argparse
import os

from netbuilder.cli import help, output

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from typing import Any, NoReturn

_WIDTH = 80


def parser() -> argparse.ArgumentParser:
    """The parser; what it gives has the command's name as `command`, and its arguments by name."""
    summaries = "\n".join(f"  {name:12}{summary}" for name, (summary, *_) in _COMMANDS.items())
    top = _Top(
        prog="netbuilder",
        usage="netbuilder [-h] [--version] [-f FILE] COMMAND ...",
        description=help.ABOUT,
        epilog=f"commands:\n{summaries}\n\n{help.TOUR}",
    )
    top.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    _file(top, dest="ahead", help="the Compose file, for the commands that take one")
    # Without its own `prog`, argparse formats a usage to find one out, at a tenth of the time that all this takes.
    commands = top.add_subparsers(
        dest="command",
        metavar="COMMAND",
        prog="netbuilder",
        required=True,
        help=argparse.SUPPRESS,
        parser_class=_Parser,
    )
    for name, (summary, more, example, *arguments) in _COMMANDS.items():
        about = f"{summary[0].upper()}{summary[1:]}.\n{more}"
        command = commands.add_parser(name, description=about, epilog=f"example:\n  {example}")
        for add in arguments:
            add(command)
    return top


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as what stands in `texts`, or as a narrower terminal."""

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

    def error(self, message: str, hint: str = "") -> NoReturn:
        """End with status 2."""
        from netbuilder.cli.errors import complain

        complain(message, hint or f"see {self.prog} --help")
        raise SystemExit(2)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is none of the choices, with the one that may have been meant."""
        if action.choices is None or value in action.choices:
            return
        from difflib import get_close_matches

        from netbuilder.errors import shown

        close = get_close_matches(str(value), action.choices, 1)
        meant = f"did you mean {close[0]}? " if close else ""
        what = "command" if action.dest == "command" else "/".join(action.option_strings) or action.metavar
        self.error(f"there is no {what} {shown(str(value))}", f"{meant}see {self.prog} --help")

    def print_help(self, file: Any = None) -> None:
        """Print it on standard output, where argparse would take another if there is none."""
        output.check()
        super().print_help(file)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """End, once what was printed has arrived."""
        output.check()
        super().exit(status, message)


class _Top(_Parser):
    """Takes the file ahead of the command too, as Compose does."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The arguments by name, with the file as `file`, wherever it was named."""
        given = super().parse_args(args, namespace)
        if getattr(given, "everything", False) and given.services:
            self.error("argument --all: not allowed with SERVICE")
        ahead = given.__dict__.pop("ahead")
        if ahead is None:
            return given
        if not hasattr(given, "file"):
            self.error(f"-f is given, and {given.command} takes no file")
        if given.file is not None:
            self.error("-f is given twice: one file at a time")
        if getattr(given, "everything", False):
            self.error("argument --all: not allowed with argument -f/--file")
        given.file = ahead
        return given


class _Version(argparse.Action):
    """Prints the version; what finds it out is imported only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("netbuilder-sandbox")
        except PackageNotFoundError:
            number = "(not installed)"
        output.say(f"netbuilder {number}")
        parser.exit()


class _File(argparse.Action):
    """A file's name: one, and not an empty one, as an unset variable of a shell's gives it."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if not values:
            parser.error(f"{option} is given an empty name")
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option} is given twice: one file at a time")
        setattr(namespace, self.dest, values)


class _Program(argparse.Action):
    """A program and its arguments, without the -- that may stand ahead of them."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        words = values[1:] if values[:1] == ["--"] else values
        if not words:
            parser.error("a command to run is missing")
        setattr(namespace, self.dest, words)


def _file(command: Any, dest: str = "file", help: str = "") -> None:
    command.add_argument(
        "-f",
        "--file",
        dest=dest,
        metavar="FILE",
        action=_File,
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


def _program(command: argparse.ArgumentParser) -> None:
    command.usage = "netbuilder exec [-h] NAME [--] CMD [ARG ...]"
    command.add_argument("program", metavar="CMD", nargs=argparse.REMAINDER, action=_Program, help="what to run")


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
        "show a sandbox's wiring, its commands, and what rewrites its packets",
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
        _name,
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
