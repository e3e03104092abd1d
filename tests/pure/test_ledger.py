"""The ledger knows who holds what, and forgets it when it is given back."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.ledger import FirstFree, Ledger
from netbuilder.ports import PublishedPort
from netbuilder.resolved import ResolvedSandbox
from tests.pure.samples import ENDPOINT, NETWORK

LAB = NETWORK.model_copy(update={"subnet": IPv4Network("10.9.0.0/29")})


def port(text: str) -> PublishedPort:
    (one,) = PublishedPort.parse(text)
    return one


def bridged(name: str, last: int, *publish: str) -> ResolvedSandbox:
    """A sandbox on the lab network, at 10.9.0.LAST."""
    address = IPv4Address("10.9.0.0") + last
    ports = tuple(map(port, publish))
    names = {"veth": f"veth{name}", "mac": f"02:42:0a:09:00:{last:02x}"}
    endpoint = ENDPOINT.model_copy(update={**names, "address": address, "prefix": 29, "publish": ports})
    return ResolvedSandbox(name=name, mode="bridge", namespace=name, endpoint=endpoint)


WEB = bridged("web", 2, "8088:80", "127.0.0.1:9090:90", "5353:53/udp")
MATE = ResolvedSandbox(name="mate", mode="container", namespace="web", shares="web")


@pytest.fixture
def ledger() -> Ledger:
    """A network with one sandbox, and another that shares its namespace."""
    ledger = Ledger()
    ledger.add_network(LAB)
    ledger.add_sandbox(WEB)
    ledger.add_sandbox(MATE)
    return ledger


Look = Callable[[Ledger], object]


def holder(address: str) -> Look:
    return lambda ledger: ledger.holder_of_address("lab", IPv4Address(address))


def publisher(text: str) -> Look:
    return lambda ledger: ledger.holder_of_port(port(text))


def free(protocol: str, first: int, last: int) -> Look:
    return lambda ledger: list(ledger.free_ports(protocol, (first, last)))


# What is asked, the answer with the sandbox, and the answer once it is gone.
LOOKS: list[tuple[str, Look, object, object]] = [
    ("gateway", holder("10.9.0.1"), "the gateway of network lab", "the gateway of network lab"),
    ("address", holder("10.9.0.2"), "sandbox web", None),
    ("free address", holder("10.9.0.3"), None, None),
    ("next address", lambda ledger: str(ledger.free_address("lab")), "10.9.0.3", "10.9.0.2"),
    ("members", lambda ledger: ledger.members("lab"), {"web"}, set()),
    ("members of none", lambda ledger: ledger.members("dmz"), set(), set()),
    ("sharers", lambda ledger: ledger.sharers("web"), {"mate"}, {"mate"}),
    ("sharers of none", lambda ledger: ledger.sharers("mate"), set(), set()),
    ("veth", lambda ledger: ledger.veth_is_free("vethweb"), False, True),
    ("another veth", lambda ledger: ledger.veth_is_free("vethdb"), True, True),
    ("port", publisher("8088:99"), "web", None),
    ("port on one address", publisher("10.0.0.1:8088:99"), "web", None),
    ("another protocol", publisher("8088:99/udp"), None, None),
    ("another port", publisher("8089:99"), None, None),
    ("open port", publisher("99"), None, None),
    ("port at one address", publisher("127.0.0.1:9090:99"), "web", None),
    ("port at another address", publisher("127.0.0.2:9090:99"), None, None),
    ("the same port on all", publisher("9090:99"), "web", None),
    ("udp", publisher("5353:99/udp"), "web", None),
    ("free tcp", free("tcp", 8087, 8090), [8087, 8089, 8090], [8087, 8088, 8089, 8090]),
    ("free from a taken one", free("tcp", 8088, 8089), [8089], [8088, 8089]),
    ("free at any address", free("tcp", 9090, 9090), [], [9090]),
    ("free udp", free("udp", 5353, 5354), [5354], [5353, 5354]),
]
each_look = pytest.mark.parametrize(
    ("look", "answer", "after"), [case[1:] for case in LOOKS], ids=[c[0] for c in LOOKS]
)


@each_look
def test_who_holds_what(ledger: Ledger, look: Look, answer: object, after: object) -> None:
    assert look(ledger) == answer


@each_look
def test_what_is_given_back_is_free(ledger: Ledger, look: Look, answer: object, after: object) -> None:
    look(ledger)  # an answer leaves a hint, which must not outlive what it tells of
    ledger.remove_sandbox("web")
    assert look(ledger) == after


def test_a_sandbox_with_nothing_of_its_own_is_just_a_name(ledger: Ledger) -> None:
    ledger.remove_sandbox("mate")
    assert ledger.sandboxes.keys() == {"web"}
    assert ledger.sharers("web") == set()


def test_a_network_that_is_struck_out_is_as_if_it_had_never_been(ledger: Ledger) -> None:
    ledger.remove_sandbox("web")
    ledger.remove_network("lab")
    assert ledger.networks == {}
    assert ledger.holder_of_address("lab", LAB.gateway) is None
    ledger.add_network(LAB.model_copy(update={"gateway": IPv4Address("10.9.0.2")}))
    assert ledger.free_address("lab") == IPv4Address("10.9.0.1")


def test_a_network_is_full_once_every_address_is_taken(ledger: Ledger) -> None:
    for last in range(3, 7):
        assert ledger.free_address("lab") == IPv4Address(f"10.9.0.{last}")
        ledger.add_sandbox(bridged(f"s{last}", last))
    assert ledger.free_address("lab") is None
    ledger.remove_sandbox("s4")
    assert ledger.free_address("lab") == IPv4Address("10.9.0.4")


def test_a_port_is_held_as_long_as_one_address_has_it() -> None:
    ledger = Ledger()
    ledger.add_network(LAB)
    ledger.add_sandbox(bridged("a", 2, "127.0.0.1:80:80"))
    ledger.add_sandbox(bridged("b", 3, "127.0.0.2:80:80"))
    ledger.remove_sandbox("a")
    assert list(ledger.free_ports("tcp", (80, 81))) == [81]
    assert ledger.holder_of_port(port("80:80")) == "b"
    ledger.remove_sandbox("b")
    assert list(ledger.free_ports("tcp", (80, 81))) == [80, 81]
    assert ledger.holder_of_port(port("80:80")) is None


NUMBERS = st.integers(0, 12)
ACTIONS = st.lists(st.tuples(st.sampled_from(["take", "give_back", "candidates"]), NUMBERS, NUMBERS), max_size=40)


@given(ACTIONS)
def test_the_first_free_numbers_are_those_that_are_not_taken(actions: list[tuple[str, int, int]]) -> None:
    numbers, taken = FirstFree(), set[int]()
    for action, one, other in actions:
        if action == "take":
            numbers.take(one)
            taken.add(one)
        elif action == "give_back":
            numbers.give_back(one)
            taken.discard(one)
        else:
            expected = [number for number in range(one, other + 1) if number not in taken]
            assert list(islice(numbers.candidates(one, other), 99)) == expected
