"""What stands is written as a spec that asks for just that, and a change to it changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from netbuilder.errors import SpecError
from netbuilder.resolve import resolve
from netbuilder.resolve.allocations import Allocations
from netbuilder.resolve.edits import connected, disconnected, published, unpublished
from netbuilder.resolve.facts import HostFacts
from netbuilder.resolve.resolved import ResolvedSandbox
from netbuilder.resolve.spec_of import spec_of
from netbuilder.spec import Bridge, Container, Endpoint, HostNetwork, Network, NoNetwork, PublishedPort, Route, Sandbox

NETWORKS = [
    Network("four", subnet="10.1.0.0/24"),
    Network("bound", subnet="10.2.0.0/24", host_binding="192.0.2.1", interface_prefix="lan"),
    Network("six", ipv4=False, subnet6="fd00:6::/64"),
    Network("both", subnet="10.3.0.0/24", subnet6="fd00:3::/64", icc=False),
    Network("inner", subnet="10.4.0.0/24", internal=True),
]
NAMES = [network.name for network in NETWORKS]
SYSCTLS = {"net.ipv4.conf.IFNAME.log_martians": "1"}


def standing(*sandboxes: Sandbox, facts: HostFacts | None = None) -> Allocations:
    """A host with the networks above, and sandboxes."""
    allocations = Allocations()
    resolution = resolve([*NETWORKS, *sandboxes], allocations, facts or HostFacts())
    allocations.record(resolution.networks, resolution.sandboxes)
    return allocations


def again(allocations: Allocations, spec: Sandbox) -> ResolvedSandbox:
    """What a spec comes to, on a host that has it already."""
    resolution = resolve([spec], allocations)
    allocations.record(resolution.networks, resolution.sandboxes)
    return resolution.sandboxes[0]


def web(*endpoints: str | Endpoint, publish: Any = (), **fields: Any) -> Sandbox:
    return Sandbox("web", mode=Bridge(endpoints=endpoints, publish=publish), **fields)


PORTS = st.sampled_from(
    ["80", "8080:80", "127.0.0.1:81:81/udp", "192.0.2.1::82", "9000-9009:9000-9009", "9100-9103:83", "[::1]:84:84"]
)


@st.composite
def endpoints(draw: st.DrawFn) -> list[Endpoint]:
    found = []
    for at, name in enumerate(draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]):
        fields: dict[str, Any] = {"gw_priority": draw(st.integers(-2, 2))}
        if draw(st.booleans()):
            fields["mac"] = f"02:00:00:00:00:0{at}"
        if draw(st.booleans()):
            fields["interface"] = draw(st.sampled_from([f"net{at}", f"eth{9 - at}", f"conf{at}"]))
        if draw(st.booleans()):
            fields["link_local"] = [f"169.254.7.{at + 1}", f"fe80::{at + 1}"]
        if draw(st.booleans()):
            fields["sysctls"] = SYSCTLS
        if name == "four" and draw(st.booleans()):
            fields["address"] = "10.1.0.77"
        found.append(Endpoint(name, **fields))
    return found


@st.composite
def sandboxes(draw: st.DrawFn) -> Sandbox:
    mode: Any = draw(
        st.one_of(
            st.just(NoNetwork()),
            st.just(HostNetwork()),
            st.just(Container("other")),
            st.builds(lambda on, ports: Bridge(endpoints=on, publish=ports), endpoints(), st.sets(PORTS).map(sorted)),
        )
    )
    fields: dict[str, Any] = {"labels": draw(st.sampled_from([{}, {"b": "1", "a": "2"}]))}
    if mode.kind in ("bridge", "none"):
        fields["sysctls"] = draw(st.sampled_from([{}, {"net.ipv4.ip_forward": 1, "net.core.somaxconn": 9}]))
        fields["namespace"] = draw(st.sampled_from([None, "/run/netns/there", 4711]))
    if mode.kind == "bridge" and any(one.network == "four" for one in mode.attachments):
        fields["routes"] = draw(st.sampled_from([[], [Route("10.8.0.0/24", via="10.1.0.9", metric=7)]]))
    return Sandbox("web", mode=mode, **fields)


def resolved(sandbox: Sandbox) -> tuple[Allocations, ResolvedSandbox]:
    """What a sandbox stands as; not one of those that cannot be."""
    try:
        allocations = standing(sandbox, Sandbox("other", mode="none"))
    except SpecError:
        assume(False)
    return allocations, allocations.sandboxes["web"]


@given(sandboxes())
def test_what_stands_is_asked_for_by_its_spec(sandbox: Sandbox) -> None:
    allocations, before = resolved(sandbox)
    assert again(allocations, spec_of(before)) == before
    assert spec_of(before) == spec_of(again(allocations, spec_of(before)))


@given(sandboxes())
def test_the_spec_of_what_stands_leaves_nothing_to_choose(sandbox: Sandbox) -> None:
    """On another host, with the same networks and nothing else, it is the same; but for what somebody has there."""
    _, before = resolved(sandbox)
    other = standing(Sandbox("other", mode="none"))
    assert again(other, spec_of(before)) == before


@settings(suppress_health_check=[HealthCheck.filter_too_much])  # of four networks, most are on some of them already
@given(sandboxes(), st.sampled_from(NAMES))
def test_to_connect_and_disconnect_is_as_if_nothing_was(sandbox: Sandbox, network: str) -> None:
    allocations, before = resolved(sandbox)
    assume(before.mode == "bridge" and network not in before.networks)
    try:
        between = again(allocations, connected(before, Endpoint(network)))
    except SpecError:
        assume(False)
    assert again(allocations, disconnected(between, network)).replace(ports=(), waiting=()) == before.replace(
        ports=(), waiting=()
    )
    assert [one.network for one in between.endpoints] == [*(one.network for one in before.endpoints), network]
    kept = {one.network: (one.addresses, one.interface, one.veth, one.mac) for one in between.endpoints}
    assert all(kept[one.network] == (one.addresses, one.interface, one.veth, one.mac) for one in before.endpoints)


def test_a_new_endpoint_has_the_next_interface() -> None:
    allocations = standing(web("four"))
    after = again(allocations, connected(allocations.sandboxes["web"], Endpoint("inner")))
    assert [one.interface for one in after.endpoints] == ["eth0", "eth1"]
    assert [len(one.gateways) for one in after.endpoints] == [1, 0]


def test_the_gateway_and_with_it_the_ports_move_by_priority_and_back() -> None:
    allocations = standing(web("four", publish=["8080:80", "81"]))
    before = allocations.sandboxes["web"]
    between = again(allocations, connected(before, Endpoint("both", gw_priority=1)))
    gateway = between.gateway_endpoint("ipv4")
    assert gateway is not None and gateway.network == "both"
    assert between.ports == before.ports
    assert again(allocations, disconnected(between, "both")) == before


def test_on_no_network_ports_wait_with_their_numbers() -> None:
    allocations = standing(web("four", publish=["8080:80", "81"]))
    before = allocations.sandboxes["web"]
    alone = again(allocations, disconnected(before, "four"))
    assert (alone.mode, alone.endpoints, alone.ports) == ("bridge", (), ())
    assert alone.waiting == tuple(map(str, before.ports))
    inside = again(allocations, connected(alone, Endpoint("inner")))
    assert inside.waiting == alone.waiting
    assert again(allocations, connected(inside, Endpoint("four"))).ports == before.ports


def test_a_route_goes_with_the_network_that_it_leads_out_by() -> None:
    routes = [Route("10.8.0.0/24", via="10.1.0.9"), Route("10.9.0.0/24", via="10.4.0.9")]
    allocations = standing(web("four", "inner", routes=routes))
    after = again(allocations, disconnected(allocations.sandboxes["web"], "inner"))
    assert [str(route.dst) for route in after.routes] == ["10.8.0.0/24"]


@pytest.mark.parametrize(
    ("closed", "left"),
    [
        (["80"], ["53:53/udp", "7000-7009:7000-7009/tcp"]),
        (["8080:80"], ["127.0.0.1:8081:80/tcp", "53:53/udp", "7000-7009:7000-7009/tcp"]),
        (["8080-8089:80"], ["127.0.0.1:8081:80/tcp", "53:53/udp", "7000-7009:7000-7009/tcp"]),
        (["127.0.0.1::80", "53/udp"], ["8080:80/tcp", "7000-7009:7000-7009/tcp"]),
        (["7000-7009:7000-7009"], ["8080:80/tcp", "127.0.0.1:8081:80/tcp", "53:53/udp"]),
    ],
)
def test_ports_are_closed_by_what_is_said_of_them(closed: list[str], left: list[str]) -> None:
    ports = ["8080:80", "127.0.0.1:8081:80", "53:53/udp", "7000-7009:7000-7009"]
    allocations = standing(web("four", publish=ports))
    after = again(allocations, unpublished(allocations.sandboxes["web"], Bridge(publish=closed).publish))
    assert list(map(str, after.ports)) == left


def test_ports_are_opened_beside_those_there_are() -> None:
    allocations = standing(web("four", publish=["80"]))
    before = allocations.sandboxes["web"]
    after = again(allocations, published(before, Bridge(publish=["8443:443"]).publish))
    assert after.ports[:1] == before.ports
    assert str(after.ports[1]) == "8443:443/tcp"


ENDPOINT, PORT = Endpoint("four"), PublishedPort(80)


@pytest.mark.parametrize(
    ("sandbox", "change", "problem", "hint"),
    [
        (web("four"), lambda one: connected(one, ENDPOINT), "is on network four already", "disconnect it first"),
        (web("four"), lambda one: disconnected(one, "fuor"), "is not on network fuor", "did you mean four?"),
        (web("four"), lambda one: disconnected(one, "six"), "is not on network six", "it is on four"),
        (web(), lambda one: disconnected(one, "four"), "is not on network four", "it is on none"),
        (web("four", publish=["81:81"]), lambda one: unpublished(one, [PORT]), "does not publish 80/tcp", "81:81/tcp"),
        (web("four"), lambda one: unpublished(one, [PORT]), "does not publish 80/tcp", "it publishes none"),
        (
            web(Endpoint("four", interface="x0")),
            lambda one: connected(one, Endpoint("six", interface="x0")),
            "two interfaces cannot be called x0",
            "",
        ),
        *(
            (Sandbox("web", mode=mode), change, f"is in {mode.partition(':')[0]} mode", hint)
            for mode, hint in (
                ("host", "ask for it in bridge mode"),
                ("none", "ask for it in bridge mode"),
                ("container:other", "do it with sandbox other"),
            )
            for change in (
                lambda one: connected(one, ENDPOINT),
                lambda one: disconnected(one, "four"),
                lambda one: published(one, [PORT]),
                lambda one: unpublished(one, [PORT]),
            )
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(sandbox: Sandbox, change: Any, problem: str, hint: str) -> None:
    allocations = standing(Sandbox("other", mode="none"), sandbox)
    with pytest.raises(SpecError) as caught:
        change(allocations.sandboxes["web"])
    assert problem in str(caught.value)
    assert hint in caught.value.hint
    assert caught.value.field.startswith("sandbox web")


def test_bridge_mode_on_no_network_is_read_back_from_json() -> None:
    for mode in (Bridge(), Bridge(endpoints=[]), Bridge(endpoints=["a", "b"]), Bridge("lab", mac="02:00:00:00:00:01")):
        assert Bridge.model_validate_json(mode.model_dump_json()) == mode
    assert Bridge(endpoints=[]) != Bridge()
