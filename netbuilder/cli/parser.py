"""The words of the command line. Imports nothing but argparse: reading them must not cost what doing them does."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

_ABOUT = """\
Docker's four network modes on a bare Linux host: what a Compose file says about networking, made so, shown
command by command, compared with what stands, and taken back."""

_TOUR = """\
a first look:
  netbuilder plan -f lab.yaml            what would be done, as a shell script; needs no root
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

_FILE_HELP = "the Compose file, or - for standard input (default: compose.yaml of the working directory)"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a call in one line, with a hint, as for every other error."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        from netbuilder.cli.trouble import complain

        complain(message, f"see {self.prog} --help")
        self.exit(2)


class _Version(argparse.Action):
    """Prints the version; importing what finds it out is left until then."""

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
        words: Sequence[str] = values[1:] if values[:1] == ["--"] else values
        if not words:
            parser.error("a command to run is missing")
        setattr(namespace, self.dest, list(words))


def parser() -> argparse.ArgumentParser:
    """The parser; what it gives has the command's name as `command`, and its arguments by name."""
    top = _Parser(prog="netbuilder", description=_ABOUT, epilog=_TOUR)
    top.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="show the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", required=True)
    for add in (_up, _plan, _diff, _down, _ps, _inspect, _links, _exec):
        add(commands)
    return top


def _add(commands: Any, name: str, summary: str, more: str, example: str) -> argparse.ArgumentParser:
    """One command; its help ends with an example."""
    about = f"{summary[0].upper()}{summary[1:]}.{more and ' '}{more}"
    indented = example.replace("\n", "\n  ")
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=about, epilog=f"example:\n  {indented}"
    )
    return command


def _add_file(command: Any) -> None:
    command.add_argument("-f", "--file", metavar="FILE", help=_FILE_HELP)


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="for people or for programs (default: table)"
    )


def _up(commands: Any) -> None:
    command = _add(
        commands,
        "up",
        "make it so; only what is missing is done",
        "All of it, or on an error nothing.",
        "sudo netbuilder up -v -f lab.yaml",
    )
    _add_file(command)
    command.add_argument("-v", "--verbose", action="store_true", help="print each command as it is done, and why")


def _plan(commands: Any) -> None:
    command = _add(
        commands,
        "plan",
        "print the commands as a shell script that runs; no root, no kernel",
        "For a host\nwith nothing on it yet; see diff for this one.",
        "netbuilder plan -f lab.yaml > lab.sh\nsudo sh lab.sh",
    )
    _add_file(command)


def _diff(commands: Any) -> None:
    command = _add(
        commands,
        "diff",
        "print the commands that are still missing on this host",
        "Exit status 0 for none,\n1 for some, 2 for trouble.",
        "sudo netbuilder diff -f lab.yaml && echo all is as it should be",
    )
    _add_file(command)


def _down(commands: Any) -> None:
    command = _add(
        commands,
        "down",
        "take back what FILE names, and a network with its last sandbox",
        "What another file made stays.",
        "sudo netbuilder down -f lab.yaml\nsudo netbuilder down --all",
    )
    what = command.add_mutually_exclusive_group()
    _add_file(what)
    what.add_argument("--all", action="store_true", dest="everything", help="all that netbuilder made on this host")


def _ps(commands: Any) -> None:
    command = _add(
        commands,
        "ps",
        "list the sandboxes: mode, network, address, MAC, ports, namespace",
        """STATE is ok, or
gone if the namespace was taken away by somebody else; "netbuilder up" makes it again.

With --format json, a list of objects with the fields name, mode (bridge, host, container or none), network,
address, mac, ports (a list of objects with host_ip, host_port, sandbox_port and protocol), namespace (a path)
and state. What a sandbox has not is null; one in container mode has what the sandbox it lives with has.""",
        "sudo netbuilder ps --format json | jq -r '.[].address'",
    )
    _add_format(command)


def _inspect(commands: Any) -> None:
    command = _add(
        commands,
        "inspect",
        "show one sandbox: its wiring, what rewrites its packets, its commands",
        """

With --format json, an object with the fields of "netbuilder ps --format json", and prefix, gateway, bridge, veth,
mtu, adopted (the path of a namespace that was there before), packets_in and packets_out (lists of objects with
why and command: the DNAT and MASQUERADE that rewrite them) and commands (a list of the same).""",
        "sudo netbuilder inspect web",
    )
    command.add_argument("name", metavar="NAME", help="the sandbox")
    _add_format(command)


def _links(commands: Any) -> None:
    command = _add(
        commands,
        "links",
        "show which veth on the host leads into which sandbox",
        """The two ends
are matched by interface index and namespace id, as the kernel knows them, not by name.

With --format json, a list of objects with the fields veth, ifindex, bridge, sandbox, interface, peer_ifindex and
netnsid.""",
        "sudo netbuilder links",
    )
    _add_format(command)


def _exec(commands: Any) -> None:
    command = _add(
        commands,
        "exec",
        "run a command inside a sandbox; its exit status is ours",
        "126 if it can't be run,\n127 if there is no such command. Options after CMD are its own.",
        "sudo netbuilder exec web -- ip -brief address",
    )
    command.usage = "netbuilder exec [-h] NAME [--] CMD [ARG ...]"
    command.add_argument("name", metavar="NAME", help="the sandbox")
    command.add_argument("program", metavar="CMD", nargs=argparse.REMAINDER, action=_Program, help="what to run")
