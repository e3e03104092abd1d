"""The rules of a host, as nftables text: one table that never changes, and sets and maps for all that does.

A network adds its bridge, gateway and subnet to a few sets; a published port is one element of one map. So adding the
ten-thousandth port costs what the first did, and a packet finds its port with one look-up. What goes in comes by DNAT
(chain `published`, from `dnat_in` for packets from elsewhere and from `dnat_local` for the host's own); what comes out
goes by MASQUERADE (chain `snat_out`). The hooks and their order are Docker's: PREROUTING and OUTPUT, then FORWARD, then
POSTROUTING.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from netbuilder.ports import ANY, PublishedPort
from netbuilder.resolved import Endpoint, ResolvedNetwork

NAME = "netbuilder"
TABLE = f"inet {NAME}"
MARK = "made by netbuilder"

_RULESET = f"""\
add table {TABLE} {{ comment "{MARK}"; }}
flush table {TABLE}
table {TABLE} {{
	set bridges {{ type ifname; }}
	set internal {{ type ifname; }}
	set icc {{ type ifname . ifname; }}
	set gateways {{ type ipv4_addr; }}
	set onlink {{ type ifname . ipv4_addr; flags interval; }}
	set leaving {{ type ifname . ipv4_addr; flags interval; }}
	map publish_at {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
	map publish_any {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}

	chain guard {{
		type filter hook prerouting priority -300; policy accept;
		iifname "lo" accept comment "the host talks to itself"
		ip daddr 127.0.0.0/8 drop comment "nobody else reaches the host's loopback"
		ip saddr 127.0.0.0/8 drop comment "nor pretends to be on it"
		iifname != @bridges ip daddr @gateways drop comment "a gateway is there for its sandboxes"
	}}
	chain published {{
		meta l4proto {{ tcp, udp }} dnat ip to ip daddr . meta l4proto . th dport map @publish_at comment "DNAT: one host address"
		meta l4proto {{ tcp, udp }} dnat ip to meta l4proto . th dport map @publish_any comment "DNAT: all host addresses"
	}}
	chain dnat_in {{
		type nat hook prerouting priority -100; policy accept;
		fib daddr type local jump published comment "PREROUTING: what others send to the host"
	}}
	chain dnat_local {{
		type nat hook output priority -100; policy accept;
		fib daddr type local jump published comment "OUTPUT: what the host sends to itself"
	}}
	chain forward {{
		type filter hook forward priority 0; policy accept;
		iifname != @bridges oifname != @bridges goto foreign comment "none of our business"
		ct state established,related accept comment "an answer, or more of the same"
		iifname . oifname @icc accept comment "neighbours on one bridge"
		iifname @internal drop comment "out of an internal network: never, not even by a published port"
		oifname @internal drop comment "into an internal network: never"
		ct status dnat accept comment "came by a published port"
		oifname @bridges drop comment "not published"
	}}
	chain foreign {{
%s	}}
	chain snat_out {{
		type nat hook postrouting priority 100; policy accept;
		oifname @bridges ct status dnat fib saddr type local masquerade comment "the host by its own published port"
		oifname . ip saddr @onlink ct status dnat masquerade comment "a neighbour, or itself, by the host's port"
		oifname . ip saddr @onlink accept comment "a neighbour keeps its address"
		iifname . ip saddr @leaving masquerade comment "MASQUERADE: what leaves the subnet leaves as the host"
	}}
}}
"""  # noqa: E501
# With bridge-nf-call-iptables=1 what a bridge of somebody else's passes on comes by here too, and is not routed at all.
_NO_ROUTER = """\
		meta iifkind "bridge" meta oifkind "bridge" accept comment "a switch of somebody else's goes on switching"
		drop comment "the host was no router, and it becomes none"
"""

_CHAIN = re.compile(r"chain (\w+) \{(.*?)\n\t\}", re.DOTALL)
_BASE_CHAINS = re.compile(r"table ((?:inet|ip|bridge) \S+) \{(.*?)\n\}", re.DOTALL)
_DROPS = re.compile(r'chain (\S+) \{\s*(?:comment "[^"]*"\s*)?type filter hook forward [^;]*; policy drop;')
_COMMENT = re.compile(r'comment "([^"]*)"')


def ruleset(was_router: bool) -> str:
    """The table as `nft -f` reads it; reading it again mends the rules and keeps the elements.

    Args:
        was_router: Whether the host forwarded packets before; if not, turning ip_forward on must not make it a router.
    """
    return _RULESET % ("" if was_router else _NO_ROUTER)


def outline(was_router: bool) -> dict[str, tuple[str, ...]]:
    """Our table by its comments: each chain's rules in order, and under "" the table's own.

    The kernel keeps a rule's comment as it is, but words the rule itself differently from release to release.
    """
    chains = {name: tuple(_COMMENT.findall(body)) for name, body in _CHAIN.findall(ruleset(was_router))}
    return {"": (MARK,), **{name: comments for name, comments in chains.items() if comments}}


def is_ours(seen: Mapping[str, tuple[str, ...]] | None) -> bool:
    """Whether a table that was seen, as an outline, is netbuilder's: its name alone proves nothing."""
    return seen is not None and seen.get("", ())[:1] == (MARK,)


def dropping_elsewhere(chains: str) -> list[str]:
    """The chains of other tables that drop by policy what is forwarded, from what `nft list chains` prints.

    An accept of ours does not overrule them: the packet goes on to the hook's other base chains, and any of them may
    still drop it (nft(8), VERDICT STATEMENT).
    """
    tables = _BASE_CHAINS.findall(chains)
    return [f"{table} {name}" for table, body in tables if table != TABLE for name in _DROPS.findall(body)]


def network_elements(network: ResolvedNetwork) -> list[tuple[str, str, str]]:
    """What a network enters into the sets: (set, key, why)."""
    bridge = f'"{network.bridge}"'
    elements = [
        ("bridges", bridge, "the rules apply to this bridge"),
        ("icc", f"{bridge} . {bridge}", "neighbours on it may talk to each other"),
        ("gateways", str(network.gateway), "only its sandboxes reach the gateway's address"),
        ("onlink", f"{bridge} . {network.subnet}", "an address of the subnet on the bridge is a neighbour"),
    ]
    if network.internal:
        elements.append(("internal", bridge, "nothing goes out of an internal network, nothing comes in"))
    elif network.masquerade:
        elements.append(
            ("leaving", f"{bridge} . {network.subnet}", "MASQUERADE: what leaves the subnet leaves as the host")
        )
    return elements


def port_element(endpoint: Endpoint, port: PublishedPort) -> tuple[str, str, str]:
    """What a published port enters into the maps: (map, key, data)."""
    key = f"{port.protocol} . {port.host_port}"
    data = f"{endpoint.address} . {port.sandbox_port}"
    if port.host_ip == ANY:
        return "publish_any", key, data
    return "publish_at", f"{port.host_ip} . {key}", data
