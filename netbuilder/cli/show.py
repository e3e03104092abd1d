"""Tables for people, JSON for programs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from json import dumps
from textwrap import wrap
from typing import Any

from netbuilder.cli.output import say
from netbuilder.cli.tables import table, width
from netbuilder.values.ports import ports_text

_MOST = 50
"""Steps on a page of `inspect`; a sandbox may have thousands of ports."""

_VETH_PAIR = {
    "VETH": "veth",
    "IFINDEX": "ifindex",
    "BRIDGE": "bridge",
    "SANDBOX": "sandbox",
    "INTERFACE": "interface",
    "PEER": "peer_ifindex",
    "NETNSID": "netnsid",
}


def each_port(seen: dict[str, Any]) -> dict[str, Any]:
    """What is seen of a sandbox, with an object for each of its published ports, as `docker inspect` has them."""
    ports = [
        {
            "host_ip": ip,
            "host_port": None if port["host_port"] is None else port["host_port"] + at,
            "sandbox_port": port["sandbox_port"] + at,
            "protocol": port["protocol"],
        }
        for port in seen["ports"]
        for at in range(port["count"])
        for ip in port["open_on"]
    ]
    return {**seen, "ports": ports}


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
            _listed(endpoint["network"] for endpoint in one["endpoints"]),
            _listed(address.partition("/")[0] for endpoint in one["endpoints"] for address in endpoint["addresses"]),
            _listed(endpoint["mac"] for endpoint in one["endpoints"]),
            _listed(_ports(one["ports"])),
            _namespace(one),
            _state(one),
        ]
        for one in seen
    ]
    table(headings, rows, "no sandboxes on this host yet: netbuilder up makes some", ("NAMESPACE", "MAC"))
    _how_to_mend(seen)


def networks(seen: Sequence[dict[str, Any]]) -> None:
    """The table of `networks`."""
    headings = ["NAME", "BRIDGE", "SUBNET", "GATEWAY", "MTU", "SANDBOXES", "OPTIONS", "STATE"]
    rows = [
        [
            one["name"],
            one["bridge"],
            _listed(one["subnets"]),
            _listed(one["gateways"]),
            one["mtu"] and str(one["mtu"]),
            str(len(one["sandboxes"])),
            _listed(_options(one)),
            _state(one),
        ]
        for one in seen
    ]
    table(headings, rows, "no networks on this host yet: netbuilder up makes some", ("MTU", "GATEWAY"))
    _how_to_mend(seen)


def sandbox(seen: dict[str, Any]) -> None:
    """The page of `inspect`: two columns, and the commands."""
    table(["NAME", seen["name"]], list(_facts(seen)))
    commands = seen["commands"]
    for step in commands[:_MOST]:
        say("\n" + "\n".join(_comment(step["why"])))
        say(step["command"])
    if commands[_MOST:]:
        say(f"\n# {_and_more(commands)}")


def changed(seen: dict[str, Any]) -> None:
    """Where a sandbox that was changed is reached by now."""
    for endpoint in seen["endpoints"]:
        addresses = _listed(address.partition("/")[0] for address in endpoint["addresses"])
        gateways = " (default route)" if endpoint["gateways"] else ""
        say(f"   {endpoint['interface']}  {addresses} on {endpoint['network']}{gateways}")
    if seen["ports"]:
        say(f"   ports  {_listed(_ports(seen['ports']))}")
    if seen["waiting"]:
        say(f"   waiting  {_listed(seen['waiting'])}: no network of its leads out")


def links(seen: Iterable[dict[str, Any]]) -> None:
    """The table of `links`."""
    rows = [[None if one[field] is None else str(one[field]) for field in _VETH_PAIR.values()] for one in seen]
    table(list(_VETH_PAIR), rows, "no links on this host yet: each sandbox in bridge mode has one", ("NETNSID",))


def _facts(seen: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    adopted = f", adopted from {seen['adopted']}" if seen["adopted"] else ""
    yield "MODE", _mode(seen)
    yield "STATE", _state(seen)
    if seen["state"] == "broken":
        yield "", _first_line(seen["missing"][0]["command"])
    yield "NAMESPACE", _namespace(seen) + adopted
    for endpoint in seen["endpoints"]:
        yield "NETWORK", endpoint["network"]
        yield "ADDRESS", _listed([*endpoint["addresses"], *endpoint["link_local"]])
        yield "MAC", endpoint["mac"]
        yield "GATEWAY", _listed(endpoint["gateways"])
        yield "VETH PAIR", f"{endpoint['veth']} in bridge {endpoint['bridge']}, {endpoint['interface']} inside"
    if seen["endpoints"]:
        yield "PORTS", _listed(_ports(seen["ports"]))
    if seen["waiting"]:
        yield "WAITING", f"{_listed(seen['waiting'])}: no network of its leads out"
    for way in ("in", "out"):
        steps = seen[f"packets_{way}"]
        for step in steps[:_MOST]:
            yield f"PACKETS {way.upper()}", step["why"]
            yield "", step["command"]
        if steps[_MOST:]:
            yield "", _and_more(steps)


def _mode(seen: dict[str, Any]) -> str:
    """The mode, in Docker's words for it."""
    return f"container:{seen['shares']}" if seen["mode"] == "container" else str(seen["mode"])


def _state(seen: dict[str, Any]) -> str:
    """In capitals what needs attention: a column of "ok" and "broken" is soon read over."""
    return f"BROKEN: {seen['broken']}" if seen["state"] == "broken" else str(seen["state"])


def _how_to_mend(seen: Sequence[dict[str, Any]]) -> None:
    states = [state for state in ("broken", "gone") if any(one["state"] == state for one in seen)]
    if states:
        say(f"\n{', '.join(states)}: netbuilder diff shows what is missing, netbuilder up mends it")


def _namespace(seen: dict[str, Any]) -> str:
    return seen["namespace"] or "the host's"


def _options(seen: dict[str, Any]) -> Iterator[str]:
    if seen["internal"]:
        yield "internal"
    elif not seen["masquerade"]:
        yield "no masquerade"
    if not seen["icc"]:
        yield "no icc"
    yield from dict.fromkeys(mode for mode in seen["gateway_modes"] if mode != "nat")
    if seen["adopted"]:
        yield "adopted"


def _ports(ports: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The published ports as `docker ps` prints them, consecutive ones as one range; no address is all of them."""
    alike: dict[tuple[str | None, str, int], list[tuple[int, int]]] = defaultdict(list)
    for port in ports:
        if not port["open_on"]:
            continue
        if port["host_port"] is None:
            yield f"{ports_text(port['sandbox_port'], port['count'])}/{port['protocol']}"
            continue
        first = port["host_port"]
        to_inside = port["sandbox_port"] - first
        alike[port["host_ip"], port["protocol"], to_inside].append((first, first + port["count"] - 1))
    for (ip, protocol, to_inside), runs in alike.items():
        for first, last in _joined(sorted(runs)):
            count = last - first + 1
            yield f"{_on(ip)}{ports_text(first, count)}->{ports_text(first + to_inside, count)}/{protocol}"


def _joined(runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Runs of numbers, those that follow upon each other as one."""
    before: tuple[int, int] | None = None
    for first, last in runs:
        if before and before[1] + 1 == first:
            before = before[0], last
            continue
        if before:
            yield before
        before = first, last
    if before:
        yield before


def _on(ip: str | None) -> str:
    if ip is None:
        return ""
    return f"[{ip}]:" if ":" in ip else f"{ip}:"


def _listed(values: Iterable[str]) -> str | None:
    return ", ".join(values) or None


def _and_more(steps: Sequence[object]) -> str:
    return f"and {len(steps) - _MOST} more like these: see --format json"


def _first_line(command: str) -> str:
    first, *more = command.splitlines()
    return f"{first} …" if more else first


def _comment(why: str) -> list[str]:
    limit = width()
    return [f"# {line}" for line in (wrap(why, max(limit - 2, 20)) if limit else [why])]
