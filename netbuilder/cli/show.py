"""Tables for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json import dumps
from typing import Any

from netbuilder.cli.output import say

_NOTHING = "-"
_GAP = "  "

_VETH_PAIR = {
    "VETH": "veth",
    "IFINDEX": "ifindex",
    "BRIDGE": "bridge",
    "SANDBOX": "sandbox",
    "INTERFACE": "interface",
    "PEER IFINDEX": "peer_ifindex",
    "NETNSID": "netnsid",
}


def json(value: object) -> None:
    """Print a value as JSON."""
    say(dumps(value, indent=2))


def sandboxes(seen: Sequence[dict[str, Any]]) -> None:
    """The table of `ps`."""
    headings = ["NAME", "MODE", "NETWORK", "ADDRESS", "MAC", "PORTS", "NAMESPACE", "STATE"]
    rows = [
        [
            one["name"],
            _mode(one),
            one["network"],
            one["address"],
            one["mac"],
            _ports(one),
            _namespace(one),
            one["state"],
        ]
        for one in seen
    ]
    _table(headings, rows, "no sandboxes on this host yet: netbuilder up makes some")


def sandbox(seen: dict[str, Any]) -> None:
    """The page of `inspect`: two columns, and the commands."""
    _table(["NAME", seen["name"]], list(_facts(seen)))
    for step in seen["commands"]:
        say(f"\n# {step['why']}\n{step['command']}")


def links(seen: Iterable[dict[str, Any]]) -> None:
    """The table of `links`."""
    rows = [[str(_NOTHING if one[field] is None else one[field]) for field in _VETH_PAIR.values()] for one in seen]
    _table(list(_VETH_PAIR), rows, "no links on this host yet: each sandbox in bridge mode has one")


def _facts(seen: dict[str, Any]) -> Iterable[tuple[str, str | None]]:
    adopted = f", adopted from {seen['adopted']}" if seen["adopted"] else ""
    yield "MODE", _mode(seen)
    yield "STATE", seen["state"]
    yield "NAMESPACE", _namespace(seen) + adopted
    if seen["network"]:
        yield "NETWORK", seen["network"]
        yield "ADDRESS", f"{seen['address']}/{seen['prefix']}"
        yield "MAC", seen["mac"]
        yield "GATEWAY", seen["gateway"]
        yield "VETH PAIR", f"{seen['veth']} in bridge {seen['bridge']}, eth0 inside"
        yield "PORTS", _ports(seen)
    for way in ("in", "out"):
        for step in seen[f"packets_{way}"]:
            yield f"PACKETS {way.upper()}", step["why"]
            yield "", step["command"]


def _mode(seen: dict[str, Any]) -> str:
    """The mode, in Docker's words for it."""
    return f"container:{seen['shares']}" if seen["mode"] == "container" else str(seen["mode"])


def _namespace(seen: dict[str, Any]) -> str:
    return seen["namespace"] or "the host's"


def _ports(seen: dict[str, Any]) -> str:
    """The published ports as `docker ps` prints them."""
    written = "{host_ip}:{host_port}->{sandbox_port}/{protocol}"
    return ", ".join(written.format_map(port) for port in seen["ports"]) or _NOTHING


def _table(headings: Sequence[str], rows: Iterable[Sequence[str | None]], none: str = "") -> None:
    """A table, each row one whole line, so that grep finds what is in it; `none` says that there are no rows."""
    cells = [[_NOTHING if cell is None else cell for cell in row] for row in rows]
    if not cells:
        say(none)
        return
    widths = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    for row in (headings, *cells):
        say(_GAP.join(map(str.ljust, row, widths)).rstrip())
