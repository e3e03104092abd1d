"""The rules are one fixed text; what a network or a port adds is elements; another's table is known as such."""

from __future__ import annotations

import re
from typing import Any

import pytest

from netbuilder import firewall
from netbuilder.ports import PublishedPort
from tests.pure.samples import ENDPOINT, NETWORK

# The rules

OUTLINE = {
    "": ("made by netbuilder",),
    "guard": (
        "the host talks to itself",
        "nobody else reaches the host's loopback",
        "nor pretends to be on it",
        "a gateway is there for its sandboxes",
    ),
    "published": ("DNAT: one host address", "DNAT: all host addresses"),
    "dnat_in": ("PREROUTING: what others send to the host",),
    "dnat_local": ("OUTPUT: what the host sends to itself",),
    "forward": (
        "none of our business",
        "an answer, or more of the same",
        "neighbours on one bridge",
        "out of an internal network: never, not even by a published port",
        "into an internal network: never",
        "came by a published port",
        "not published",
    ),
    "snat_out": (
        "the host by its own published port",
        "a neighbour, or itself, by the host's port",
        "a neighbour keeps its address",
        "MASQUERADE: what leaves the subnet leaves as the host",
    ),
}

CHAIN = re.compile(r"\tchain (\w+) \{\n(.*?)\t\}\n", re.DOTALL)

each_variant = pytest.mark.parametrize("was_router", [True, False])


def test_the_rules_in_order() -> None:
    assert firewall.outline(was_router=True) == OUTLINE
    foreign = ("a switch of somebody else's goes on switching", "the host was no router, and it becomes none")
    assert firewall.outline(was_router=False) == OUTLINE | {"foreign": foreign}


@each_variant
def test_every_rule_has_a_comment_of_its_own(was_router: bool) -> None:
    bodies = [body for _, body in CHAIN.findall(firewall.ruleset(was_router))]
    rules = [line for body in bodies for line in body.splitlines() if " hook " not in line]
    comments = [re.findall(' comment "([^"]+)"$', rule) for rule in rules]
    assert all(len(one) == 1 for one in comments)
    assert len({comment for (comment,) in comments}) == len(rules) >= 18


@each_variant
def test_every_chain_and_set_that_a_rule_names_is_there(was_router: bool) -> None:
    text = firewall.ruleset(was_router)
    chains = {name for name, _ in CHAIN.findall(text)}
    assert set(re.findall(r"(?:jump|goto) (\w+)", text)) == {"published", "foreign"} <= chains
    assert set(re.findall(r"@(\w+)", text)) == set(re.findall(r"\t(?:set|map) (\w+) \{", text))
    assert chains - set(re.findall(r"chain (\w+) \{\n\t\ttype ", text)) == {"published", "foreign"}


def test_a_router_stays_one_and_another_host_becomes_none() -> None:
    router, other = (dict(CHAIN.findall(firewall.ruleset(was_router))) for was_router in (True, False))
    assert router.pop("foreign") == ""
    assert other.pop("foreign").strip().splitlines()[-1].strip().startswith("drop ")
    assert router == other


@each_variant
def test_reading_the_rules_again_replaces_them_and_keeps_the_elements(was_router: bool) -> None:
    text = firewall.ruleset(was_router)
    assert text.splitlines()[1] == "flush table inet netbuilder"
    assert "elements" not in text and "delete" not in text


@pytest.mark.parametrize(
    ("seen", "ours"),
    [
        (None, False),
        ({}, False),
        ({"": ()}, False),
        ({"": ("made by somebody else",)}, False),
        ({"guard": ("made by netbuilder",)}, False),
        ({"": ("", "made by netbuilder")}, False),
        ({"": ("made by netbuilder", "")}, True),
        ({"": ("made by netbuilder",)}, True),
        ({"": ("made by netbuilder",), "theirs": ("x",)}, True),
        (OUTLINE, True),
    ],
)
def test_a_table_is_known_by_its_comment(seen: Any, ours: bool) -> None:
    assert firewall.is_ours(seen) is ours


# Other firewalls

LISTING = """\
table ip filter {
	chain INPUT {
		type filter hook input priority filter; policy drop;
	}
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
	chain DOCKER-USER {
	}
}
table ip6 filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
table inet netbuilder {
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
table inet empty {
}
table inet my.fw {
	chain early {
		type filter hook forward priority mangle; policy accept;
	}
	chain f/x {
		comment "all of it; really"
		type filter hook forward priority filter + 10; policy drop;
	}
}
table bridge filter {
	chain frames {
		type filter hook forward priority filter; policy drop;
	}
}
"""


def test_other_chains_that_drop_what_is_forwarded_are_found() -> None:
    assert firewall.dropping_elsewhere(LISTING) == ["ip filter FORWARD", "inet my.fw f/x", "bridge filter frames"]


@pytest.mark.parametrize("listing", ["", "table ip filter {\n}\n", LISTING.replace("policy drop", "policy accept")])
def test_no_other_chain_drops(listing: str) -> None:
    assert firewall.dropping_elsewhere(listing) == []


# Elements

EVERY_NETWORK = [
    ("bridges", '"br9"'),
    ("icc", '"br9" . "br9"'),
    ("gateways", "10.9.0.1"),
    ("onlink", '"br9" . 10.9.0.0/24'),
]


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, [("leaving", '"br9" . 10.9.0.0/24')]),
        ({"masquerade": False}, []),
        ({"internal": True}, [("internal", '"br9"')]),
        ({"internal": True, "masquerade": False}, [("internal", '"br9"')]),
    ],
)
def test_a_networks_place_in_the_rules(fields: dict[str, bool], more: list[tuple[str, str]]) -> None:
    elements = firewall.network_elements(NETWORK.model_copy(update=fields))
    assert [(set_, key) for set_, key, _ in elements] == EVERY_NETWORK + more
    assert all(why for _, _, why in elements)


@pytest.mark.parametrize(
    ("port", "element"),
    [
        ("8088:80", ("publish_any", "tcp . 8088", "10.9.0.2 . 80")),
        ("5353:53/udp", ("publish_any", "udp . 5353", "10.9.0.2 . 53")),
        ("127.0.0.1:8088:80", ("publish_at", "127.0.0.1 . tcp . 8088", "10.9.0.2 . 80")),
    ],
)
def test_a_published_port_is_one_element(port: str, element: tuple[str, str, str]) -> None:
    assert firewall.port_element(ENDPOINT, *PublishedPort.parse(port)) == element
