"""A changed spec converges: what is new is created, what is no part of it any more is removed, the rest stays."""

from __future__ import annotations

import errno
import functools
import itertools
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from netbuilder import (
    Bridge,
    Container,
    Host,
    HostNetwork,
    Network,
    NoNetwork,
    Plan,
    Sandbox,
    SpecError,
    StepError,
    Undo,
)
from netbuilder.steps import Step
from tests.kernel.helpers import SOON, Lan, call, missing, picture, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")
OTHER = Network(name="other", subnet="10.8.0.0/24")
VAULT = Network(name="vault", subnet="10.7.0.0/24", internal=True)
PLAIN = Bridge(network="lab")

FORMS = {
    "plain": Sandbox(name="web", mode=PLAIN),
    "published": Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "8053:53/udp"])),
    "other-target": Sandbox(
        name="web", mode=Bridge(network="lab", publish=["8088:8080", "127.0.0.1:8053:53/udp", "9000:90"])
    ),
    "address": Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.99", publish=["8088:80"])),
    "mac": Sandbox(name="web", mode=Bridge(network="lab", mac="02:00:00:00:00:07", publish=["127.0.0.1:8088:80"])),
    "other-network": Sandbox(name="web", mode=Bridge(network="other", publish=["8088:80"])),
    "internal-network": Sandbox(name="web", mode=Bridge(network="vault")),
    "none": Sandbox(name="web", mode=NoNetwork()),
    "host": Sandbox(name="web", mode=HostNetwork()),
    "container": Sandbox(name="web", mode=Container(sandbox="mate")),
    "adopted": Sandbox(name="web", mode=PLAIN, namespace="/run/netns/old"),
    "adopted-none": Sandbox(name="web", mode=NoNetwork(), namespace="/run/netns/old"),
}
"""One sandbox, asked for in every way."""
MATE = Sandbox(name="mate", mode=Bridge(network="other", address="10.8.0.200"))
OLD = "ip netns add old && ip -n old link set lo up"

Specs = tuple[Network | Sandbox, ...]


def specs(form: Sandbox) -> Specs:
    return LAB, OTHER, VAULT, MATE, form


def lab(subnet: str = "10.9.0", publish: bool = True, **fields: Any) -> Specs:
    """A network and its sandboxes."""
    ports = ["8088:80"] if publish else []
    return (
        Network(name="lab", subnet=f"{subnet}.0/24", **{"gateway": f"{subnet}.1"} | fields),
        Sandbox(name="web", mode=Bridge(network="lab", address=f"{subnet}.10", publish=ports)),
        Sandbox(name="db", mode=Bridge(network="lab", address=f"{subnet}.11", mac="02:00:00:00:00:0b")),
        Sandbox(name="log", mode=Container(sandbox="web")),
    )


NETWORK_FORMS = {
    "plain": lab(),
    "subnet": lab(subnet="10.10.0"),
    "gateway": lab(gateway="10.9.0.254"),
    "bridge": lab(bridge="lab0"),
    "mtu": lab(mtu=1400),
    "no-masquerade": lab(masquerade=False),
    "internal": lab(internal=True, publish=False),
}
"""One network, asked for in every way, with its sandboxes."""


# What is a kernel's own choice: indexes, inodes, random addresses, and the order that follows from them.
_CHANCE = re.compile(
    r"^\d+: |@if\d+|link/ether [0-9a-f:]{17}|(?<=/run/netns/)(\w+) \d+|port_(?:no|id) 0x[0-9a-f]+|designated_port \d+"
    r"|tso_max_size \d+|@[\w-]+(?=:)|link-netns\w* \w+|_id \w+:\w+|fe80::[0-9a-f:]+"
)


# A veth's IPv6 multicast route follows its carrier, which the kernel notices a moment later.
_LATER = "multicast ff00::/8 dev veth"


def likeness(host: Host) -> list[str]:
    """A picture of a host that is the same for another host on which the same was asked for."""
    lines = (_CHANCE.sub("", line).rstrip() for line in picture(host))
    return sorted(line for line in lines if not line.startswith(_LATER))


@functools.cache
def likeness_of_new(*wanted: Network | Sandbox) -> list[str]:
    """What a host looks like where all is made so from the start."""
    with Host.isolated() as host:
        shell(host, OLD)
        host.apply(*wanted)
        return likeness(host)


each_change = pytest.mark.parametrize(("before", "after"), tuple(itertools.permutations(FORMS, 2)))
each_change_of_a_network = pytest.mark.parametrize(("before", "after"), tuple(itertools.permutations(NETWORK_FORMS, 2)))


def check_a_change(host: Host, before: Specs, after: Specs) -> None:
    """What `diff` shows is what `apply` does, and then all is as it was asked for."""
    shell(host, OLD)
    empty = picture(host)
    host.apply(*before)
    forecast = host.diff(*after)
    assert host.apply(*after) == forecast
    assert not host.diff(*after)
    assert missing(host, host.plan(*after)) == Plan()
    assert likeness(host) == likeness_of_new(*(as_kept(host, spec) for spec in after))
    host.destroy_all()
    assert picture(host) == empty


def as_kept(host: Host, spec: Network | Sandbox) -> Network | Sandbox:
    """The spec with the address that a sandbox has: what a spec leaves open stays as it was."""
    if not isinstance(spec, Sandbox) or not isinstance(spec.mode, Bridge):
        return spec
    return spec.model_copy(update={"mode": spec.mode.model_copy(update={"address": host[spec.name].address})})


def check_a_script(host: Host, before: Specs, after: Specs) -> None:
    """What `diff` prints takes back what goes, in time for what comes in its place; nothing is left to do after it."""
    shell(host, OLD)
    host.apply(*before)
    plan, changes = host.plan(*after), host.diff(*after)
    done = host.run(["sh"], input=changes.script(), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert host.diff(*after).plan == missing(host, plan) == Plan()
    host.apply(*after)
    assert not host.diff(*after)
    assert likeness(host) == likeness_of_new(*(as_kept(host, spec) for spec in after))


@each_change
def test_every_change_ends_where_a_new_sandbox_begins(host: Host, before: str, after: str) -> None:
    check_a_change(host, specs(FORMS[before]), specs(FORMS[after]))


@each_change
def test_the_script_of_a_change_runs(host: Host, before: str, after: str) -> None:
    check_a_script(host, specs(FORMS[before]), specs(FORMS[after]))


@each_change_of_a_network
def test_a_network_that_changes_takes_its_sandboxes_along(host: Host, before: str, after: str) -> None:
    check_a_change(host, NETWORK_FORMS[before], NETWORK_FORMS[after])


@each_change_of_a_network
def test_the_script_of_a_change_of_a_network_runs(host: Host, before: str, after: str) -> None:
    check_a_script(host, NETWORK_FORMS[before], NETWORK_FORMS[after])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("published", "other-target"),
        ("plain", "other-network"),
        ("address", "none"),
        ("mac", "adopted"),
        ("host", "published"),
    ],
)
def test_a_change_that_fails_is_taken_back(
    host: Host, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """At any step: the sandbox is then as it was before the change, and so is what is known of it."""
    shell(host, OLD)
    check_a_failure(host, monkeypatch, specs(FORMS[before]), specs(FORMS[after]))


@pytest.mark.parametrize("after", ["subnet", "bridge", "mtu", "internal"])
def test_a_change_of_a_network_that_fails_is_taken_back(
    host: Host, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    check_a_failure(host, monkeypatch, NETWORK_FORMS["plain"], NETWORK_FORMS[after])


def check_a_failure(host: Host, monkeypatch: pytest.MonkeyPatch, before: Specs, after: Specs) -> None:
    host.apply(*before)
    as_it_was, known = likeness(host), [sandbox.resolved for sandbox in host.sandboxes()]
    forecast = host.diff(*after)
    stays = host.plan(*before)  # what was there before has to be done again after the failure
    for victim in [step for step in forecast.plan if not isinstance(step, Undo) and step not in stays]:
        with monkeypatch.context() as patch:
            patch.setattr(type(victim), "do", _refused(victim, type(victim).do))
            with pytest.raises(StepError):
                host.apply(*after)
        assert likeness(host) == as_it_was, victim.command()
        assert [sandbox.resolved for sandbox in host.sandboxes()] == known
        assert not host.diff(*before), victim.command()
    assert host.diff(*after) == forecast
    host.apply(*after)
    assert not host.diff(*after)


def _refused(victim: Step, do: Any) -> Callable[[Step, Any], None]:
    def refused(step: Step, kernel: Any) -> None:
        if step == victim:
            raise StepError(step.command(), errno.EPERM)
        do(step, kernel)

    return refused


def test_a_program_goes_on_while_its_ports_change(lan: Lan) -> None:
    host = lan.host
    host.apply(LAB, Sandbox(name="web", mode=PLAIN))
    with host["web"].socket() as server:
        server.bind(("0.0.0.0", 80))
        server.listen()
        for ports in (["8088:80"], ["8089:80"], ["192.0.2.1:8088:80", "8090:80"]):
            host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=ports)))
            for at in (8088, 8089, 8090):
                with lan.machine.socket() as caller:
                    open_ = any(f"{at}:" in port for port in ports)
                    caller.settimeout(5 if open_ else SOON)
                    assert (caller.connect_ex((lan.HOST, at)) == 0) == open_


def test_a_free_port_stays_the_one_it_was(host: Host) -> None:
    web = Sandbox(name="web", mode=Bridge(network="lab", publish=["80", "443"]))
    host.apply(LAB, web)
    ports = host["web"].ports
    host.apply(LAB, Sandbox(name="db", mode=Bridge(network="lab", publish=["5432"])), web)
    assert host["web"].ports == ports
    host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["443", "80", "90"])))
    assert {ports[0], ports[1]} < set(host["web"].ports)


def test_a_free_port_is_another_each_time(host: Host) -> None:
    host.apply(LAB, *(Sandbox(name=f"web{n}", mode=Bridge(network="lab", publish=["80"])) for n in range(3)))
    host.apply(LAB, Sandbox(name="web3", mode=Bridge(network="lab", publish=["80"])))
    assert len({sandbox.ports[0].host_port for sandbox in host.sandboxes()}) == 4


def test_ports_are_handed_over(host: Host) -> None:
    """In one call two sandboxes swap what they publish."""

    def pair(one: str, two: str) -> tuple[Network | Sandbox, ...]:
        return (
            LAB,
            Sandbox(name="one", mode=Bridge(network="lab", publish=[f"{one}:80"])),
            Sandbox(name="two", mode=Bridge(network="lab", publish=[f"{two}:80"])),
        )

    host.apply(*pair("8001", "8002"))
    host.apply(*pair("8002", "8001"))
    assert host.diff(*pair("8002", "8001")).plan == Plan()
    assert call(host, ("127.0.0.1", 8001), host["two"], 80, "tcp")
    assert call(host, ("127.0.0.1", 8002), host["one"], 80, "tcp")


def test_addresses_are_handed_over(host: Host) -> None:
    def pair(one: str, two: str) -> tuple[Network | Sandbox, ...]:
        return (
            LAB,
            Sandbox(name="one", mode=Bridge(network="lab", address=one)),
            Sandbox(name="two", mode=Bridge(network="lab", address=two)),
        )

    host.apply(*pair("10.9.0.2", "10.9.0.3"))
    host.apply(*pair("10.9.0.3", "10.9.0.2"))
    assert host.diff(*pair("10.9.0.3", "10.9.0.2")).plan == Plan()
    assert call(host["one"], ("10.9.0.2", 80), host["two"], 80, "tcp") == "10.9.0.3"


def test_a_network_that_nobody_uses_can_be_changed(host: Host) -> None:
    empty = picture(host)
    host.apply(LAB)
    host.apply(Network(name="lab", subnet="10.99.0.0/24", mtu=1400, masquerade=False))
    (network,) = host.networks()
    assert (str(network.subnets[0]), network.mtu) == ("10.99.0.0/24", 1400)
    assert "10.9.0.1" not in shell(host, "ip address; nft list ruleset")
    host.apply(Network(name="lab", subnet="10.99.0.0/24", bridge="lab0", internal=True))
    assert host.diff(Network(name="lab", subnet="10.99.0.0/24", bridge="lab0", internal=True)).plan == Plan()
    host.destroy_all()
    assert picture(host) == empty


@pytest.mark.parametrize("form", [name for name in NETWORK_FORMS if name != "plain"])
def test_a_network_is_not_changed_without_all_of_its_sandboxes(host: Host, form: str) -> None:
    network, web, *_ = NETWORK_FORMS[form]
    host.apply(*lab())
    before = picture(host)
    with pytest.raises(SpecError, match=r"network lab\.\w+: is .* by now, and cannot be changed without db, on it"):
        host.apply(network, web)
    with pytest.raises(SpecError, match=r"cannot be changed without db, web, on it"):
        host.plan(network)
    assert picture(host) == before
    assert not host.diff(*lab())


def test_a_published_port_is_served_while_its_network_changes(lan: Lan) -> None:
    host = lan.host
    for form in ("plain", "subnet", "mtu", "gateway", "bridge"):
        host.apply(*NETWORK_FORMS[form])
        assert call(lan.machine, (lan.HOST, 8088), host["web"], 80, "tcp") == lan.MACHINE
        assert call(host["db"], (lan.MACHINE, 7000), lan.machine, 7000, "tcp") == lan.HOST


def test_an_mtu_that_takes_ipv6_away_and_gives_it_back(host: Host) -> None:
    """On a device with an MTU under 1280 the kernel has no IPv6, and so no setting that disables it."""
    for mtu in (None, 1000, 1400, 1279, None):
        host.apply(*lab(mtu=mtu))
        assert not host.diff(*lab(mtu=mtu))
        for place, dev in ((host["web"], "eth0"), (host["db"], "eth0"), (host, host.networks()[0].bridge)):
            seen = shell(place, f"ip address show dev {dev}")
            assert f"mtu {mtu or 1500} " in seen
            assert "inet6" not in seen


def test_two_networks_swap_their_subnets(host: Host) -> None:
    def pair(one: str, two: str) -> Specs:
        return (
            Network(name="one", subnet=f"{one}.0/24"),
            Network(name="two", subnet=f"{two}.0/24"),
            Sandbox(name="a", mode=Bridge(network="one")),
            Sandbox(name="b", mode=Bridge(network="two", publish=["8088:80"])),
        )

    host.apply(*pair("10.1.0", "10.2.0"))
    host.apply(*pair("10.2.0", "10.1.0"))
    assert not host.diff(*pair("10.2.0", "10.1.0"))
    assert str(host["b"].address) == "10.1.0.2"
    assert call(host, ("127.0.0.1", 8088), host["b"], 80, "tcp")


def test_a_namespace_that_others_share_stays_while_its_owner_changes(host: Host) -> None:
    """In place: a program of the sharer goes on, in the same namespace."""
    host.apply(LAB, Sandbox(name="web", mode=PLAIN), Sandbox(name="log", mode=Container(sandbox="web")))
    program = host["log"].popen(["sleep", "infinity"])
    host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"], address="10.9.0.50")))
    assert program.poll() is None
    assert str(host["log"].address) == "10.9.0.50"
    inside = shell(host["web"], "readlink /proc/self/ns/net")
    assert os.readlink(f"/proc/{program.pid}/ns/net") == inside.strip()


@pytest.mark.parametrize("mode", [HostNetwork(), Container(sandbox="mate")])
def test_a_namespace_that_others_share_is_not_given_up(host: Host, mode: Any) -> None:
    host.apply(*specs(FORMS["plain"]), Sandbox(name="log", mode=Container(sandbox="web")))
    with pytest.raises(SpecError, match="shared by log"):
        host.apply(*specs(Sandbox(name="web", mode=mode)))
    assert host.diff(*specs(FORMS["plain"])).plan == Plan()


def test_the_namespace_of_a_sandbox_is_exchanged(host: Host) -> None:
    """From its own to an adopted one and back: what was there before is there afterwards."""
    shell(host, "ip netns add old && ip -n old link set lo up")
    before = picture(host)
    own, adopted = Sandbox(name="web"), Sandbox(name="web", namespace="/run/netns/old")
    for spec in (own, adopted, own, adopted):
        host.apply(spec)
        assert host.diff(spec).plan == Plan()
        assert ("10.9" in shell(host, "ip -n old address")) is False
        assert ("172.17.0.2" in shell(host, "ip -n old address")) == (spec is adopted)
    host.destroy_all()
    assert picture(host) == before


def test_a_big_change_in_one_call(host: Host) -> None:
    empty = picture(host)
    networks = [Network(name=f"net{n}", subnet=f"10.{n}.0.0/24") for n in range(1, 5)]
    one = [
        Sandbox(name=f"web{n}", mode=Bridge(network=f"net{n % 4 + 1}", publish=[f"{8000 + n}:80"])) for n in range(12)
    ]
    two = [
        Sandbox(name=f"web{n}", mode=Bridge(network=f"net{n % 3 + 1}", publish=[f"{8011 - n}:80"])) for n in range(12)
    ]
    host.apply(*networks, *one)
    host.apply(*networks, *two)
    assert host.diff(*networks, *two).plan == Plan()
    for n in (0, 5, 11):
        assert call(host, ("127.0.0.1", 8011 - n), host[f"web{n}"], 80, "tcp")
    host.destroy_all()
    assert picture(host) == empty


def test_a_program_in_a_destroyed_sandbox_is_ended(host: Host) -> None:
    host.apply(Sandbox(name="web", mode=NoNetwork()), Sandbox(name="other", mode=NoNetwork()))
    polite = host["web"].popen(["sleep", "infinity"])
    stubborn = host["web"].popen(
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"], stdout=subprocess.PIPE, text=True
    )
    bystander = host["other"].popen(["sleep", "infinity"])
    assert stubborn.stdout
    assert stubborn.stdout.readline() == "ready\n"
    host.destroy("web")
    assert polite.returncode == -15
    assert stubborn.returncode == -9
    assert bystander.poll() is None
    stubborn.stdout.close()
