"""The rules are one fixed file; what a network or a port adds is elements; another's table is known as such."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.resolve.resolved import HostBaseline
from netbuilder.spec.ports import PublishedPort
from netbuilder.steps import PublishPort
from tests.pure.samples import NETWORK, pool

# The rules

OUTLINE = {
    "": ("netbuilder ruleset 4",),
    "raw_prerouting": (
        "loopback",
        "loopback guard: destination",
        "from a netbuilder bridge",
        "loopback guard: source",
        "a gateway address from elsewhere",
    ),
    "source_check": (
        "an address that the host reaches by this bridge",
        "an address of the subnet",
        "neighbour discovery, link-local",
        "spoofed source, or IPv6 where there is none",
    ),
    "published": (
        "no ports",
        "IPv6",
        "DNAT: published on one host address",
        "DNAT: published on all host addresses",
        "DNAT: a range on one host address",
        "DNAT: a range on all host addresses",
    ),
    "published6": (
        "a link-local address: it would not be routed",
        "DNAT: published on one host address",
        "DNAT: a range on one host address",
        "the loopback address: only what is published there",
        "DNAT: published on all host addresses",
        "DNAT: a range on all host addresses",
    ),
    "prerouting": ("to the host from elsewhere",),
    "output": ("to the host from itself",),
    "input": ("loopback", "established, related", "conntrack: invalid", "IPv6 from a netbuilder bridge"),
    "input_invalid": ("the host has a socket for it", "invalid: of no connection of the host"),
    "input_ipv6": (
        "router advertisement or redirect",
        "neighbour discovery",
        "from a link-local address",
        "to a link-local address",
    ),
    "forward": (
        "out of an internal network",
        "into an internal network",
        "established, related",
        "published port",
        "from a netbuilder bridge",
        "not published",
        "not a netbuilder bridge",
    ),
    "internal_forward": ("neighbours on one bridge", "internal network"),
    "forward_from_bridge": (
        "neighbours on one bridge",
        "invalid: it would leave with its private address",
        "not published",
    ),
    "unrelated_forward": (
        "forwarded as before netbuilder",
        "another bridge, paired with itself",
        "another bridge switches",
        "its interface forwarded before netbuilder",
        "the host was no router, and becomes none",
    ),
    "postrouting": (
        "from a netbuilder bridge",
        "routed from elsewhere: it keeps its address",
        "by a published port: from the host, or switched",
    ),
    "postrouting_from_bridge": ("to a netbuilder bridge", "MASQUERADE: out of the subnet"),
    "postrouting_to_bridge": ("by a published port", "neighbours keep their addresses"),
    "hairpin": (
        "MASQUERADE: the host's loopback by a published port",
        "MASQUERADE: the host by a published port at a gateway address",
        "MASQUERADE: a neighbour by a published port",
    ),
}
HOOKS = {
    "raw_prerouting": "filter hook prerouting priority -300",
    "prerouting": "nat hook prerouting priority -100",
    "output": "nat hook output priority -100",
    "input": "filter hook input priority 0",
    "forward": "filter hook forward priority 0",
    "postrouting": "nat hook postrouting priority 100",
}
SETS = {
    "bridges": "ifname",
    "internal": "ifname",
    "icc": "ifname . ifname",
    "gateways": "ipv4_addr",
    "subnets": "ifname . ipv4_addr",
    "masqueraded": "ifname . ipv4_addr",
    "masqueraded_gateways": "ipv4_addr",
    "forwarding": "nf_proto",
    "forwarding_on": "ifname",
    "present": "ifname",
    "same_bridge": "ifname . ifname",
    "publish_at4": "ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service",
    "publish_at6": "ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service",
    "publish_any4": "inet_proto . inet_service : ipv4_addr . inet_service",
    "publish_any6": "inet_proto . inet_service : ipv6_addr . inet_service",
    "publish_ranges_at4": "ipv4_addr . inet_proto . inet_service : ipv4_addr",
    "publish_ranges_at6": "ipv6_addr . inet_proto . inet_service : ipv6_addr",
    "publish_ranges_any4": "inet_proto . inet_service : ipv4_addr",
    "publish_ranges_any6": "inet_proto . inet_service : ipv6_addr",
}
TEXT = (Path(firewall.__file__).parent / "ruleset.nft").read_text()
CHAINS = dict(re.findall(r"\tchain (\w+) \{\n(.*?)\t\}\n", TEXT, re.DOTALL))


def rules(chain: str) -> list[str]:
    """A chain's rules, without what says where it is hooked and without remarks."""
    lines = (line.strip() for line in CHAINS[chain].splitlines())
    return [line for line in lines if not line.startswith(("type ", "#"))]


def rule(chain: str, comment: str) -> str:
    (found,) = (one for one in rules(chain) if one.endswith(f' comment "{comment}"'))
    return found.removesuffix(f' comment "{comment}"')


def test_the_rules_are_the_file() -> None:
    assert firewall.ruleset() == TEXT


def test_the_rules_in_order() -> None:
    assert firewall.outline() == OUTLINE
    assert list(firewall.outline()) == list(OUTLINE)
    assert firewall.outline() is firewall.outline()


def test_every_rule_has_a_comment_of_its_own_in_its_chain() -> None:
    found = [(rule, re.findall(' comment "([^"]+)"$', rule)) for chain in CHAINS for rule in rules(chain)]
    assert [rule for rule, comments in found if len(comments) != 1] == []
    assert len(found) == sum(map(len, OUTLINE.values())) - 1
    assert all(len(set(comments)) == len(comments) for comments in OUTLINE.values())


def test_nft_takes_the_comments_and_an_outline_finds_them_all() -> None:
    comments = re.findall(r'comment "([^"]*)"', TEXT)
    assert all(len(comment) < 128 and comment.isascii() for comment in comments)
    assert TEXT.count("comment") == len(comments)


def test_each_base_chain_is_hooked_where_dockers_are_and_lets_pass_what_no_rule_stops() -> None:
    hooked = {
        name: body.split("\n", 1)[0].strip() for name, body in CHAINS.items() if body.lstrip().startswith("type ")
    }
    assert hooked == {name: f"type {hook}; policy accept;" for name, hook in HOOKS.items()}
    assert CHAINS.keys() - HOOKS == set(re.findall(r"(?:jump|goto) (\w+)", TEXT))


def test_every_chain_and_set_that_a_rule_names_is_there() -> None:
    assert set(re.findall(r"(?:jump|goto) (\w+)", TEXT)) < CHAINS.keys()
    assert set(re.findall(r"@(\w+)", TEXT)) == SETS.keys()
    sets = re.findall(r"\t(set|map) (\w+) \{ type ([^;]+);", TEXT)
    assert {name: types for _, name, types in sets} == SETS
    assert {name for kind, name, _ in sets if kind == "map"} == {name for name in SETS if name.startswith("publish_")}


def test_a_router_stays_one_and_another_host_becomes_none() -> None:
    assert rules("forward")[-1].startswith("goto unrelated_forward ")
    assert rule("unrelated_forward", "forwarded as before netbuilder") == "meta nfproto @forwarding accept"
    before = rule("unrelated_forward", "its interface forwarded before netbuilder")
    assert before == "iifname @forwarding_on accept"
    assert (
        rule("unrelated_forward", "the host was no router, and becomes none")
        == "iifname @present oifname @present drop"
    )
    assert rules("unrelated_forward")[-1].startswith("iifname @present ")


def test_nothing_enters_or_leaves_an_internal_network_not_even_by_a_published_port() -> None:
    order = OUTLINE["forward"]
    for way in ("out of an internal network", "into an internal network"):
        assert rule("forward", way).endswith(" @internal goto internal_forward")
        assert order.index(way) < order.index("established, related")
    assert rule("internal_forward", "internal network") == rules("internal_forward")[-1].split(" comment")[0] == "drop"


def test_what_is_for_a_bridge_of_ours_is_published_or_dropped() -> None:
    assert rule("forward", "published port") == "ct status dnat oifname @bridges accept"
    for chain in ("forward", "forward_from_bridge"):
        assert rule(chain, "not published") == "oifname @bridges drop"
    assert rules("forward_from_bridge")[-1].startswith("oifname @bridges drop ")
    assert OUTLINE["forward"][-2:] == ("not published", "not a netbuilder bridge")


def test_reading_the_rules_again_replaces_them_and_keeps_the_elements() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert lines[:3] == [
        'add table inet netbuilder { comment "netbuilder ruleset 4"; }',
        "flush table inet netbuilder",
        "table inet netbuilder {",
    ]
    assert not re.search(r"^\s*(delete|elements)", TEXT, re.MULTILINE)


# Whose a table is


@pytest.mark.parametrize(
    ("seen", "ours", "current"),
    [
        ({}, False, False),
        ({"": ()}, False, False),
        ({"": ("",)}, False, False),
        ({"": ("made by somebody else",)}, False, False),
        ({"": ("netbuilder ruleset",)}, False, False),
        ({"": ("netbuilder ruleset x",)}, False, False),
        ({"": ("not netbuilder ruleset 4",)}, False, False),
        ({"": ("netbuilder ruleset 4 of mine",)}, False, False),
        ({"forward": ("netbuilder ruleset 4",)}, False, False),
        ({"": ("", "netbuilder ruleset 4")}, False, False),
        ({"": ("made by netbuilder",)}, True, False),  # 0.1.0's
        ({"": ("made by netbuilder", "")}, True, False),
        ({"": ("netbuilder ruleset 1",)}, True, False),
        ({"": ("netbuilder ruleset 10",)}, True, False),
        ({"": ("netbuilder ruleset 4",)}, True, True),
        ({"": ("netbuilder ruleset 4", "")}, True, True),
        ({"": ("netbuilder ruleset 4",), "theirs": ("x",)}, True, True),
        (OUTLINE, True, True),
    ],
)
def test_a_table_is_known_by_its_comment(seen: Any, ours: bool, current: bool) -> None:
    assert (firewall.is_ours(seen), firewall.is_current(seen)) == (ours, current)
    comment = next(iter(seen.get("", ())), None)
    assert (firewall.is_our_comment(comment), firewall.is_current_comment(comment)) == (ours, current)


def test_no_table_is_nobodys() -> None:
    assert not firewall.is_ours(None)
    assert not firewall.is_our_comment(None)
    assert not firewall.is_current_comment(None)


# Other firewalls


# Elements

EVERY_NETWORK = [
    ("bridges", '"br9"'),
    ("icc", '"br9" . "br9"'),
    ("gateways4", "10.9.0.1"),
    ("subnets4", '"br9" . 10.9.0.0/24'),
]
WITHOUT_IPV6 = ("without_ipv6", '"br9"')


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, [("masqueraded4", '"br9" . 10.9.0.0/24'), ("masqueraded_gateways4", "10.9.0.1")]),
        ({"masquerade": False}, []),
        ({"internal": True}, [("internal", '"br9"')]),
        ({"adopted": True, "masquerade": False}, []),
        ({"internal": True, "masquerade": False}, [("internal", '"br9"')]),
    ],
)
def test_a_networks_place_in_the_rules(fields: dict[str, bool], more: list[tuple[str, str]]) -> None:
    elements = firewall.network_elements(NETWORK.replace(**fields))
    assert {(one.set, one.key) for one in elements} == {*EVERY_NETWORK, WITHOUT_IPV6, *more}
    assert len(elements) == len(EVERY_NETWORK) + 1 + len(more)
    assert all(one.why for one in elements)


def test_a_network_may_have_both_families() -> None:
    elements = firewall.network_elements(NETWORK.replace(pools=(pool("10.9.0.1/24"), pool("fd00:9::1/64"))))
    assert {(one.set, one.key) for one in elements} == {
        *EVERY_NETWORK,
        ("gateways6", "fd00:9::1"),
        ("subnets6", '"br9" . fd00:9::/64'),
        ("masqueraded4", '"br9" . 10.9.0.0/24'),
        ("masqueraded6", '"br9" . fd00:9::/64'),
        ("masqueraded_gateways4", "10.9.0.1"),
        ("masqueraded_gateways6", "fd00:9::1"),
    }


@pytest.mark.parametrize(
    ("before", "elements"),
    [(True, []), (False, [("made_router", "ipv4")])],
)
def test_what_was_forwarded_before_is_forwarded_still(before: bool, elements: list[tuple[str, str]]) -> None:
    entered = firewall.baseline_elements(HostBaseline(forwarding_before=before))
    assert [(one.set, one.key) for one in entered] == elements
    assert all(one.why for one in entered)


@pytest.mark.parametrize(
    ("port", "address", "element"),
    [
        ("0.0.0.0:8088:80", "10.9.0.2", ("publish_any4", "tcp . 8088", "10.9.0.2 . 80")),
        ("0.0.0.0:5353:53/udp", "10.9.0.2", ("publish_any4", "udp . 5353", "10.9.0.2 . 53")),
        ("0.0.0.0:53:53/sctp", "10.9.0.2", ("publish_any4", "sctp . 53", "10.9.0.2 . 53")),
        ("127.0.0.1:8088:80", "10.9.0.2", ("publish_at4", "127.0.0.1 . tcp . 8088", "10.9.0.2 . 80")),
        ("[::]:8088:80", "fd00::2", ("publish_any6", "tcp . 8088", "fd00::2 . 80")),
        ("[::1]:8088:80", "fd00::2", ("publish_at6", "::1 . tcp . 8088", "fd00::2 . 80")),
        ("0.0.0.0:1-9:1-9", "10.9.0.2", ("publish_ranges_any4", "tcp . 1-9", "10.9.0.2")),
        ("0.0.0.0:1-65535:1-65535", "10.9.0.2", ("publish_ranges_any4", "tcp . 1-65535", "10.9.0.2")),
        ("10.0.0.1:1-9:1-9/udp", "10.9.0.2", ("publish_ranges_at4", "10.0.0.1 . udp . 1-9", "10.9.0.2")),
        ("[::]:1-9:1-9", "fd00::2", ("publish_ranges_any6", "tcp . 1-9", "fd00::2")),
        ("[fd00::9]:1-9:1-9", "fd00::2", ("publish_ranges_at6", "fd00::9 . tcp . 1-9", "fd00::2")),
    ],
)
def test_a_published_port_is_one_element_and_so_is_a_range(
    port: str, address: str, element: tuple[str, str, str]
) -> None:
    assert firewall.port_elements(published(port, address)) == (element,)
    assert element[0] in SETS


def test_a_range_that_is_shifted_is_one_element_a_port() -> None:
    assert firewall.port_elements(published("127.0.0.1:8000-8002:80-82", "10.9.0.2")) == (
        ("publish_at4", "127.0.0.1 . tcp . 8000", "10.9.0.2 . 80"),
        ("publish_at4", "127.0.0.1 . tcp . 8001", "10.9.0.2 . 81"),
        ("publish_at4", "127.0.0.1 . tcp . 8002", "10.9.0.2 . 82"),
    )


def published(port: str, address: str) -> PublishPort:
    (asked,) = PublishedPort.parse(port)
    fields = dict(asked)
    del fields["last_host_port"]
    return PublishPort(**fields, address=ip_address(address))


@pytest.mark.parametrize(
    ("entries", "verb", "command"),
    [
        ([("bridges", '"br9"')], "add", 'add element inet netbuilder bridges { "br9" }'),
        ([("bridges", '"br9"')], "delete", 'delete element inet netbuilder bridges { "br9" }'),
        (
            [("publish_any4", "tcp . 1", "10.9.0.2 . 80"), ("publish_any4", "tcp . 2", "10.9.0.2 . 81")],
            "add",
            "add element inet netbuilder publish_any4 { tcp . 1 : 10.9.0.2 . 80, tcp . 2 : 10.9.0.2 . 81 }",
        ),
    ],
)
def test_elements_as_nft_adds_and_deletes_them(entries: list[tuple[str, ...]], verb: str, command: str) -> None:
    assert firewall.element_command([firewall.Entry(*one) for one in entries], verb) == command
