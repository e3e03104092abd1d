"""The rules are one fixed file; what a network or a port adds is elements; another's table is known as such."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.resolve.resolved import HostBaseline, ResolvedPort
from netbuilder.spec.ports import PublishedPort
from netbuilder.steps import PublishPort
from tests.pure.samples import NETWORK, pool

# The rules


def twice(*comments: str) -> list[str]:
    """Of rules that are written once, and are there for IPv4 and for IPv6."""
    return [comment for comment in comments for _ in range(2)]


OUTLINE = {
    "": ("netbuilder ruleset 6",),
    "raw_prerouting": (
        "loopback",
        *twice("loopback guard: destination"),
        "from a netbuilder bridge",
        *twice("loopback guard: source", "to a gateway address"),
    ),
    "source_check": (
        "spoofed source: a gateway address",
        "an address that the host reaches by this bridge",
        *twice("an address of the subnet"),
        "neighbour discovery, link-local",
        *twice("switched, from a router on this bridge"),
        "spoofed source, or IPv6 where there is none",
    ),
    "gateway_guard": (*twice("trusted interface"), "a gateway address from elsewhere"),
    "published": (
        "no ports",
        "a link-local address: it would not be routed",
        *twice("DNAT: published on one host address", "DNAT: a range on one host address"),
        "loopback and link-local: only what is published there",
        *twice("DNAT: published on all host addresses", "DNAT: a range on all host addresses"),
    ),
    "prerouting": ("to the host from elsewhere",),
    "output": ("to the host from itself",),
    "input": (
        "loopback",
        "isolated network",
        "established, related",
        "conntrack: invalid",
        "IPv6 from a netbuilder bridge",
    ),
    "input_invalid": ("the host has a socket for it", "invalid: of no connection of the host"),
    "input_ipv6": (
        "router advertisement or redirect",
        "its network has IPv6",
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
        "to a netbuilder bridge",
        "not a netbuilder bridge",
    ),
    "internal_forward": ("neighbours on one bridge", "internal network"),
    "forward_from_bridge": (
        "neighbours on one bridge",
        *twice("invalid: it would leave with its private address"),
        "to a netbuilder bridge",
    ),
    "forward_to_bridge": (
        "gateway mode nat-unprotected",
        "gateway mode routed",
        *twice("trusted interface"),
        "not published",
    ),
    "forward_routed": ("ICMP", "published ports alone"),
    "forward_direct": (*twice("published port, addressed directly"), "not published"),
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
    "postrouting_from_bridge": (
        "to a netbuilder bridge",
        *twice("SNAT: out of the subnet, as one address of the host", "MASQUERADE: out of the subnet"),
    ),
    "postrouting_to_bridge": ("by a published port", *twice("neighbours keep their addresses")),
    "hairpin": (
        *twice(
            "MASQUERADE: the host's loopback by a published port",
            "MASQUERADE: the host by a published port at a gateway address",
            "MASQUERADE: a neighbour by a published port",
        ),
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
    "without_ipv6": "ifname",
    "internal": "ifname",
    "isolated": "ifname . nf_proto",
    "icc": "ifname . ifname",
    "gateways$v": "$addr",
    "subnets$v": "ifname . $addr",
    "masqueraded$v": "ifname . $addr",
    "masqueraded_gateways$v": "$addr",
    "snat$v": "ifname : $addr",
    "unprotected": "ifname . nf_proto",
    "routed": "ifname . nf_proto",
    "trusted$v": "ifname . $addr",
    "made_router": "nf_proto",
    "forwarding_on": "ifname",
    "present": "ifname",
    "same_bridge": "ifname . ifname",
    "publish_at$v": "$addr . inet_proto . inet_service : $addr . inet_service",
    "publish_any$v": "inet_proto . inet_service : $addr . inet_service",
    "publish_ranges_at$v": "$addr . inet_proto . inet_service : $addr",
    "publish_ranges_any$v": "inet_proto . inet_service : $addr",
    "direct$v": "$addr . inet_proto . inet_service",
}
IN_FAMILY = {
    "4": {"$v": "4", "$ip": "ip", "$addr": "ipv4_addr", "$loopback": "127.0.0.0/8"},
    "6": {"$v": "6", "$ip": "ip6", "$addr": "ipv6_addr", "$loopback": "::1"},
}


def in_family(text: str, version: str) -> str:
    for word in ("$addr", "$loopback", "$ip", "$v"):
        text = text.replace(word, IN_FAMILY[version][word])
    return text


SETS = {in_family(name, v): in_family(types, v) for name, types in SETS.items() for v in "46"}
SOURCE = (Path(firewall.__file__).parent / "ruleset.nft").read_text()
TEXT = firewall.ruleset()
CHAINS = dict(re.findall(r"\tchain (\w+) \{\n(.*?)\t\}\n", TEXT, re.DOTALL))


def rules(chain: str) -> list[str]:
    """A chain's rules, without what says where it is hooked and without remarks."""
    lines = (line.strip() for line in CHAINS[chain].splitlines())
    return [line for line in lines if not line.startswith(("type ", "#"))]


def rule(chain: str, comment: str) -> str:
    (found,) = (one for one in rules(chain) if one.endswith(f' comment "{comment}"'))
    return found.removesuffix(f' comment "{comment}"')


def test_the_rules_are_the_file_and_a_line_with_a_dollar_is_there_for_each_family() -> None:
    lines = [line for line in SOURCE.splitlines() if not line.startswith("##")]
    expected = [[in_family(line, v) for v in "46"] if "$" in line else [line] for line in lines]
    assert TEXT.splitlines() == [line for family in expected for line in family]
    assert all(ipv4 != ipv6 for ipv4, *others in expected for ipv6 in others)
    assert not re.search(r"\$|^##", TEXT, re.MULTILINE)


def test_what_is_written_of_one_family_alone_is_what_the_other_has_not() -> None:
    """Everything else is written once, for both; the kernel knows these of IPv4 by itself."""
    lines = [line for line in SOURCE.splitlines() if not line.lstrip().startswith("#")]
    alone = [line for line in lines if "$" not in line and re.search(r"\bip6? [sd]addr|nfproto ipv|ipv[46]_addr", line)]
    assert [re.findall(r'comment "([^"]*)"', line)[0] for line in alone] == [
        "spoofed source: a gateway address",
        "neighbour discovery, link-local",
        "a link-local address: it would not be routed",
        "loopback and link-local: only what is published there",
        "IPv6 from a netbuilder bridge",
        "from a link-local address",
        "to a link-local address",
        "its interface forwarded before netbuilder",
    ]


def test_the_rules_in_order() -> None:
    assert firewall.outline() == OUTLINE
    assert list(firewall.outline()) == list(OUTLINE)
    assert firewall.outline() is firewall.outline()


def test_every_rule_has_a_comment_of_its_own_in_its_chain() -> None:
    found = [(rule, re.findall(' comment "([^"]+)"$', rule)) for chain in CHAINS for rule in rules(chain)]
    assert [rule for rule, comments in found if len(comments) != 1] == []
    assert len(found) == sum(map(len, OUTLINE.values())) - 1
    for _, body in re.findall(r"\tchain (\w+) \{\n(.*?)\t\}\n", SOURCE, re.DOTALL):
        written = re.findall(r' comment "([^"]+)"', body)
        assert len(set(written)) == len(written)


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
    assert {name for kind, name, _ in sets if kind == "map"} == {name for name in SETS if " : " in SETS[name]}


def test_a_router_stays_one_and_another_host_becomes_none() -> None:
    assert rules("forward")[-1].startswith("goto unrelated_forward ")
    assert rule("unrelated_forward", "forwarded as before netbuilder") == "meta nfproto != @made_router accept"
    before = rule("unrelated_forward", "its interface forwarded before netbuilder")
    assert before == "meta nfproto ipv4 iifname @forwarding_on accept"
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
        assert rule(chain, "to a netbuilder bridge") == "oifname @bridges goto forward_to_bridge"
    assert rules("forward_from_bridge")[-1].startswith("oifname @bridges goto forward_to_bridge ")
    assert OUTLINE["forward"][-2:] == ("to a netbuilder bridge", "not a netbuilder bridge")
    for chain in ("forward_to_bridge", "forward_direct"):
        assert rules(chain)[-1] == 'drop comment "not published"'
    assert rules("forward_routed")[-1].startswith("goto forward_direct ")


def test_reading_the_rules_again_replaces_them_and_keeps_the_elements() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert lines[:3] == [
        'add table inet netbuilder { comment "netbuilder ruleset 6"; }',
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
        ({"": ("not netbuilder ruleset 6",)}, False, False),
        ({"": ("netbuilder ruleset 6 of mine",)}, False, False),
        ({"forward": ("netbuilder ruleset 6",)}, False, False),
        ({"": ("", "netbuilder ruleset 6")}, False, False),
        ({"": ("made by netbuilder",)}, True, False),  # 0.1.0's
        ({"": ("made by netbuilder", "")}, True, False),
        ({"": ("netbuilder ruleset 1",)}, True, False),
        ({"": ("netbuilder ruleset 10",)}, True, False),
        ({"": ("netbuilder ruleset 6",)}, True, True),
        ({"": ("netbuilder ruleset 6", "")}, True, True),
        ({"": ("netbuilder ruleset 6",), "theirs": ("x",)}, True, True),
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


MASQUERADED4 = [("masqueraded4", '"br9" . 10.9.0.0/24'), ("masqueraded_gateways4", "10.9.0.1")]


@pytest.mark.parametrize(
    ("pools", "fields", "more"),
    [
        ((pool("10.9.0.1/24", mode="nat-unprotected"),), {}, [*MASQUERADED4, ("unprotected", '"br9" . ipv4')]),
        ((pool("10.9.0.1/24", mode="routed"),), {}, [("routed", '"br9" . ipv4')]),
        (
            (pool("10.9.0.1/24", mode="isolated", address=None, gateway=None),),
            {"internal": True},
            [("isolated", '"br9" . ipv4'), ("internal", '"br9"')],
        ),
        (
            (pool("10.9.0.1/24", snat=ip_address("192.0.2.1")),),
            {},
            [*MASQUERADED4, ("snat4", '"br9"')],
        ),
        (
            (pool("10.9.0.1/24"),),
            {"trusted_interfaces": ("eth1", "eth2")},
            [*MASQUERADED4, ("trusted4", '"eth1" . 10.9.0.0/24'), ("trusted4", '"eth2" . 10.9.0.0/24')],
        ),
        ((pool("10.9.0.1/24", bare=True),), {}, [MASQUERADED4[0]]),
        (
            (pool("10.9.0.1/24"), pool("fd00:9::1/64", mode="routed")),
            {},
            [
                *MASQUERADED4,
                ("gateways6", "fd00:9::1"),
                ("subnets6", '"br9" . fd00:9::/64'),
                ("routed", '"br9" . ipv6'),
            ],
        ),
    ],
)
def test_what_a_gateway_mode_enters(
    pools: tuple[Any, ...], fields: dict[str, Any], more: list[tuple[str, str]]
) -> None:
    network = NETWORK.replace(pools=pools, **fields)
    entered = {(one.set, one.key) for one in firewall.network_elements(network)}
    always = {*EVERY_NETWORK, *([] if network.has_ipv6 else [WITHOUT_IPV6])}
    if not network.gateways:
        always.remove(("gateways4", "10.9.0.1"))
    assert entered == {*always, *more}
    assert {set_ for set_, _ in entered} <= SETS.keys()


def test_neighbours_may_not_talk_where_icc_is_off() -> None:
    elements = firewall.network_elements(NETWORK.replace(icc=False))
    assert "icc" not in {one.set for one in elements}


def test_a_routed_port_is_reached_at_its_own_address() -> None:
    (asked,) = PublishedPort.parse("8000-8009:80-89/udp")
    port = ResolvedPort(**asked.model_dump(exclude={"last_host_port"}))
    one = firewall.direct_element(port, ip_address("fd00:9::2"))
    assert (one.set, one.key) == ("direct6", "fd00:9::2 . udp . 80-89")


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
