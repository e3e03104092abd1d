"""The host's 127.0.0.0/8 leads to a network as long as a port is published on it there, and no longer."""

from __future__ import annotations

from itertools import count

import pytest

from netbuilder import Bridge, Host, HostNetwork, Network, Plan, Sandbox
from netbuilder.recipes.units import Key
from tests.kernel.helpers import Lan, call, missing, picture, shell
from tests.kernel.mortal import mortal

LAB = Network(name="lab", bridge="lab0", subnet="10.9.0.0/24")
OTHER = Network(name="other", bridge="other0", subnet="10.8.0.0/24")


def on(name: str, *publish: str, network: str = "lab") -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network=network, publish=publish))


def localnet(host: Host, bridge: str = "lab0") -> str:
    return shell(host, f"cat /proc/sys/net/ipv4/conf/{bridge}/route_localnet").strip()


def localnet_kept(host: Host) -> int:
    """How many networks the store says it of."""

    allocations = host._call(host._engine.store.allocations)
    keys = [Key("localnet", name) for name in allocations.networks]
    return len(host._call(host._engine.store.records, keys))


@pytest.mark.parametrize("publish", ["8088:80", "127.0.0.1:8088:80"])
@pytest.mark.parametrize("named", [True, False], ids=["network-named", "sandbox-alone"])
def test_a_port_turns_it_on_and_the_last_one_off(host: Host, publish: str, named: bool) -> None:
    network = [LAB] if named else []
    host.apply(LAB, on("quiet"))
    before = picture(host)
    assert localnet(host) == "0"
    whole = host.plan(*network, on("web", publish))
    changes = host.apply(*network, on("web", publish))
    assert {one.name: one.action for one in changes if one.action != "unchanged"} == {"web": "created"}
    assert (localnet(host), missing(host, whole)) == ("1", Plan())
    assert host.plan(*network, on("web", publish)) == whole
    assert call(host, ("127.0.0.1", 8088), host["web"], 80, "tcp") == "10.9.0.1"
    host.apply(*network, on("more", "127.0.0.1:9090:90"))
    host.destroy("web")
    assert localnet(host) == "1"
    assert call(host, ("127.0.0.1", 9090), host["more"], 90, "tcp") == "10.9.0.1"
    removed = host.destroy("more")
    assert [(one.kind, one.name, one.action) for one in removed] == [("sandbox", "more", "removed")]
    assert any(step.command().endswith("lab0/route_localnet=0") for step in removed.plan)
    assert picture(host) == before
    assert not host.diff(LAB, on("quiet"))


def test_one_address_of_the_hosts_does_not_need_it(lan: Lan) -> None:
    host = lan.host
    host.apply(LAB, on("web", f"{lan.HOST}:8088:80"))
    assert localnet(host) == "0"
    assert call(host, (lan.HOST, 8088), host["web"], 80, "tcp") == lan.HOST
    assert call(lan.machine, (lan.HOST, 8088), host["web"], 80, "tcp") == lan.MACHINE


@pytest.mark.parametrize(
    "after",
    [
        on("web"),
        on("web", "192.0.2.1:8088:80"),
        on("web", "80", network="other"),
        Sandbox(name="web", mode=HostNetwork()),
    ],
    ids=["no-port", "on-one-address", "elsewhere", "host"],
)
def test_a_change_of_a_sandbox_turns_it_off(host: Host, after: Sandbox) -> None:
    shell(host, "ip address add 192.0.2.1/32 dev lo")
    host.apply(LAB, OTHER, on("quiet"), on("quiet-too", network="other"))
    before = picture(host)
    host.apply(on("web", "8088:80"))
    assert (localnet(host), localnet(host, "other0")) == ("1", "0")
    diff = host.diff(after)
    assert diff == host.apply(after)
    leads_to_other = "1" if after == on("web", "80", network="other") else "0"
    assert (localnet(host), localnet(host, "other0")) == ("0", leads_to_other)
    assert not host.diff(LAB, OTHER, after)
    host.destroy("web")
    assert (picture(host), localnet_kept(host)) == (before, 0)


def test_it_goes_along_with_its_network(host: Host) -> None:
    before = picture(host)
    host.apply(LAB, OTHER, on("web", "8088:80"), on("api", "8089:80", network="other"))
    removed = host.destroy(LAB, "web")
    assert "route_localnet" not in removed.script()  # the bridge goes
    assert (localnet(host, "other0"), localnet_kept(host)) == ("1", 1)
    host.take_down(OTHER, on("api"))
    assert (picture(host), localnet_kept(host)) == (before, 0)


@pytest.mark.parametrize("value", ["0", "1", "2"])
def test_what_an_adopted_bridge_had_comes_back(host: Host, value: str) -> None:
    shell(host, f"ip link add lab0 type bridge; echo {value} > /proc/sys/net/ipv4/conf/lab0/route_localnet")
    host.apply(LAB, on("web", "8088:80"))
    assert localnet(host) == "1"
    host.destroy("web")
    assert localnet(host) == value
    host.destroy_all()
    assert localnet(host) == value


def test_a_network_on_another_bridge_takes_it_along(host: Host) -> None:
    shell(host, "ip link add lab0 type bridge")
    host.apply(LAB, on("web", "8088:80"))
    host.apply(LAB.model_copy(update={"bridge": "lab1", "subnet": OTHER.subnet}), on("web", "8088:80"))
    assert (localnet(host), localnet(host, "lab1")) == ("0", "1")
    host.destroy("web")
    assert localnet(host, "lab1") == "0"


def test_it_is_repaired_with_the_sandbox_alone(host: Host) -> None:
    host.apply(LAB, on("web", "8088:80"))
    shell(host, "echo 0 > /proc/sys/net/ipv4/conf/lab0/route_localnet")
    assert [(one.kind, one.name, one.action) for one in host.apply(on("web", "8088:80"))] == [
        ("sandbox", "web", "unchanged"),
        ("localnet", "lab", "repaired"),
    ]
    assert localnet(host) == "1"


def test_what_a_script_does_satisfies_it(host: Host) -> None:
    host.apply(LAB, on("web"))
    shell(host, host.diff(on("web", "8088:80")).script())
    assert localnet(host) == "1"
    host.apply(on("web", "8088:80"))
    assert not host.diff(LAB, on("web", "8088:80"))


def test_a_refused_step_leaves_it_as_it_was(host: Host) -> None:
    host.apply(LAB, on("quiet"))
    before = picture(host)
    specs = on("web", "8088:80"), on("quiet", "8089:80")
    for victim in host.diff(*specs).plan:
        step = str(victim.command())

        def refuse(one: object, step: str = step) -> None:
            if one.command() == step:  # type: ignore[attr-defined]
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            host.apply(*specs, watch=refuse)
        assert picture(host) == before, step
    host.apply(*specs)
    for victim in host.diff(on("web"), on("quiet")).plan:
        with pytest.raises(KeyboardInterrupt):
            host.apply(on("web"), on("quiet"), watch=lambda one, step=victim: _interrupt(one == step))
        assert localnet(host) == "1"
        assert host.diff(*specs).plan == Plan()


def _interrupt(now: bool) -> None:
    if now:
        raise KeyboardInterrupt


@pytest.mark.parametrize("began", ["0", "1"], ids=["turned-on", "turned-off"])
def test_killed_anywhere_as_it_turns(host: Host, began: str) -> None:
    """By a call that changes the one sandbox, and has not named the network."""
    old, new = (on("web"), on("web", "8088:80")) if began == "0" else (on("web", "8088:80"), on("web"))
    host.apply(LAB, old)
    before = picture(host)
    assert localnet(host) == began
    with mortal(host, new) as somebody:
        for point in count():
            killed = somebody("apply", point)
            host.apply(LAB, old)
            assert host.diff(LAB, old).plan == Plan()
            assert picture(host) == before, point
            if not killed:
                break
    assert point > 5
    host.destroy("web")
    assert (localnet(host), localnet_kept(host)) == ("0", 0)


def test_killed_anywhere_as_the_last_port_goes(host: Host) -> None:
    host.apply(LAB, on("stays"))
    before = picture(host)
    with mortal(host, on("web", "8088:80")) as somebody:
        for point in count():
            host.apply(on("web", "8088:80"))
            killed = somebody("take_down", point)
            if "web" in host:
                host.destroy("web")
            assert host.diff(LAB, on("stays")).plan == Plan()
            assert (picture(host), localnet_kept(host)) == (before, 0), point
            if not killed:
                break
    assert point > 3


def test_the_last_port_goes_in_the_call_in_which_the_table_comes_back(host: Host) -> None:
    web = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
    host.apply(LAB, web)
    shell(host, "nft delete table inet netbuilder")
    host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab")))
    assert not any(host.missing().values())
    host.apply(LAB, web)
    assert not any(host.missing().values())
    host.take_down(LAB, web)
    assert host.networks() == ()
