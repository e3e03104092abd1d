"""Every default is as Docker's, every clash is refused with the field's name, and nobody loses what they have."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netbuilder.errors import SpecError
from netbuilder.ledger import Ledger
from netbuilder.ports import ANY, PublishedPort
from netbuilder.resolve import Resolution, needs_survey, resolve
from netbuilder.resolved import Endpoint, Facts, Ground, ResolvedNetwork, ResolvedSandbox
from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox

Specs = list[Network | Sandbox]

LAB = Network(name="lab", subnet="10.9.0.0/24")
DMZ = Network(name="dmz", subnet="10.8.0.0/24")


def on(name: str, network: str = "lab", **mode: Any) -> Sandbox:
    """A sandbox in bridge mode."""
    return Sandbox(name=name, mode=Bridge(network=network, **mode))


def mate(name: str, of: str) -> Sandbox:
    """A sandbox in container mode."""
    return Sandbox(name=name, mode=Container(sandbox=of))


def empty(name: str, **fields: Any) -> Sandbox:
    """A sandbox in none mode."""
    return Sandbox(name=name, mode=NoNetwork(), **fields)


def top(name: str) -> Sandbox:
    """A sandbox in host mode."""
    return Sandbox(name=name, mode=HostNetwork())


def host(*specs: Network | Sandbox) -> Ledger:
    """The ledger of a host on which something stands."""
    ledger = Ledger()
    resolve(specs, ledger)
    return ledger


def network(spec: Network, ledger: Ledger | None = None, **facts: Any) -> ResolvedNetwork:
    (one,) = resolve([spec], ledger or Ledger(), Facts(**facts)).networks
    return one


def subnets(specs: Iterable[Network], ledger: Ledger, **facts: Any) -> list[str]:
    return [str(one.subnet) for one in resolve(specs, ledger, Facts(**facts)).networks]


def endpoints(resolution: Resolution) -> dict[str, Endpoint]:
    return {one.name: one.endpoint for one in resolution.sandboxes if one.endpoint}


def addresses(resolution: Resolution) -> dict[str, str]:
    return {name: str(end.address) for name, end in endpoints(resolution).items()}


def ports(resolution: Resolution) -> list[str]:
    return [str(port).removesuffix("/tcp") for end in endpoints(resolution).values() for port in end.publish]


def refusal(specs: Iterable[Network | Sandbox], ledger: Ledger | None = None, **facts: Any) -> SpecError:
    with pytest.raises(SpecError) as caught:
        resolve(specs, ledger or Ledger(), Facts(**facts))
    return caught.value


# MAC addresses


@pytest.mark.parametrize(
    ("macs", "holder"),
    [
        (["02:00:00:00:00:01", "02:00:00:00:00:01"], "sandbox a"),
        (["02:42:0a:09:00:01", None], "the bridge of network lab"),
        (["02:42:0a:09:00:03", None], "sandbox a"),
    ],
    ids=["each other's", "the bridge's", "a chosen one's"],
)
def test_a_mac_address_is_had_by_one(macs: list[str | None], holder: str) -> None:
    specs = [Sandbox(name=name, mode=Bridge(network="lab", mac=mac)) for name, mac in zip("ab", macs, strict=True)]
    with pytest.raises(SpecError, match=f"is the MAC address of {holder} already"):
        resolve([LAB, *specs], Ledger())


# Networks


@pytest.mark.parametrize("there", [True, False])
def test_a_bridge_that_is_there_is_adopted(there: bool) -> None:
    assert network(Network(name="lab", bridge="br9"), interfaces=frozenset({"br9"} if there else {})).adopted == there


def test_the_default_network_is_dockers() -> None:
    assert network(Network(name="bridge")) == ResolvedNetwork(
        name="bridge",
        bridge="docker0",
        subnet=IPv4Network("172.17.0.0/16"),
        gateway=IPv4Address("172.17.0.1"),
        mac="02:42:ac:11:00:01",
        mtu=None,
        masquerade=True,
        internal=False,
        quiet_ipv6=True,
    )


def test_what_a_network_asks_for_it_gets() -> None:
    spec = Network(
        name="lab", bridge="br9", subnet="10.9.0.0/24", gateway="10.9.0.9", mtu=1400, masquerade=False, internal=True
    )
    assert network(spec, ipv6=False) == ResolvedNetwork(
        name="lab",
        bridge="br9",
        subnet=IPv4Network("10.9.0.0/24"),
        gateway=IPv4Address("10.9.0.9"),
        mac="02:42:0a:09:00:09",
        mtu=1400,
        masquerade=False,
        internal=True,
        quiet_ipv6=False,
    )


@pytest.mark.parametrize(
    ("mtu", "ipv6", "quiet"), [(68, True, False), (1279, True, False), (1280, True, True), (1280, False, False)]
)
def test_ipv6_is_switched_off_where_the_kernel_has_it(mtu: int, ipv6: bool, quiet: bool) -> None:
    lab = Network(name="lab", subnet="10.9.0.0/24", mtu=mtu)
    resolution = resolve([lab, on("web", "lab")], Ledger(), Facts(ipv6=ipv6))
    assert resolution.networks[0].quiet_ipv6 is quiet
    assert endpoints(resolution)["web"].quiet_ipv6 is quiet


@pytest.mark.parametrize("before", [[], [Network(name="bridge")]], ids=["new", "standing"])
def test_a_sandbox_on_the_default_network_implies_it(before: list[Network]) -> None:
    resolution = resolve([on("web", "bridge")], host(*before))
    assert resolution.networks == (network(Network(name="bridge")),)
    assert addresses(resolution) == {"web": "172.17.0.2"}


def test_a_default_network_that_is_declared_is_as_declared() -> None:
    specs: Specs = [on("web", "bridge"), Network(name="bridge", subnet="10.7.0.0/24")]
    resolution = resolve(specs, Ledger())
    assert [str(one.subnet) for one in resolution.networks] == ["10.7.0.0/24"]
    assert addresses(resolution) == {"web": "10.7.0.2"}


@pytest.mark.parametrize("sandbox", [on("web"), empty("web"), top("web")])
def test_other_sandboxes_do_not_imply_it(sandbox: Sandbox) -> None:
    assert resolve([sandbox], host(LAB)).networks == ()


def test_subnets_are_taken_in_dockers_order() -> None:
    specs = [Network(name=name) for name in "abc"]
    assert subnets(specs, Ledger()) == ["172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16"]


def test_a_gap_is_used_again() -> None:
    ledger = host(*(Network(name=name) for name in "abc"))
    ledger.remove_network("b")
    assert subnets([Network(name="d"), Network(name="e")], ledger) == ["172.18.0.0/16", "172.20.0.0/16"]


def test_a_subnet_that_the_host_reaches_already_is_passed_over() -> None:
    onlink = ((IPv4Network("172.17.4.0/24"), "eth0"), (IPv4Network("172.18.0.0/15"), "eth1"))
    assert subnets([Network(name="a")], Ledger(), onlink=onlink) == ["172.20.0.0/16"]


def test_a_default_does_not_take_what_another_names() -> None:
    specs = [Network(name="a"), Network(name="b", subnet="172.17.0.0/24")]
    assert subnets(specs, Ledger()) == ["172.17.0.0/24", "172.18.0.0/16"]


def test_after_dockers_31_pools_a_subnet_must_be_named() -> None:
    specs: Specs = [Network(name=f"n{number}") for number in range(32)]
    ledger = host(*specs[:31])
    assert len({one.subnet for one in ledger.networks.values()}) == 31
    error = refusal(specs[31:], ledger)
    assert str(error) == (
        "network n31.subnet: every one of Docker's 31 address pools overlaps a network or a route of this host"
    )
    assert error.hint == "name a subnet, such as 10.9.0.0/24"


ADOPTED: dict[str, Any] = {
    "addresses": {"br0": IPv4Interface("10.7.0.9/24")},
    "onlink": ((IPv4Network("10.7.0.0/24"), "br0"),),
}


@pytest.mark.parametrize(
    ("fields", "subnet", "gateway"),
    [
        ({"bridge": "br0"}, "10.7.0.0/24", "10.7.0.9"),
        ({"bridge": "br0", "subnet": "10.7.0.0/24"}, "10.7.0.0/24", "10.7.0.1"),
        ({"bridge": "br0", "subnet": "10.9.0.0/24"}, "10.9.0.0/24", "10.9.0.1"),
        ({"bridge": "br1"}, "172.17.0.0/16", "172.17.0.1"),
    ],
)
def test_a_bridge_that_has_an_address_is_adopted_with_its_subnet(
    fields: dict[str, Any], subnet: str, gateway: str
) -> None:
    one = network(Network(name="lab", **fields), **ADOPTED)
    assert (str(one.subnet), str(one.gateway)) == (subnet, gateway)


@pytest.mark.parametrize("router", [True, False])
def test_a_router_is_remembered_as_one(router: bool) -> None:
    assert resolve([LAB], Ledger(), Facts(forwarding=router)).ground == Ground(was_router=router)
    ledger = Ledger(ground=Ground(was_router=not router))  # ours by now, so what is seen says nothing
    assert resolve([LAB], ledger, Facts(forwarding=router)).ground == Ground(was_router=not router)


ROUTES = ((IPv4Network("10.9.0.128/25"), "eth0"),)


@pytest.mark.parametrize(
    ("specs", "facts", "message"),
    [
        (
            [LAB, Network(name="b", subnet="10.9.0.128/25")],
            {},
            "network b.subnet: 10.9.0.128/25 overlaps 10.9.0.0/24 of network lab",
        ),
        ([LAB], {"onlink": ROUTES}, "network lab.subnet: 10.9.0.0/24 overlaps 10.9.0.128/25, which this host reaches"),
        (
            [Network(name="lab", bridge="br1", subnet="10.7.0.0/16")],
            ADOPTED,
            "network lab.subnet: 10.7.0.0/16 overlaps 10.7.0.0/24, which this host reaches by br0",
        ),
        (
            [Network(name="a", bridge="br0"), Network(name="b", bridge="br0")],
            {},
            "network b.bridge: br0 is the bridge of network a",
        ),
        (
            [Network(name="a", bridge="docker0"), on("web", "bridge")],
            {},
            "network bridge.bridge: docker0 is the bridge of network a",
        ),
        ([LAB, Network(name="lab")], {}, "network lab: is given twice"),
        ([empty("web"), top("web")], {}, "sandbox web: is given twice"),
    ],
)
def test_networks_that_clash(specs: Specs, facts: dict[str, Any], message: str) -> None:
    assert str(refusal(specs, **facts)).startswith(message)


@pytest.mark.parametrize("name", ["host", "none"])
def test_a_network_is_not_named_as_a_mode(name: str) -> None:
    with pytest.raises(ValidationError, match=f"'{name}' is a mode, not a network"):
        Network(name=name)
    assert top(name).name == name  # a sandbox may be


def test_a_network_and_a_sandbox_may_have_one_name() -> None:
    assert len(resolve([LAB, on("lab")], Ledger()).sandboxes) == 1


# Networks that stand


@pytest.mark.parametrize("spec", [LAB, Network(name="lab")], ids=["the same", "less said"])
def test_a_network_keeps_what_it_has(spec: Network) -> None:
    ledger = host(LAB, on("web"))
    had = ledger.networks["lab"]
    assert network(spec, ledger, onlink=ROUTES) is had


CHANGES = [
    {"mtu": 1400},
    {"subnet": "10.5.0.0/24"},
    {"subnet": "10.9.0.0/24", "gateway": "10.9.0.9"},
    {"bridge": "br9"},
    {"masquerade": False},
    {"internal": True},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: list(change)[-1])
def test_a_network_is_changed_only_while_nobody_uses_it(change: dict[str, Any]) -> None:
    spec = Network(name="lab", **{"subnet": "10.9.0.0/24"} | change)
    ledger = host(LAB)
    changed = network(spec, ledger)
    assert {field: getattr(changed, field) for field in change} == {field: getattr(spec, field) for field in change}
    assert ledger.networks == {"lab": changed}
    error = refusal([spec], host(LAB, *(on(name) for name in "abcd")))
    assert str(error) == "network lab: is in use by a, b, c and 1 more and cannot be changed"
    assert error.hint == "destroy its sandboxes first, or give the new network another name"


def test_a_network_that_is_changed_is_not_in_its_own_way() -> None:
    ledger = host(LAB)
    onlink = ((IPv4Network("10.9.0.0/24"), ledger.networks["lab"].bridge),)
    spec = Network(name="lab", bridge="br9", subnet="10.9.0.0/25")
    assert network(spec, ledger, onlink=onlink).subnet == spec.subnet


@pytest.mark.parametrize(
    ("specs", "before", "survey"),
    [
        ([LAB], [], True),
        ([LAB], [LAB], False),
        ([Network(name="lab")], [LAB], False),
        ([Network(name="lab", mtu=1400)], [LAB], True),
        ([on("web")], [LAB], False),
        ([on("web", "bridge")], [], True),
        ([on("web", "bridge")], [LAB], True),
        ([on("web", "bridge"), LAB], [LAB], True),
        ([on("web", "bridge")], [Network(name="bridge")], False),
        ([on("web", "bridge"), Network(name="bridge")], [], True),
        ([on("web", "bridge"), Network(name="bridge")], [Network(name="bridge")], False),
        ([empty("web"), top("top")], [], False),
        ([], [], False),
    ],
)
def test_the_host_is_surveyed_only_for_a_network_that_is_new(specs: Specs, before: Specs, survey: bool) -> None:
    assert needs_survey(specs, host(*before)) is survey


# Addresses


def test_a_sandbox_has_nothing_left_open() -> None:
    (web,) = resolve([LAB, on("web", publish=["8088:80"])], Ledger()).sandboxes
    assert web == ResolvedSandbox(
        name="web",
        mode="bridge",
        namespace="web",
        endpoint=Endpoint(
            network="lab",
            bridge="br-a51146d38077",
            veth="veth18926d6",
            address=IPv4Address("10.9.0.2"),
            prefix=24,
            gateway=IPv4Address("10.9.0.1"),
            mac="02:42:0a:09:00:02",
            mtu=None,
            quiet_ipv6=True,
            publish=PublishedPort.parse("8088:80"),
        ),
    )


def test_what_a_sandbox_asks_for_it_gets() -> None:
    spec = on("web", address="10.9.0.77", mac="02-00-00-00-00-0A")
    lab = Network(name="lab", subnet="10.9.0.0/24", mtu=1400, internal=True)
    end = endpoints(resolve([spec, lab], Ledger(), Facts(ipv6=False)))["web"]
    assert (str(end.address), end.mac, end.mtu) == ("10.9.0.77", "02:00:00:00:00:0a", 1400)
    assert (end.gateway, end.quiet_ipv6) == (None, False)  # no way out of an internal network


def test_a_default_address_is_the_next_free_one_and_never_one_that_is_named() -> None:
    specs: Specs = [LAB, on("a"), on("b", address="10.9.0.2"), on("c"), on("d", address="10.9.0.4")]
    resolution = resolve(specs, Ledger())
    assert addresses(resolution) == {"a": "10.9.0.3", "b": "10.9.0.2", "c": "10.9.0.5", "d": "10.9.0.4"}


def test_an_address_that_is_given_back_is_used_again() -> None:
    ledger = host(LAB, on("a"), on("b"), on("c"))
    ledger.remove_sandbox("b")
    assert addresses(resolve([on("d"), on("e")], ledger)) == {"d": "10.9.0.3", "e": "10.9.0.5"}


@pytest.mark.parametrize(
    ("subnet", "gateway", "given"),
    [
        ("10.9.0.0/30", None, [2]),
        ("10.9.0.0/30", "10.9.0.2", [1]),
        ("10.9.0.0/29", None, [2, 3, 4, 5, 6]),
        ("10.9.0.0/29", "10.9.0.4", [1, 2, 3, 5, 6]),
    ],
)
def test_a_small_network_is_used_up_and_then_full(subnet: str, gateway: str | None, given: list[int]) -> None:
    ledger = host(Network(name="lab", subnet=subnet, gateway=gateway))
    names = [f"s{number}" for number in given]
    expected = {name: f"10.9.0.{number}" for name, number in zip(names, given, strict=True)}
    assert addresses(resolve([on(name) for name in names], ledger)) == expected
    error = refusal([on("more")], ledger)
    assert str(error) == f"sandbox more.mode.address: network lab is full: every address of {subnet} is taken"
    assert error.hint == "use another network for the rest"


def test_a_bridge_holds_1023_ports() -> None:
    ledger = host(Network(name="lab"))
    names = [f"s{number}" for number in range(1024)]
    assert len(resolve([on(name) for name in names[:1023]], ledger).sandboxes) == 1023
    for spec in (on("s1023"), on("s1023", address="172.17.200.1")):
        error = refusal([spec], ledger)
        assert str(error) == "sandbox s1023.mode.address: network lab is full: a Linux bridge holds 1023 ports"
    assert len(resolve([on("s7")], ledger).sandboxes) == 1  # one that is there already
    ledger.remove_sandbox("s8")
    assert endpoints(resolve([on("s1023")], ledger))


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("10.8.0.2", "10.8.0.2 is outside 10.9.0.0/24, the subnet of network lab"),
        ("10.9.0.0", "10.9.0.0 is reserved: it is the first or last address of 10.9.0.0/24"),
        ("10.9.0.255", "10.9.0.255 is reserved: it is the first or last address of 10.9.0.0/24"),
        ("10.9.0.1", "10.9.0.1 is taken by the gateway of network lab"),
        ("10.9.0.2", "10.9.0.2 is taken by sandbox there"),
        ("10.9.0.3", "10.9.0.3 is taken by sandbox first"),
    ],
)
def test_an_address_that_cannot_be_had(address: str, problem: str) -> None:
    error = refusal([on("first", address="10.9.0.3"), on("web", address=address)], host(LAB, on("there")))
    assert str(error) == f"sandbox web.mode.address: {problem}"
    assert error.field == "sandbox web.mode.address"


@pytest.mark.parametrize(
    ("sandbox", "message", "hint"),
    [
        (on("web", "dmz"), "network dmz: is not declared", "add Network(name='dmz'), or use one that is there"),
        (
            on("web", "inner", publish=[80]),
            "network inner: is internal: a port published from it would reach nobody",
            "drop publish, or internal",
        ),
    ],
)
def test_a_network_that_a_sandbox_cannot_use(sandbox: Sandbox, message: str, hint: str) -> None:
    error = refusal([LAB, Network(name="inner", internal=True), sandbox])
    assert (str(error), error.hint) == (message, hint)


def test_a_veth_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if hashes of seven digits were few: the first attempt for each sandbox gives the same name.
    monkeypatch.setattr(
        "netbuilder.addresses._digest", lambda text: f"000000{text[-1]}" if "/lab/" in text else "0" * 12
    )
    ends = endpoints(resolve([LAB, on("a"), on("b"), on("c")], Ledger())).values()
    assert [end.veth for end in ends] == ["veth0000000", "veth0000001", "veth0000002"]


# Published ports


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("80:80", "81:80"),
        ("80:80", "80:80/udp"),
        ("127.0.0.1:80:80", "10.9.0.1:80:80"),
        ("127.0.0.1:80:80/udp", "80:80"),
        ("80:80", "80"),
        ("80", "80"),
    ],
)
def test_ports_that_stand_beside_each_other(first: str, second: str) -> None:
    apart = resolve([LAB, on("a", publish=[first]), on("b", publish=[second])], Ledger())
    at_once = resolve([LAB, on("a", publish=[first, second])], Ledger())
    assert ports(apart) == ports(at_once)
    assert len(set(ports(apart))) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("80:80", "80:81"),
        ("80:80/udp", "80:80/udp"),
        ("80:80", "127.0.0.1:80:80"),
        ("127.0.0.1:80:80", "80:80"),
        ("127.0.0.1:80:80", "127.0.0.1:80:81"),
    ],
)
def test_ports_that_clash(first: str, second: str) -> None:
    shown = PublishedPort.parse(second)[0]
    asked = [on("a", publish=[443, first]), on("b", publish=["81:81", second])]
    for error in (refusal([LAB, *asked]), refusal(asked[1:], host(LAB, asked[0]))):
        assert str(error) == f"sandbox b.mode.publish[1]: host port {shown} is published by sandbox a already"
        assert error.hint == "choose another host port"
    error = refusal([LAB, on("web", publish=[first, second])])
    assert str(error) == f"sandbox web.mode.publish[1]: host port {shown} is published by sandbox web already"


def busy(*texts: str) -> frozenset[PublishedPort]:
    return frozenset(port for text in texts for port in PublishedPort.parse(text))


@pytest.mark.parametrize(
    ("publish", "facts", "expected"),
    [
        (["80"], {}, ["32768:80"]),
        (["80", "81", "53/udp"], {}, ["32768:80", "32769:81", "32768:53/udp"]),
        (["80"], {"ephemeral": (5, 9)}, ["5:80"]),
        (["80", "5:80"], {"ephemeral": (5, 9)}, ["6:80", "5:80"]),
        (["80", "127.0.0.1:5:80"], {"ephemeral": (5, 9)}, ["6:80", "127.0.0.1:5:80"]),
        (["127.0.0.1::80", "80"], {"ephemeral": (5, 9)}, ["127.0.0.1:5:80", "6:80"]),
        (["80"], {"ephemeral": (5, 9), "busy": busy("5:80", "6:80")}, ["7:80"]),
        (["80"], {"ephemeral": (5, 9), "busy": busy("5:80/udp", "127.0.0.1:5:80")}, ["5:80"]),
    ],
)
def test_a_port_that_is_left_open_is_the_first_free_one(
    publish: list[str], facts: dict[str, Any], expected: list[str]
) -> None:
    assert ports(resolve([LAB, on("web", publish=publish)], Ledger(), Facts(**facts))) == expected


@pytest.mark.parametrize(
    ("publish", "facts"),
    [
        (["80", "80", "80"], {}),
        (["80", "80"], {"busy": busy("6:80")}),
        (["5-6:80-81", "80"], {}),
    ],
)
def test_no_port_is_left(publish: list[str], facts: dict[str, Any]) -> None:
    error = refusal([LAB, on("web", publish=publish)], ephemeral=(5, 6), **facts)
    assert str(error).endswith("]: no host port from 5 to 6 is free")
    assert error.hint == "name a host port"


def test_a_port_that_a_process_holds_is_refused() -> None:
    error = refusal([LAB, on("web", publish=["81:81", "80:80"])], busy=busy("80:80"))
    assert str(error) == "sandbox web.mode.publish[1]: host port 80:80/tcp is held by a process of the host"
    assert error.hint == "stop it, or choose another port"


# Namespaces


@pytest.mark.parametrize(
    ("sandbox", "expected"),
    [
        (top("web"), {"mode": "host", "namespace": None}),
        (empty("web"), {"mode": "none", "namespace": "web"}),
        (empty("web", namespace="/run/netns/x"), {"mode": "none", "namespace": "web", "adopted": "/run/netns/x"}),
        (empty("web", namespace=7), {"mode": "none", "namespace": "web", "adopted": "/proc/7/ns/net"}),
        (mate("web", "other"), {"mode": "container", "namespace": "other", "shares": "other"}),
        (mate("web", "top"), {"mode": "container", "namespace": None, "shares": "top"}),
        (mate("web", "mate"), {"mode": "container", "namespace": "other", "shares": "mate"}),
    ],
)
@pytest.mark.parametrize("standing", [True, False], ids=["standing", "at once"])
def test_where_a_sandbox_lives(sandbox: Sandbox, expected: dict[str, Any], standing: bool) -> None:
    others: Specs = [mate("mate", "other"), empty("other"), top("top")]
    resolution = resolve([sandbox, *([] if standing else others)], host(*(others if standing else [])))
    assert ResolvedSandbox(name="web", **expected) in resolution.sandboxes


def test_sandboxes_come_in_the_order_asked_for() -> None:
    resolution = resolve([LAB, mate("m1", "m2"), on("web"), mate("m2", "web"), empty("other")], Ledger())
    assert [one.name for one in resolution.sandboxes] == ["m1", "web", "m2", "other"]
    assert {one.namespace for one in resolution.sandboxes} == {"web", "other"}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([mate("a", "a")], "sandbox a.mode: container mode runs in a circle: a -> a"),
        ([mate("a", "b"), mate("b", "a")], "sandbox a.mode: container mode runs in a circle: a -> b -> a"),
        (
            [mate("a", "b"), mate("b", "c"), mate("c", "b")],
            "sandbox a.mode: container mode runs in a circle: a -> b -> c -> b",
        ),
        ([mate("a", "x")], "sandbox a.mode: there is no sandbox x whose namespace to share"),
        ([mate("a", "b"), mate("b", "x")], "sandbox b.mode: there is no sandbox x whose namespace to share"),
    ],
)
def test_a_namespace_that_cannot_be_shared(specs: Specs, message: str) -> None:
    assert str(refusal(specs)) == message


@pytest.mark.parametrize(
    ("specs", "circle"),
    [
        ([mate("a", "b")], "sandbox a.mode: container mode runs in a circle: a -> b -> a"),
        ([mate("a", "c")], "sandbox a.mode: container mode runs in a circle: a -> c -> a"),
        ([mate("d", "c"), mate("a", "d")], "sandbox a.mode: container mode runs in a circle: a -> d -> c -> a"),
    ],
)
def test_a_namespace_is_not_shared_with_those_who_share_it(specs: Specs, circle: str) -> None:
    assert str(refusal(specs, host(empty("a"), mate("b", "a"), mate("c", "b")))) == circle


# Sandboxes that stand


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ({}, {}, ("10.9.0.3", [])),
        ({"publish": ["80"]}, {"publish": ["80"]}, ("10.9.0.3", ["32769:80"])),
        ({"publish": ["80"]}, {"publish": ["81", "80"]}, ("10.9.0.3", ["32768:81", "32769:80"])),
        ({"publish": ["80", "80"]}, {"publish": ["80", "80"]}, ("10.9.0.3", ["32769:80", "32770:80"])),
        ({"publish": ["80", "80"]}, {"publish": ["80"]}, ("10.9.0.3", ["32769:80"])),
        ({"publish": ["80"]}, {"publish": ["80", "80"]}, ("10.9.0.3", ["32769:80", "32768:80"])),
        ({"publish": ["80"]}, {"publish": ["32769:80", "80"]}, ("10.9.0.3", ["32769:80", "32768:80"])),
        ({"publish": ["80"]}, {"publish": ["80/udp"]}, ("10.9.0.3", ["32768:80/udp"])),
        ({"publish": ["80"]}, {}, ("10.9.0.3", [])),
        ({"publish": ["9:80"]}, {"publish": ["80"]}, ("10.9.0.3", ["9:80"])),
        ({"publish": ["9:80"]}, {"publish": ["8:80"]}, ("10.9.0.3", ["8:80"])),
        ({"address": "10.9.0.9"}, {}, ("10.9.0.9", [])),
        ({}, {"address": "10.9.0.9"}, ("10.9.0.9", [])),
        ({"publish": ["80"]}, {"network": "dmz", "publish": ["80"]}, ("10.8.0.2", ["32768:80"])),
    ],
)
def test_a_sandbox_keeps_what_it_has(
    first: dict[str, Any], second: dict[str, Any], kept: tuple[str, list[str]]
) -> None:
    ledger = host(LAB, DMZ, on("other", publish=["1234"]), on("web", **first))
    ledger.remove_sandbox("other")  # 10.9.0.2 and port 32768 are free by now
    resolution = resolve([on("web", **second)], ledger)
    assert (addresses(resolution)["web"], ports(resolution)) == kept


def test_what_a_sandbox_had_in_another_mode_is_free() -> None:
    ledger = host(LAB, on("web", address="10.9.0.9", publish=["8088:80"]))
    resolve([empty("web")], ledger)
    assert ports(resolve([on("db", address="10.9.0.9", publish=["8088:80"])], ledger)) == ["8088:80"]


@pytest.mark.parametrize(
    ("after", "also", "left"),
    [
        (top("web"), [], "b, mate"),
        (empty("web", namespace="/run/netns/x"), [], "b, mate"),
        (mate("web", "other"), [], "b, mate"),
        (top("web"), [mate("mate", "web")], "b"),
        (top("web"), [mate("mate", "web"), top("b")], ""),
        (empty("web"), [], ""),
        (on("web", address="10.9.0.9"), [], ""),
    ],
)
def test_sharers_are_not_left_behind(after: Sandbox, also: Specs, left: str) -> None:
    ledger = host(LAB, empty("other"), on("web"), mate("mate", "web"), mate("b", "mate"))
    if left:
        error = refusal([after, *also], ledger)
        assert str(error) == f"sandbox web.mode: its namespace is shared by {left}"
        assert error.hint == "destroy those first"
    else:
        resolution = resolve([after, *also], ledger)
        assert ledger.sandboxes["web"] in resolution.sandboxes
        assert ledger.sandboxes["mate"].namespace == ledger.sandboxes["web"].namespace


# Whatever is asked for

SMALL = Network(name="lab", subnet="10.9.0.0/29")
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
PUBLISH = st.lists(
    st.builds(
        PublishedPort,
        sandbox_port=st.integers(80, 81),
        host_port=st.none() | st.none() | st.integers(5, 12),
        host_ip=st.sampled_from([ANY, ANY, IPv4Address("127.0.0.1"), IPv4Address("10.0.0.1")]),
        protocol=st.sampled_from(["tcp", "udp"]),
    ),
    max_size=2,
)
MODES = st.one_of(
    st.builds(Bridge, network=st.sampled_from(["lab", "dmz", "bridge"]), publish=PUBLISH),
    st.builds(Bridge, network=st.just("lab"), address=st.sampled_from(["10.9.0.2", "10.9.0.3", "10.9.0.5"])),
    st.builds(Container, sandbox=NAMES),
    st.sampled_from([HostNetwork(), NoNetwork()]),
)
NETWORKS = [SMALL, DMZ, Network(name="dmz", mtu=1400), Network(name="new"), Network(name="x", subnet="10.8.0.0/16")]
CALLS = st.lists(
    st.one_of(
        st.builds(
            list.__add__,
            st.lists(st.sampled_from(NETWORKS), max_size=1),
            st.lists(
                st.builds(Sandbox, name=NAMES, mode=MODES), min_size=1, max_size=4, unique_by=lambda one: one.name
            ),
        ),
        NAMES,  # to be taken back
    ),
    max_size=8,
)
OF_THEIR_OWN = ("bridge", "none")
FEW_PORTS = Facts(ephemeral=(5, 15))


def read_back(networks: Iterable[ResolvedNetwork], sandboxes: Iterable[ResolvedSandbox]) -> Ledger:
    """A ledger with what is known to stand, as the store reads it."""
    ledger = Ledger()
    for one in networks:
        ledger.add_network(one)
    for sandbox in sandboxes:
        ledger.add_sandbox(sandbox)
    return ledger


def attempt(specs: Specs, ledger: Ledger) -> Resolution | str:
    """What is resolved, or why not."""
    try:
        return resolve(specs, ledger, FEW_PORTS)
    except SpecError as error:
        return str(error)


def carry_out(calls: list[Specs | str]) -> Ledger:
    """The ledger after several calls, of which some are refused; it answers as one that is read anew."""
    ledger = host(SMALL, DMZ)
    for call in calls:
        if isinstance(call, str):
            if call in ledger.sandboxes and not ledger.sharers(call):
                ledger.remove_sandbox(call)
            continue
        before = (*ledger.networks.values(),), (*ledger.sandboxes.values(),)
        anew = attempt(call, read_back(*before))
        assert attempt(call, ledger) == anew
        if isinstance(anew, str):
            ledger = read_back(*before)
    return ledger


def clash(one: PublishedPort, other: PublishedPort) -> bool:
    same = (one.protocol, one.host_port) == (other.protocol, other.host_port)
    return same and (one.host_ip == other.host_ip or ANY in (one.host_ip, other.host_ip))


@given(CALLS)
def test_nothing_is_given_out_twice(calls: list[Specs | str]) -> None:
    ledger = carry_out(calls)
    ends = [one.endpoint for one in ledger.sandboxes.values() if one.endpoint]
    published = [port for end in ends for port in end.publish]
    assert len({(end.network, end.address) for end in ends}) == len(ends)
    assert len({end.veth for end in ends}) == len(ends)
    assert len({end.mac for end in ends}) == len(ends)
    assert not [pair for pair in combinations(published, 2) if clash(*pair)]
    for one, other in combinations(ledger.networks.values(), 2):
        assert not one.subnet.overlaps(other.subnet)
        assert one.bridge != other.bridge


@given(CALLS)
def test_nothing_is_left_open(calls: list[Specs | str]) -> None:
    ledger = carry_out(calls)
    for name, sandbox in ledger.sandboxes.items():
        assert name == sandbox.name
        assert sandbox.namespace in {None, *(one.name for one in ledger.sandboxes.values() if one.mode in OF_THEIR_OWN)}
        assert (sandbox.namespace == name) == (sandbox.mode in OF_THEIR_OWN)
        assert (sandbox.endpoint is not None) == (sandbox.mode == "bridge")
        if sandbox.endpoint:
            end, at = sandbox.endpoint, ledger.networks[sandbox.endpoint.network]
            assert end.address in at.subnet
            assert end.address not in (at.gateway, at.subnet.network_address, at.subnet.broadcast_address)
            assert all(port.host_port for port in end.publish)
            assert (end.bridge, end.prefix) == (at.bridge, at.subnet.prefixlen)


@given(CALLS)
def test_once_all_is_taken_back_a_ledger_is_as_new(calls: list[Specs | str]) -> None:
    ledger = carry_out(calls)
    for name in list(ledger.sandboxes):
        ledger.remove_sandbox(name)
    for name in list(ledger.networks):
        ledger.remove_network(name)
    everything: Specs = [LAB, *(on(f"s{n}", publish=[80, "53/udp"]) for n in range(5)), on("web", "bridge")]
    assert resolve(everything, ledger) == resolve(everything, Ledger())
