"""What stands on a host, who holds what of it, and that nobody holds what is given back."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.claims import Claims
from netbuilder.resolve.resolved import ResolvedEndpoint, ResolvedLocalnet, ResolvedPort, ResolvedSandbox
from netbuilder.spec import PublishedPort
from tests.pure.samples import ENDPOINT, NETWORK, pool

LAB = NETWORK.replace(pools=(pool("10.9.0.1/29"),))
FIRST, LAST = int(IPv4Address("10.9.0.1")), int(IPv4Address("10.9.0.6"))
"""Of the lab network, what can be somebody's."""


def port(text: str) -> ResolvedPort:
    (one,) = PublishedPort.parse(text)
    return ResolvedPort(**one.model_dump(exclude={"last_host_port"}))


def endpoint(name: str, last: int, network: str = "lab") -> ResolvedEndpoint:
    """An endpoint at 10.9.0.LAST."""
    addresses = (IPv4Interface(f"10.9.0.{last}/29"),)
    update = {"network": network, "veth": f"veth{name}", "addresses": addresses, "mac": f"02:42:0a:09:00:{last:02x}"}
    return ENDPOINT.replace(**update)


def bridged(name: str, last: int, *publish: str) -> ResolvedSandbox:
    """A sandbox on the lab network, at 10.9.0.LAST."""
    ports = tuple(map(port, publish))
    return ResolvedSandbox(name=name, mode="bridge", namespace=name, endpoints=(endpoint(name, last),), ports=ports)


WEB = bridged("web", 2, "8088:80", "127.0.0.1:9090:90", "5353:53/udp")
LOCALNET = ResolvedLocalnet(name="lab", bridge="br9")
MATE = ResolvedSandbox(name="mate", mode="container", namespace="web", shares="web")


@pytest.fixture
def allocations() -> Allocations:
    """A network with one sandbox, and another that shares its namespace."""
    allocations = Allocations()
    allocations.record([LAB], [WEB, MATE])
    return allocations


def free_address(claims: Claims) -> str | None:
    number = claims.free_address("lab", FIRST, LAST)
    return None if number is None else str(IPv4Address(number))


Look = Callable[[Allocations, Claims], object]


def holder(address: str) -> Look:
    return lambda _, claims: claims.holder("address", "lab", int(ip_address(address)))


def owner(mac: str, network: str = "lab") -> Look:
    return lambda _, claims: claims.holder("mac", network, mac)


def veth(name: str) -> Look:
    return lambda _, claims: claims.holder("veth", "", name)


def publisher(text: str) -> Look:
    return lambda _, claims: claims.holder_of_port(port(text))


def free(protocol: str, first: int, last: int) -> Look:
    return lambda _, claims: list(claims.free_ports(protocol, first, last))


# What is asked, the answer with the sandbox, and the answer once it is gone.
CLAIMS: list[tuple[str, Look, object, object]] = [
    ("gateway", holder("10.9.0.1"), "the gateway of network lab", "the gateway of network lab"),
    ("address", holder("10.9.0.2"), "sandbox web", None),
    ("free address", holder("10.9.0.3"), None, None),
    ("next address", lambda _, claims: free_address(claims), "10.9.0.3", "10.9.0.2"),
    ("the bridge's mac", owner("02:42:0a:09:00:01"), "the bridge of network lab", "the bridge of network lab"),
    ("mac", owner("02:42:0a:09:00:02"), "sandbox web", None),
    ("mac elsewhere", owner("02:42:0a:09:00:02", "dmz"), None, None),
    ("another mac", owner("02:42:0a:09:00:03"), None, None),
    ("veth", veth("vethweb"), "sandbox web", None),
    ("another veth", veth("vethdb"), None, None),
    ("port", publisher("8088:99"), "web", None),
    ("port on one address", publisher("10.0.0.1:8088:99"), "web", None),
    ("another protocol", publisher("8088:99/udp"), None, None),
    ("another port", publisher("8089:99"), None, None),
    ("port at one address", publisher("127.0.0.1:9090:99"), "web", None),
    ("port at another address", publisher("127.0.0.2:9090:99"), None, None),
    ("the same port on all", publisher("9090:99"), "web", None),
    ("udp", publisher("5353:99/udp"), "web", None),
    ("free tcp", free("tcp", 8087, 8090), [8087, 8089, 8090], [8087, 8088, 8089, 8090]),
    ("free from a taken one", free("tcp", 8088, 8089), [8089], [8088, 8089]),
    ("free at any address", free("tcp", 9090, 9090), [], [9090]),
    ("free udp", free("udp", 5353, 5354), [5354], [5353, 5354]),
]
LOOKS: list[tuple[str, Look, object, object]] = [
    *CLAIMS,
    ("members", lambda allocations, _: allocations.members("lab"), {"web"}, set()),
    ("members of none", lambda allocations, _: allocations.members("dmz"), set(), set()),
    ("localnet", lambda allocations, _: allocations.localnet("lab"), LOCALNET, None),
    ("localnet of none", lambda allocations, _: allocations.localnet("dmz"), None, None),
    ("localnet by it alone", lambda allocations, _: allocations.localnets_of({"web", "mate"}), ["lab"], []),
    ("localnet by others", lambda allocations, _: allocations.localnets_of({"mate", "gone"}), [], []),
    ("sharers", lambda allocations, _: allocations.sharers("web"), {"mate"}, {"mate"}),
    ("sharers of none", lambda allocations, _: allocations.sharers("mate"), set(), set()),
]


def each(looks: list[tuple[str, Look, object, object]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("look", "answer", "after"), [one[1:] for one in looks], ids=[one[0] for one in looks]
    )


@each(LOOKS)
def test_who_holds_what(allocations: Allocations, look: Look, answer: object, after: object) -> None:
    assert look(allocations, allocations.claims) == answer


@each(LOOKS)
def test_what_is_given_back_is_free(allocations: Allocations, look: Look, answer: object, after: object) -> None:
    look(allocations, allocations.claims)  # what an answer lets know must not outlive what it tells of
    allocations.remove([], ["web"])
    assert look(allocations, allocations.claims) == after


@each(CLAIMS)
def test_what_an_overlay_gives_back_is_free_there_alone(
    allocations: Allocations, look: Look, answer: object, after: object
) -> None:
    overlay = allocations.claims.overlay()
    assert look(allocations, overlay) == answer
    overlay.remove_sandbox(WEB)
    assert look(allocations, overlay) == after
    assert look(allocations, overlay.overlay()) == after
    assert look(allocations, allocations.claims) == answer
    overlay.add_sandbox(WEB)
    assert look(allocations, overlay) == answer


@each(CLAIMS)
def test_what_an_overlay_takes_is_taken_there_alone(
    allocations: Allocations, look: Look, answer: object, after: object
) -> None:
    allocations.remove([], ["web"])
    overlay = allocations.claims.overlay()
    assert look(allocations, overlay) == after
    overlay.add_sandbox(WEB)
    assert look(allocations, overlay) == answer
    assert look(allocations, overlay.overlay()) == answer
    assert look(allocations, allocations.claims) == after
    overlay.remove_sandbox(WEB)
    assert look(allocations, overlay) == after


def test_what_stands_comes_in_the_order_in_which_it_was_made(allocations: Allocations) -> None:
    dmz = LAB.replace(name="dmz")
    db = bridged("db", 3)
    allocations.record([dmz], [db])
    assert list(allocations.networks.items()) == [("lab", LAB), ("dmz", dmz)]
    assert list(allocations.sandboxes.items()) == [("web", WEB), ("mate", MATE), ("db", db)]


def test_what_is_recorded_stands_in_the_place_of_what_had_its_name(allocations: Allocations) -> None:
    changed = bridged("web", 5, "8089:80")
    allocations.record([], [changed])
    assert list(allocations.sandboxes.items()) == [("web", changed), ("mate", MATE)]
    assert [holder(f"10.9.0.{last}")(allocations, allocations.claims) for last in (2, 5)] == [None, "sandbox web"]
    assert [publisher(text)(allocations, allocations.claims) for text in ("8088:80", "8089:80")] == [None, "web"]
    assert (allocations.members("lab"), allocations.sharers("web")) == ({"web"}, {"mate"})


def test_who_leaves_a_network_or_a_namespace_depends_on_it_no_more(allocations: Allocations) -> None:
    allocations.record([], [ResolvedSandbox(name=name, mode="host", namespace=None) for name in ("web", "mate")])
    assert (allocations.members("lab"), allocations.sharers("web")) == (set(), set())


def test_sandboxes_recorded_together_may_have_exchanged_what_they_hold(allocations: Allocations) -> None:
    allocations.record([], [bridged("db", 3, "8089:80")])
    allocations.record([], [bridged("web", 3, "8089:80"), bridged("db", 2, "8088:80")])
    claims = allocations.claims
    assert [holder(f"10.9.0.{last}")(allocations, claims) for last in (2, 3)] == ["sandbox db", "sandbox web"]
    assert [owner(f"02:42:0a:09:00:0{last}")(allocations, claims) for last in (2, 3)] == ["sandbox db", "sandbox web"]
    assert [publisher(text)(allocations, claims) for text in ("8088:80", "8089:80")] == ["db", "web"]
    assert free_address(claims) == "10.9.0.4"


def test_a_network_and_its_sandbox_recorded_together_may_have_exchanged_addresses(allocations: Allocations) -> None:
    gateway = {"pools": (pool("10.9.0.2/29"),), "mac": "02:42:0a:09:00:02"}
    allocations.record([LAB.replace(**gateway)], [bridged("web", 1)])
    claims = allocations.claims
    assert [holder(f"10.9.0.{last}")(allocations, claims) for last in (1, 2)] == [
        "sandbox web",
        "the gateway of network lab",
    ]
    assert owner("02:42:0a:09:00:02")(allocations, claims) == "the bridge of network lab"
    assert allocations.members("lab") == {"web"}


def test_a_sandbox_with_nothing_of_its_own_is_just_a_name(allocations: Allocations) -> None:
    allocations.remove([], ["mate"])
    assert allocations.sandboxes.keys() == {"web"}
    assert allocations.sharers("web") == set()


def test_a_network_that_is_removed_is_as_if_it_had_never_been(allocations: Allocations) -> None:
    allocations.remove(["lab"], ["web"])
    assert allocations.networks == {}
    assert holder("10.9.0.1")(allocations, allocations.claims) is None
    assert owner("02:42:0a:09:00:01")(allocations, allocations.claims) is None
    allocations.record([LAB.replace(pools=(pool("10.9.0.2/29"),))], [])
    assert free_address(allocations.claims) == "10.9.0.1"


def test_what_does_not_stand_may_be_removed(allocations: Allocations) -> None:
    allocations.remove(iter(["dmz"]), iter(["db"]))
    assert (allocations.networks, allocations.sandboxes) == ({"lab": LAB}, {"web": WEB, "mate": MATE})


def test_a_network_is_full_once_every_address_is_taken(allocations: Allocations) -> None:
    for last in range(3, 7):
        assert free_address(allocations.claims) == f"10.9.0.{last}"
        allocations.record([], [bridged(f"s{last}", last)])
    assert free_address(allocations.claims) is None
    assert free_address(allocations.claims.overlay()) is None
    allocations.remove([], ["s4"])
    assert free_address(allocations.claims) == "10.9.0.4"


def test_a_port_is_held_as_long_as_one_address_has_it() -> None:
    allocations = Allocations()
    allocations.record([LAB], [bridged("a", 2, "127.0.0.1:80:80"), bridged("b", 3, "127.0.0.2:80:80")])
    claims = allocations.claims
    allocations.remove([], ["a"])
    assert list(claims.free_ports("tcp", 80, 81)) == [81]
    assert claims.holder_of_port(port("80:80")) == "b"
    allocations.remove([], ["b"])
    assert list(claims.free_ports("tcp", 80, 81)) == [80, 81]
    assert claims.holder_of_port(port("80:80")) is None


def test_an_overlay_gives_back_a_port_on_one_address_of_several() -> None:
    allocations = Allocations()
    sandboxes = [bridged("a", 2, "127.0.0.1:80:80"), bridged("b", 3, "127.0.0.2:80:80")]
    allocations.record([LAB], sandboxes)
    overlay = allocations.claims.overlay()
    overlay.remove_sandbox(sandboxes[0])
    assert [overlay.holder_of_port(port(f"127.0.0.{last}:80:80")) for last in (1, 2)] == [None, "b"]
    assert list(overlay.free_ports("tcp", 80, 81)) == [81]
    overlay.remove_sandbox(sandboxes[1])
    assert list(overlay.free_ports("tcp", 80, 81)) == [80, 81]
    assert [allocations.claims.holder_of_port(port(f"127.0.0.{last}:80:80")) for last in (1, 2)] == ["a", "b"]


def test_a_network_may_have_both_families_and_a_sandbox_several_endpoints() -> None:
    lab = LAB.replace(pools=(*LAB.pools, pool("fd00:9::1/64")))
    dmz = LAB.replace(name="dmz")
    both = WEB.replace(endpoints=(*WEB.endpoints, endpoint("web2", 3, "dmz")))
    allocations = Allocations()
    allocations.record([lab, dmz], [both])
    assert [str(subnet) for subnet in lab.subnets] == ["10.9.0.0/29", "fd00:9::/64"]
    assert holder("fd00:9::1")(allocations, allocations.claims) == "the gateway of network lab"
    assert both.networks == {"lab", "dmz"}
    assert (allocations.members("lab"), allocations.members("dmz")) == ({"web"}, {"web"})
    assert [veth(name)(allocations, allocations.claims) for name in ("vethweb", "vethweb2")] == ["sandbox web"] * 2
    allocations.remove([], ["web"])
    assert (allocations.members("lab"), allocations.members("dmz")) == (set(), set())
    assert [veth(name)(allocations, allocations.claims) for name in ("vethweb", "vethweb2")] == [None, None]
    allocations.remove(["lab"], [])
    assert holder("fd00:9::1")(allocations, allocations.claims) is None


@pytest.mark.parametrize(
    ("fields", "depends_on"),
    [
        ({"mode": "none", "namespace": "web"}, set()),
        ({"mode": "host", "namespace": None}, set()),
        ({"mode": "container", "namespace": "db", "shares": "db"}, {"db"}),
        ({"mode": "container", "namespace": "db", "shares": "mate"}, {"db", "mate"}),
        ({"mode": "container", "namespace": None, "shares": "top"}, {"top"}),
    ],
)
def test_whose_sharer_a_sandbox_is(fields: dict[str, Any], depends_on: set[str]) -> None:
    sandbox = ResolvedSandbox(name="web", **fields)
    assert sandbox.depends_on == depends_on
    allocations = Allocations()
    allocations.record([], [sandbox])
    assert {name for name in ("web", "db", "mate", "top") if allocations.sharers(name)} == depends_on


# Lowest first

NUMBERS = st.integers(1, 12)
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["take", "release", "free", "overlay", "drop"]), NUMBERS, NUMBERS, st.booleans()),
    max_size=40,
)


class Numbers:
    """Addresses or ports that are taken, given back and asked for by number, with what is known to be taken."""

    def __init__(self, kind: str) -> None:
        self.kind, self.claims, self.taken = kind, Claims(), set[int]()
        self.under: list[tuple[Claims, set[int]]] = []

    def take(self, number: int) -> None:
        if number not in self.taken:
            self.claims.add_sandbox(self._holding(number))
            self.taken.add(number)

    def release(self, number: int) -> None:
        if number in self.taken:
            self.claims.remove_sandbox(self._holding(number))
            self.taken.remove(number)

    def overlay(self) -> None:
        self.under.append((self.claims, set(self.taken)))
        self.claims = self.claims.overlay()

    def drop(self) -> None:
        """Go back to what the overlay was over."""
        if self.under:
            self.claims, self.taken = self.under.pop()

    def check(self, claims: Claims, taken: set[int], first: int, last: int) -> None:
        expected = [number for number in range(first, last + 1) if number not in taken]
        if self.kind == "address":
            assert claims.free_address("lab", first, last) == next(iter(expected), None)
        else:
            assert list(claims.free_ports("tcp", first, last)) == expected

    def _holding(self, number: int) -> ResolvedSandbox:
        if self.kind == "port":
            return ResolvedSandbox(name="web", mode="bridge", namespace="web", ports=(port(f"{number}:80"),))
        held = {"addresses": (IPv4Interface(number),), "veth": f"veth{number}", "mac": f"02:42:00:00:00:{number:02x}"}
        end = ENDPOINT.replace(**held)
        return ResolvedSandbox(name="web", mode="bridge", namespace="web", endpoints=(end,))


@pytest.mark.parametrize("kind", ["address", "port"])
@given(ACTIONS)
def test_the_lowest_free_numbers_are_those_that_are_not_taken(
    kind: str, actions: list[tuple[str, int, int, bool]]
) -> None:
    numbers = Numbers(kind)
    for action, one, other, below_too in actions:
        if action == "free":
            numbers.check(numbers.claims, numbers.taken, one, other)
            for claims, taken in numbers.under if below_too else ():
                numbers.check(claims, taken, one, other)
        elif action == "overlay":
            numbers.overlay()
        elif action == "drop":
            numbers.drop()
        else:
            getattr(numbers, action)(one)
    for claims, taken in (*numbers.under, (numbers.claims, numbers.taken)):
        numbers.check(claims, taken, 1, 12)


class Counted(dict[Any, Any]):
    """A mapping that counts how often it is looked into."""

    looks = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.looks += 1
        return super().__contains__(key)


@pytest.mark.parametrize("overlay", [False, True], ids=["the claims", "an overlay"])
def test_what_is_taken_is_walked_over_only_once(monkeypatch: pytest.MonkeyPatch, overlay: bool) -> None:
    claims, counted = Claims(), Counted()
    monkeypatch.setattr(claims, "_holders", counted)
    for number in range(1, 1001):
        claims.take("address", "lab", number, "web")
    claims = claims.overlay() if overlay else claims
    for number in range(1001, 2001):
        assert claims.free_address("lab", 1, 9999) == number
        claims.take("address", "lab", number, "web")
    assert counted.looks < 10_000


def test_what_is_taken_is_walked_over_only_once_for_many_overlays(monkeypatch: pytest.MonkeyPatch) -> None:
    claims, counted = Claims(), Counted()
    monkeypatch.setattr(claims, "_holders", counted)
    for number in range(1, 1001):
        claims.take("address", "lab", number, "web")
    for _ in range(100):
        assert claims.overlay().overlay().free_address("lab", 1, 9999) == 1001
    assert counted.looks < 10_000
