"""A changed spec converges: what is new is made, what is no part of it any more is taken back, the rest stays."""

from __future__ import annotations

import errno
import functools
import itertools
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from netbuilder import Bridge, Container, Host, HostNetwork, Network, NoNetwork, Plan, Sandbox, SpecError, StepError
from netbuilder.steps import Step
from tests.kernel.helpers import SOON, Lan, call, missing, picture, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")
OTHER = Network(name="other", subnet="10.8.0.0/24")
VAULT = Network(name="vault", subnet="10.7.0.0/24", internal=True)
PLAIN = Bridge(network="lab")

MODES = {
    "plain": PLAIN,
    "published": Bridge(network="lab", publish=["8088:80", "8053:53/udp"]),
    "published-otherwise": Bridge(network="lab", publish=["8088:8080", "127.0.0.1:8053:53/udp", "9000:90"]),
    "address-and-mac": Bridge(network="lab", address="10.9.0.99", mac="02:00:00:00:00:07"),
    "other-network": Bridge(network="other", publish=["8088:80"]),
    "internal-network": Bridge(network="vault"),
    "none": NoNetwork(),
    "host": HostNetwork(),
    "container": Container(sandbox="mate"),
}
MATE = Sandbox(name="mate", mode=Bridge(network="other", address="10.8.0.200"))


def specs(mode: Any) -> tuple[Network | Sandbox, ...]:
    return LAB, OTHER, VAULT, MATE, Sandbox(name="web", mode=mode)


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
def likeness_of_new(mode: Any) -> list[str]:
    """What a host looks like where a sandbox is made so from the start."""
    with Host.isolated() as host:
        host.apply(*specs(mode))
        return likeness(host)


@pytest.mark.parametrize(("before", "after"), tuple(itertools.permutations(MODES, 2)))
def test_every_change_ends_where_a_new_sandbox_begins(host: Host, before: str, after: str) -> None:
    empty = picture(host)
    host.apply(*specs(MODES[before]))
    kept = host["web"].address
    forecast = host.diff(*specs(MODES[after]))
    assert host.apply(*specs(MODES[after])) == forecast
    assert host.diff(*specs(MODES[after])) == missing(host, host.plan(*specs(MODES[after]))) == Plan()
    wanted = MODES[after]
    if isinstance(wanted, Bridge) and wanted.address is None and host["web"].address == kept:
        wanted = wanted.model_copy(update={"address": kept})  # what a spec leaves open stays as it was
    assert likeness(host) == likeness_of_new(wanted)
    host.destroy_all()
    assert picture(host) == empty


@pytest.mark.parametrize(("before", "after"), tuple(itertools.permutations(MODES, 2)))
def test_the_script_of_a_change_runs(host: Host, before: str, after: str) -> None:
    """What `diff` prints takes back what goes, in time for what comes in its place."""
    host.apply(*specs(MODES[before]))
    plan, script = host.plan(*specs(MODES[after])), host.diff(*specs(MODES[after])).script()
    done = host.run(["sh"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert missing(host, plan) == Plan()
    host.apply(*specs(MODES[after]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("published", "published-otherwise"),
        ("plain", "other-network"),
        ("address-and-mac", "none"),
        ("host", "published"),
    ],
)
def test_a_change_that_fails_is_taken_back(
    host: Host, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """At any step: the sandbox is then as it was before the change, and so is what is known of it."""
    host.apply(*specs(MODES[before]))
    as_it_was, known = likeness(host), host["web"].resolved
    forecast = host.diff(*specs(MODES[after]))
    for victim in [step for step in host.plan(*specs(MODES[after])) if step not in host.plan(*specs(MODES[before]))]:
        with monkeypatch.context() as patch:
            patch.setattr(type(victim), "do", _refused(victim, type(victim).do))
            with pytest.raises(StepError):
                host.apply(*specs(MODES[after]))
        assert likeness(host) == as_it_was, victim.command()
        assert host["web"].resolved == known
        assert host.diff(*specs(MODES[before])) == Plan()
    assert host.diff(*specs(MODES[after])) == forecast
    host.apply(*specs(MODES[after]))
    assert host.diff(*specs(MODES[after])) == Plan()


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
    assert host.diff(*pair("8002", "8001")) == Plan()
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
    assert host.diff(*pair("10.9.0.3", "10.9.0.2")) == Plan()
    assert call(host["one"], ("10.9.0.2", 80), host["two"], 80, "tcp") == "10.9.0.3"


def test_a_network_that_nobody_uses_can_be_changed(host: Host) -> None:
    empty = picture(host)
    host.apply(LAB)
    host.apply(Network(name="lab", subnet="10.99.0.0/24", mtu=1400, masquerade=False))
    (network,) = host.networks()
    assert (str(network.subnet), network.mtu) == ("10.99.0.0/24", 1400)
    assert "10.9.0.1" not in shell(host, "ip address; nft list ruleset")
    host.apply(Network(name="lab", subnet="10.99.0.0/24", bridge="lab0", internal=True))
    assert host.diff(Network(name="lab", subnet="10.99.0.0/24", bridge="lab0", internal=True)) == Plan()
    host.destroy_all()
    assert picture(host) == empty


@pytest.mark.parametrize(
    "change",
    [
        {"subnet": "10.99.0.0/24"},
        {"gateway": "10.9.0.254"},
        {"mtu": 1400},
        {"masquerade": False},
        {"internal": True},
        {"bridge": "b0"},
    ],
)
def test_a_network_in_use_cannot_be_changed(host: Host, change: dict[str, Any]) -> None:
    host.apply(LAB, Sandbox(name="web", mode=PLAIN))
    before = picture(host)
    with pytest.raises(SpecError, match="in use by web"):
        host.apply(Network(**{"name": "lab", "subnet": "10.9.0.0/24", **change}))
    assert picture(host) == before
    assert host.diff(LAB, Sandbox(name="web", mode=PLAIN)) == Plan()


def test_a_namespace_that_others_share_stays_while_its_owner_changes(host: Host) -> None:
    """In place: a program of the sharer goes on, in the same namespace."""
    host.apply(LAB, Sandbox(name="web", mode=PLAIN), Sandbox(name="log", mode=Container(sandbox="web")))
    program = host["log"].popen(["sleep", "infinity"])
    host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"], address="10.9.0.50")))
    assert program.poll() is None
    assert str(host["log"].address) == "10.9.0.50"
    inside = shell(host["web"], "readlink /proc/self/ns/net")
    assert shell(host, f"readlink /proc/{program.pid}/ns/net") == inside


@pytest.mark.parametrize("mode", [HostNetwork(), Container(sandbox="mate")])
def test_a_namespace_that_others_share_is_not_given_up(host: Host, mode: Any) -> None:
    host.apply(*specs(PLAIN), Sandbox(name="log", mode=Container(sandbox="web")))
    with pytest.raises(SpecError, match="shared by log"):
        host.apply(*specs(mode))
    assert host.diff(*specs(PLAIN)) == Plan()


def test_the_namespace_of_a_sandbox_is_exchanged(host: Host) -> None:
    """From its own to an adopted one and back: what was there before is there afterwards."""
    shell(host, "ip netns add old && ip -n old link set lo up")
    before = picture(host)
    own, adopted = Sandbox(name="web"), Sandbox(name="web", namespace="/run/netns/old")
    for spec in (own, adopted, own, adopted):
        host.apply(spec)
        assert host.diff(spec) == Plan()
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
    assert host.diff(*networks, *two) == Plan()
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
