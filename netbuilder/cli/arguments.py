"""What the commands are given: each function adds arguments to the parser of a command that has them."""

from __future__ import annotations

import argparse

from netbuilder.cli.argparser import File, Files, Program

TYPE_CHECKING = False  # as in `typing`, whose import would take as long as all else here
if TYPE_CHECKING:
    from typing import Any


def files(command: Any, ahead: str = "") -> None:
    """The Compose files of a project, its variables and its profiles.

    Args:
        command: What takes them.
        ahead: What is put before their names where they stand ahead of the command.
    """
    add = command.add_argument
    add(
        "-f",
        "--file",
        dest=f"{ahead}file",
        metavar="FILE",
        action=Files,
        default=[],
        help="a Compose file, or - for standard input; several are merged (default: compose.yaml and"
        " compose.override.yaml in the working directory or above)",
    )
    add(
        "--env-file",
        dest=f"{ahead}env_file",
        metavar="FILE",
        action=Files,
        default=[],
        help="variables for ${NAME}, behind those of the environment (default: .env beside the Compose file)",
    )
    add(
        "--profile",
        dest=f"{ahead}profile",
        metavar="NAME",
        action=Files,
        default=[],
        help='services of this profile too; "*" for all (default: $COMPOSE_PROFILES)',
    )


def services(command: argparse.ArgumentParser) -> None:
    """Services of the file, by name."""
    command.add_argument(
        "services",
        metavar="SERVICE",
        nargs="*",
        help="just these services (default: all of the file's, and of the profiles)",
    )


def verbose(command: argparse.ArgumentParser) -> None:
    """Whether to print each command."""
    command.add_argument("-v", "--verbose", action="store_true", help="print each command as it is done, and why")


def listing(command: argparse.ArgumentParser) -> None:
    """Whether to list all that goes."""
    command.add_argument("-v", "--verbose", action="store_true", help="list what goes, even if that is hundreds")


def files_or_all(command: argparse.ArgumentParser) -> None:
    """The Compose files, or all there is."""
    files(command)
    command.add_argument("--all", action="store_true", dest="everything", help="all that netbuilder made on this host")


def shell(command: argparse.ArgumentParser) -> None:
    """The shell to complete words for."""
    command.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def name(command: argparse.ArgumentParser) -> None:
    """The name of a sandbox."""
    command.add_argument("name", metavar="NAME", help="the sandbox")


def output_format(command: argparse.ArgumentParser) -> None:
    """For whom the output is."""
    command.add_argument(
        "--format", choices=("table", "json"), default="table", help="for people or for programs (default: table)"
    )


def packet(command: argparse.ArgumentParser) -> None:
    """A packet to follow, and for how long."""
    add = command.add_argument
    add("sender", metavar="FROM", help="a sandbox, host, or with --watch outside")
    add("to", metavar="TO[:PORT]", help="a sandbox, host, or an address, as in [::1]:80; without PORT it is a ping")
    add("-u", "--udp", action="store_true", help="UDP (default: TCP, or a ping)")
    add("-w", "--watch", action="store_true", help="send none, and take the next that somebody sends")
    add("--timeout", metavar="SECONDS", help="how long to wait (default: 1, with --watch 60)")
    add("-v", "--verbose", action="store_true", help="print each rule as nft lists it")
    kinds = ("table", "json", "svg")
    add("--format", choices=kinds, default=kinds[0], help="for people, for programs, or a picture (default: table)")


def name_and_program(command: argparse.ArgumentParser) -> None:
    """A sandbox, and what to run in it."""
    name(command)
    program(command, "NAME ")


def program(command: argparse.ArgumentParser, ahead: str = "") -> None:
    """What to run."""
    command.usage = f"{command.prog} [-h] {ahead}[--] CMD [ARG ...]"
    command.add_argument("program", metavar="CMD", nargs=argparse.REMAINDER, action=Program, help="what to run")


def capture(command: argparse.ArgumentParser) -> None:
    """What to listen to, and what of it to keep."""
    add = command.add_argument
    add("names", metavar="NAME", nargs="*", help="just these sandboxes (default: all, or those that --published is of)")
    add("-o", "--output", metavar="FILE", action=File, help="the pcapng file to write, or - for standard output")
    add("--published", metavar="PORT", help="just what belongs to this port of the host, on both sides of the NAT")
    add("--filter", metavar="EXPRESSION", default="", help="just that, in tcpdump's language: host web and icmp")
    add("--tap", dest="also", metavar="WHAT", action="append", default=[], help="also: bridge, veth, or an interface")
    add("-c", "--packets", metavar="N", type=int, help="end after so many; a packet counts at each interface")
    add("--seconds", metavar="N", type=float, help="end after so long")
    add("--summary", action="store_true", help="tell each packet, and what changed of it, as without -o")


def network_and_name(command: argparse.ArgumentParser) -> None:
    """A network and a sandbox, in the order that Docker has them in."""
    command.add_argument("network", metavar="NETWORK", help="the network")
    name(command)


def endpoint(command: argparse.ArgumentParser) -> None:
    """What an endpoint is to be like, in Docker's words."""
    add = command.add_argument
    add("--ip", metavar="ADDRESS", help="its IPv4 address (default: the next free one)")
    add("--ip6", metavar="ADDRESS", help="its IPv6 address (default: the next free one)")
    add("--gw-priority", metavar="N", help="the network with the highest has the default route (default: 0)")
    add("--mac-address", metavar="MAC", help="its MAC address (default: follows from the address)")
    add("--link-local-ip", metavar="ADDRESS", action="append", default=[], help="one more, for this link alone")
    add("--driver-opt", metavar="KEY=VALUE", action="append", default=[], help="see above")
    add("--alias", metavar="NAME", action="append", default=[], help="passed over: no names are served yet")


def name_and_ports(command: argparse.ArgumentParser) -> None:
    """A sandbox, and ports in the syntax of `docker run -p`."""
    name(command)
    command.add_argument(
        "ports", metavar="PORT", nargs="+", help="as in docker run -p: [HOST_IP:][HOST_PORT:]PORT[/udp]"
    )


def network_options(command: argparse.ArgumentParser) -> None:
    """A network, and what it is to be like, in Docker's words."""
    add = command.add_argument
    add("name", metavar="NETWORK", help="its name")
    add("-d", "--driver", choices=("bridge",), default="bridge", help="bridge, the one that there is")
    add("--subnet", metavar="CIDR", action="append", default=[], help="its subnet, one a family (default: a free one)")
    add("--gateway", metavar="ADDRESS", action="append", default=[], help="the bridge's address in a subnet")
    add("--ip-range", metavar="CIDR", action="append", default=[], help="where free addresses are taken from")
    add("--aux-address", metavar="NAME=ADDRESS", action="append", default=[], help="an address that no sandbox gets")
    add("--ipv4=false", dest="ipv4", action="store_false", help="no IPv4 on it")
    add("--ipv6", "--ipv6=true", dest="ipv6", action="store_true", help="IPv6 on it")
    add("--internal", "--internal=true", dest="internal", action="store_true", help="nothing leads in or out")
    add("--label", metavar="KEY=VALUE", action="append", default=[], help="a label")
    add("-o", "--opt", metavar="KEY=VALUE", action="append", default=[], help="see above")


def networks(command: argparse.ArgumentParser) -> None:
    """Names of networks."""
    command.add_argument("names", metavar="NETWORK", nargs="+", help="the networks")


def force(help: str) -> Any:
    """What Docker calls force, and what that comes to."""

    def add(command: argparse.ArgumentParser) -> None:
        command.add_argument("-f", "--force", action="store_true", help=help)

    return add
