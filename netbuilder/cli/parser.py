"""The words of the command line. Imports little, as reading them must not cost what doing them does."""

from __future__ import annotations

import argparse

from netbuilder.cli import arguments, help
from netbuilder.cli.argparser import Parser, TopParser, Version

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from typing import Any


def parser() -> argparse.ArgumentParser:
    """The parser; what it gives has the command's name as `command`, and its arguments by name."""
    top = TopParser(
        prog="netbuilder",
        usage="netbuilder [-h] [--version] [-f FILE] [--env-file FILE] [--profile NAME]\n                  COMMAND ...",
        description=help.ABOUT,
        epilog=f"{_listed(_COMMANDS)}\n\n{help.TOUR}",
    )
    top.add_argument("--version", action=Version, nargs=0, default=argparse.SUPPRESS, help="print the version")
    arguments.files(top, ahead="ahead_")
    _add_commands(top, _COMMANDS, "command")
    return top


def _add_commands(parser: argparse.ArgumentParser, table: dict[str, tuple[Any, ...]], dest: str) -> None:
    # Without its own `prog`, argparse formats a usage to find one out, at a tenth of the time that all this takes.
    commands = parser.add_subparsers(
        dest=dest,
        metavar="COMMAND",
        prog=parser.prog,
        required=True,
        help=argparse.SUPPRESS,
        parser_class=Parser,
    )
    for name, (summary, more, example, *adders) in table.items():
        about = f"{summary[0].upper()}{summary[1:]}.\n{more}"
        command = commands.add_parser(name, description=about, epilog=f"example:\n  {example}")
        command.adders = adders


def _listed(table: dict[str, tuple[Any, ...]]) -> str:
    return "commands:\n" + "\n".join(f"  {name:12}{summary}" for name, (summary, *_) in table.items())


def _verbs(command: argparse.ArgumentParser) -> None:
    command.usage = f"{command.prog} [-h] COMMAND ..."
    command.epilog = f"{_listed(_OF_NETWORKS)}\n\n{command.epilog}"
    _add_commands(command, _OF_NETWORKS, "verb")


_CONNECT = (arguments.network_and_name, arguments.endpoint, arguments.verbose)
_DISCONNECT = (
    arguments.network_and_name,
    arguments.force("as with Docker; here it makes no difference"),
    arguments.verbose,
)
_OF_NETWORKS: dict[str, tuple[Any, ...]] = {
    "ls": ("list them, as netbuilder networks does", "", "sudo netbuilder network ls", arguments.output_format),
    "inspect": (
        "show them as docker network inspect does, as JSON",
        help.NETWORK_INSPECT,
        "sudo netbuilder network inspect lab | jq '.[].IPAM.Config'",
        arguments.networks,
    ),
    "create": (
        "make one, with Docker's options",
        help.NETWORK_CREATE,
        "sudo netbuilder network create --subnet 10.9.0.0/24 --internal lab",
        arguments.network_options,
        arguments.verbose,
    ),
    "rm": (
        "take some down, all or none; refused while a sandbox is on one",
        "",
        "sudo netbuilder network rm lab",
        arguments.networks,
        arguments.force("pass over what is not there"),
        arguments.verbose,
    ),
    "prune": (
        "take down those that no sandbox is on",
        "",
        "sudo netbuilder network prune -f",
        arguments.force("do not ask"),
        arguments.verbose,
    ),
    "connect": ("the same as netbuilder connect", help.CONNECT, "sudo netbuilder network connect back web", *_CONNECT),
    "disconnect": (
        "the same as netbuilder disconnect",
        help.DISCONNECT,
        "sudo netbuilder network disconnect back web",
        *_DISCONNECT,
    ),
}
"""The same of networks by themselves."""

_COMMANDS: dict[str, tuple[Any, ...]] = {
    "up": (
        "make it so; only what is missing is done",
        help.UP,
        "sudo netbuilder up -v -f lab.yaml",
        arguments.files,
        arguments.verbose,
        arguments.services,
    ),
    "plan": (
        "print all commands as a shell script that runs; needs no root",
        help.PLAN,
        "netbuilder plan -f lab.yaml > lab.sh && sudo sh lab.sh",
        arguments.files,
        arguments.services,
    ),
    "diff": (
        "print the commands that up would carry out on this host",
        help.DIFF,
        "sudo netbuilder diff -f lab.yaml && echo all is as it should be",
        arguments.files,
        arguments.services,
    ),
    "down": (
        "take back what FILE names, and a network with its last sandbox",
        help.DOWN,
        "sudo netbuilder down -f lab.yaml",
        arguments.files_or_all,
        arguments.listing,
        arguments.services,
    ),
    "ps": (
        "list sandboxes: mode, network, address, ports, and what is broken",
        help.PS,
        "sudo netbuilder ps --format json | jq '.[].endpoints[].addresses'",
        arguments.output_format,
    ),
    "networks": (
        "list networks: bridge, subnet, gateway, and what is broken",
        help.NETWORKS,
        "sudo netbuilder networks",
        arguments.output_format,
    ),
    "inspect": (
        "show a sandbox's wiring, commands, and what rewrites its packets",
        help.INSPECT,
        "sudo netbuilder inspect web",
        arguments.name,
        arguments.output_format,
    ),
    "links": (
        "show which veth of the host leads into which sandbox",
        help.LINKS,
        "sudo netbuilder links",
        arguments.output_format,
    ),
    "trace": (
        "follow one packet: the rules it meets, its NAT, and where it ends",
        help.TRACE,
        "sudo netbuilder trace web 192.0.2.2:9000",
        arguments.packet,
    ),
    "capture": (
        "record packets on the host and in sandboxes, and show the NAT",
        help.CAPTURE,
        "sudo netbuilder capture --published 8088 --summary -o way.pcapng web",
        arguments.capture,
    ),
    "connect": (
        "put a sandbox on one more network, while it runs",
        help.CONNECT,
        "sudo netbuilder connect --gw-priority 10 back web",
        *_CONNECT,
    ),
    "disconnect": (
        "take a sandbox off a network, while it runs",
        help.DISCONNECT,
        "sudo netbuilder disconnect back web",
        *_DISCONNECT,
    ),
    "publish": (
        "open more ports of the host that lead into a sandbox",
        help.PUBLISH,
        "sudo netbuilder publish web 8443:443 127.0.0.1:5353:53/udp",
        arguments.name_and_ports,
        arguments.verbose,
    ),
    "unpublish": (
        "close published ports of a sandbox",
        help.UNPUBLISH,
        "sudo netbuilder unpublish web 8443:443",
        arguments.name_and_ports,
        arguments.verbose,
    ),
    "network": (
        "list, show, make and take down networks by themselves",
        help.NETWORK,
        "sudo netbuilder network create --internal back",
        _verbs,
    ),
    "exec": (
        "run a command inside a sandbox; its exit status is ours",
        help.EXEC,
        "sudo netbuilder exec web -- ip -brief address",
        arguments.name_and_program,
    ),
    "isolated": (
        "run a command on a throw-away host of its own; needs no root",
        help.ISOLATED,
        "netbuilder isolated -- pytest -n 4",
        arguments.program,
    ),
    "completion": (
        "print what makes a shell complete these words",
        help.COMPLETION,
        "netbuilder completion fish | source",
        arguments.shell,
    ),
}
"""What each command is for, more about it, an example, and what adds its arguments."""
