"""What goes wrong at a bad moment: a race with others, a store that is lost or unreadable, a route of an odd kind."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netbuilder import Bridge, Host, NetbuilderError, Network, NoNetwork, Plan, Sandbox, SpecError, StepError
from netbuilder.engine import journal, removal
from netbuilder.engine.store import Store
from netbuilder.kernel import busy_ports, host_facts, namespaces, privileges
from netbuilder.kernel.kernel import Kernel
from netbuilder.steps import AddAddress, AddNamespace, AddRoute, Step
from tests.kernel.helpers import picture, shell
from tests.kernel.mortal import mortal

LAB = Network(name="lab", subnet="10.9.0.0/24", bridge="br-lab")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))
BARE = Sandbox(name="bare", mode=NoNetwork())
OLD = "/run/netns/old"


# Races and rollbacks


def test_a_namespace_that_somebody_makes_just_before_us_is_left_to_them(host: Host) -> None:
    def somebody(step: Step) -> None:
        if isinstance(step, AddNamespace):
            subprocess.run(["sh", "-ec", "ip netns add web; ip -n web link add theirs type bridge"], check=True)

    with pytest.raises(StepError) as caught:
        host.apply(LAB, WEB, watch=somebody)
    assert caught.value.command == "ip netns add web"
    assert "theirs" in shell(host, "ip -n web link show")
    assert host.sandboxes() == host.networks() == ()
    assert "br-lab" not in shell(host, "ip link show")
    shell(host, "ip netns del web")
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB).plan == Plan()


def test_pins_can_be_removed_after_ip_has_pinned_one(host: Host) -> None:
    """`ip netns add` makes /run/netns a mount, unless it is one: what was pinned under it could not be removed."""
    count = "grep -c ' /run/netns' /proc/mounts || true"
    machines = int(shell(host, count))  # those of the machine are listed here too, and out of reach
    host.apply(Sandbox(name="ours", mode=NoNetwork()))
    shell(host, "ip netns add theirs")
    host.destroy("ours")
    shell(host, "ip netns add ours; ip netns del ours; ip netns del theirs")
    assert shell(host, "ip netns list") == ""
    assert int(shell(host, count)) == machines + 1


def test_an_alias_that_is_no_text_is_somebody_elses(host: Host) -> None:
    host.apply(LAB)
    shell(host, "ip link set br-lab alias \"$(printf 'x\\377')\"")
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB).plan == Plan()


def test_an_error_in_taking_back_says_so(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str) -> None:
        raise OSError(errno.EROFS, name)

    host.apply(Sandbox(name="web", mode=NoNetwork()))
    with monkeypatch.context() as patch, pytest.raises(StepError, match="'ip netns del web' failed: EROFS"):
        patch.setattr(namespaces, "unpin", refused)
        host.destroy("web")


def test_nothing_named_is_nothing_destroyed(host: Host) -> None:
    host.apply(LAB, WEB)
    host.destroy(*[])
    assert "web" in host
    host.destroy_all()
    assert host.sandboxes() == host.networks() == ()


def test_a_step_that_was_not_begun_is_not_taken_back(host: Host) -> None:
    """What others make of the same name, while we fail at an earlier step, is theirs."""

    def somebody(step: Step) -> None:
        if isinstance(step, AddNamespace) and step.name == "web":
            subprocess.run(["ip", "netns", "add", "db"], check=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        host.apply(LAB, WEB, Sandbox(name="db", mode=NoNetwork()), watch=somebody)
    assert shell(host, "ip netns list").split()[0] == "db"


def test_an_error_in_taking_back_is_a_note_and_stops_nothing(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = picture(host)

    def refused(step: Step, kernel: Kernel, before: str | None = None) -> None:
        kernel.set_link(None, "no-such-link", up=True)

    with monkeypatch.context() as patch:
        patch.setattr(AddRoute, "do", refused)
        patch.setattr(AddNamespace, "undo", refused)
        with pytest.raises(StepError) as caught:
            host.apply(LAB, WEB)
    assert "route add default" in caught.value.command
    assert any("taking it back" in note for note in caught.value.__notes__)
    assert "br-lab" not in shell(host, "ip link show")
    host.destroy_all()
    assert picture(host) == before


def test_what_two_steps_share_is_taken_back_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two that take back the same thing finds it gone: that is no error."""
    before = picture(host)
    host.apply(LAB, WEB)

    def twice(step: AddAddress, kernel: Kernel, before: str | None) -> None:
        for _ in range(2):
            kernel.delete_address(step.netns, step.dev, step.address)

    monkeypatch.setattr(removal, "_goes_along", lambda step, things: False)
    monkeypatch.setattr(AddAddress, "undo", twice)
    host.destroy_all()
    assert picture(host) == before


# What is adopted


def refused_untouched(host: Host, *specs: Network | Sandbox) -> SpecError:
    before = picture(host)
    with pytest.raises(SpecError) as caught:
        host.apply(*specs)
    assert picture(host) == before
    return caught.value


def test_a_namespace_is_adopted_once(host: Host) -> None:
    shell(host, "ip netns add old; touch /run/netns/too; mount --bind /run/netns/old /run/netns/too")
    one, two = Sandbox(name="c1", namespace=OLD), Sandbox(name="c2", namespace="/run/netns/too")
    assert refused_untouched(host, one, two).field == "sandbox c2.namespace"


def test_the_hosts_own_namespace_is_not_adopted(host: Host) -> None:
    shell(host, "mkdir -p /run/netns; touch /run/netns/old; mount --bind /proc/self/ns/net /run/netns/old")
    assert "host's own" in str(refused_untouched(host, Sandbox(name="web", mode=NoNetwork(), namespace=OLD)))


def test_bridge_mode_wants_no_eth0_in_an_adopted_namespace(host: Host) -> None:
    shell(host, "ip netns add old && ip -n old link add eth0 type bridge")
    assert "eth0" in str(refused_untouched(host, Sandbox(name="web", namespace=OLD)))
    host.apply(Sandbox(name="web", mode=NoNetwork(), namespace=OLD))


# What a killed call left


@pytest.mark.parametrize("look", [Host.plan, Host.diff], ids=lambda look: look.__name__)
def test_a_look_first_takes_back_what_a_killed_call_left(host: Host, look: Callable[..., Plan]) -> None:
    before, fresh = picture(host), look(host, LAB, WEB)
    with mortal(host, LAB, WEB) as somebody:
        for point in (6, 12):
            assert somebody("apply", point)
            assert look(host, LAB, WEB) == fresh
            assert picture(host) == before


# The host's own routes and ports


def test_routes_without_one_interface_are_reached_too(host: Host) -> None:
    shell(
        host,
        """
        ip link add name a type bridge && ip link add name b type bridge && ip link set dev a up && ip link set dev b up
        ip route add unreachable 10.62.0.0/16 scope link
        ip route add 10.63.0.0/16 scope link nexthop dev a nexthop dev b
        """,
    )
    host.apply(LAB, WEB)
    for subnet in ("10.62.0.0/16", "10.63.0.0/16"):
        assert "overlaps" in str(refused_untouched(host, Network(name="dmz", subnet=subnet)))


@contextmanager
def listening(host: Host, ports: range) -> Iterator[None]:
    def listen() -> list[socket.socket]:
        return [socket.create_server(("0.0.0.0", port)) for port in ports]

    held = host._inside(listen)
    try:
        yield
    finally:
        for one in held:
            one.close()


def test_many_busy_ports_cost_few_looks(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    resolve = busy_ports.among
    monkeypatch.setattr(busy_ports, "among", lambda *args: looks.append(1) or resolve(*args))
    first = host_facts._ephemeral_ports()[0]
    with listening(host, range(first, first + 300)):
        host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["80", "81"])))
    assert [port.host_port for port in host["web"].ports] == [first + 300, first + 301]
    assert len(looks) <= 6


# The store


@pytest.mark.parametrize("forwarding_before", [False, True])
def test_a_host_whose_store_is_lost_is_the_router_that_it_was(host: Host, forwarding_before: bool) -> None:
    shell(host, f"echo {int(forwarding_before)} > /proc/sys/net/ipv4/ip_forward")
    host.apply(LAB)
    made_router = shell(host, "nft list set inet netbuilder made_router")
    shell(host, "rm -rf /run/netbuilder")
    with host._call(Host.current) as again:
        again.apply(LAB, WEB)
        assert shell(host, "nft list set inet netbuilder made_router") == made_router
        assert ("ipv4" in made_router) is not forwarding_before


def test_a_store_that_is_damaged_is_named(host: Host) -> None:
    host.apply(LAB)
    shell(host, "for store in /run/netbuilder/*.db; do head -c 8192 /dev/urandom > $store; rm -f $store-*; done")
    with pytest.raises(NetbuilderError, match="/run/netbuilder") as caught:
        host._call(Host.current)
    assert caught.value.hint


def test_a_store_that_is_full_is_named_and_nothing_is_left(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = picture(host)

    def full(file: int, text: bytes) -> None:
        """As a filesystem with room for half of it."""
        os.write(file, text[: len(text) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for stands in ((), (BARE,)):  # the file is begun, or grows
        host.apply(*stands)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "_write", full)
            with pytest.raises(NetbuilderError, match=r"/run/netbuilder.*No space left"):
                host.apply(LAB, WEB)
        assert set(host) == set(host._call(Host.current)) == {one.name for one in stands}
    host.destroy(BARE)
    assert picture(host) == before
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB).plan == Plan()


@pytest.mark.parametrize("failing", ["begin", "finish"])
@pytest.mark.parametrize(
    "after",
    [
        (LAB, Sandbox(name="web", mode=Bridge(network="lab", publish=["9000:80"]))),
        (Network(name="lab", subnet="10.99.0.0/24"), WEB),
    ],
)
def test_a_store_that_is_full_leaves_what_stands_as_it_was(
    host: Host, monkeypatch: pytest.MonkeyPatch, failing: str, after: tuple[Network | Sandbox, ...]
) -> None:
    host.apply(LAB, WEB)

    def full(*args: object) -> None:
        raise NetbuilderError("database or disk is full")

    with monkeypatch.context() as patch, pytest.raises(NetbuilderError, match="full"):
        patch.setattr(Store, failing, full)
        host.apply(*after)
    if failing == "finish":
        host.apply(LAB, WEB)  # it could not be noted that all is as it was, so the next call takes the new form back
    assert not host.diff(LAB, WEB)
    host.apply(*after)
    assert not host.diff(*after)


def test_a_fork_does_not_keep_the_lock_of_a_process_that_is_killed(host: Host) -> None:
    code = """
import os, time
from netbuilder import Host, NoNetwork, Sandbox
def fork(step):
    if os.fork() == 0:
        print("forked", os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
Host.current().apply(Sandbox(name="theirs", mode=NoNetwork()), watch=fork)
"""
    with host.popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline().split()[1])
        parent.kill()
        parent.wait()
        try:
            host.apply(Sandbox(name="ours", mode=NoNetwork()))
            os.kill(child, 0)  # it lives on
        finally:
            os.kill(child, signal.SIGKILL)
    assert list(host) == ["ours"]


# What somebody else took or exchanged


def test_settings_go_from_a_bridge_that_is_not_ours_any_more(host: Host) -> None:
    for by_hand in ("ip link set lab0 alias ''", "ip link del lab0; ip link add lab0 type bridge"):
        host.apply(Network(name="lab", subnet="10.9.0.0/24", bridge="lab0"), WEB)
        shell(host, by_hand)
        host.apply(Network(name="lab", subnet="10.9.0.0/24", bridge="lab0"), WEB)
        host.destroy_all()
        left = shell(host, "ip address show dev lab0")
        assert "10.9.0.1" not in left
        assert ",UP" not in left
        shell(host, "ip link del lab0")


def test_settings_go_from_an_adopted_namespace_whose_veth_was_renamed(host: Host) -> None:
    shell(host, "ip netns add old")
    host.apply(LAB, Sandbox(name="web", mode=Bridge(network="lab"), namespace="/run/netns/old"))
    (pair,) = host.links()
    shell(host, f"ip link set {pair.veth} down; ip link set {pair.veth} name foo0")
    host.destroy_all()
    assert "10.9.0" not in shell(host, "ip -n old address; ip -n old route")


def test_a_pin_that_was_exchanged_by_hand_is_followed(host: Host) -> None:
    shell(host, "ip netns add old")
    specs = (
        Network(name="lab", subnet="10.9.0.0/24", mtu=1400),
        Sandbox(name="db", mode=Bridge(network="lab"), namespace="/run/netns/old"),
    )
    host.apply(*specs)
    shell(host, "ip netns del db; ip netns add db")
    forecast = host.diff(*specs)
    assert host.apply(*specs) == forecast
    assert not host.diff(*specs)


def test_a_table_of_somebody_else_in_the_place_of_ours_is_refused(host: Host) -> None:
    host.apply(LAB, WEB)
    shell(host, "nft delete table inet netbuilder; nft 'table inet netbuilder { chain theirs { accept; }; }'")
    theirs = shell(host, "nft list ruleset")
    with pytest.raises(SpecError, match="is there and is not netbuilder's"):
        host.apply(LAB, WEB)
    assert shell(host, "nft list ruleset") == theirs


# Mounts

ROOT = "22 1 8:1 / / rw,relatime {} - ext4 /dev/sda1 rw\n"
RUN = "25 22 0:23 / /run rw,nosuid {} - tmpfs tmpfs rw\n"
NETNS = "99 25 0:23 /netns /run/netns rw {} - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "follows"),
    [
        (ROOT.format("shared:1") + RUN.format("shared:5"), False),
        (ROOT.format("master:1") + RUN.format("master:5"), True),
        (ROOT.format("master:1") + RUN.format("master:5") + NETNS.format("master:7"), True),
        (ROOT.format("master:1") + RUN.format("shared:9 master:5"), False),
        (ROOT.format("master:1"), True),
        (ROOT.format("master:1").replace(" {}", "") + RUN.replace(" {}", ""), False),
        (ROOT.format("shared:1") + RUN.format("master:5") + RUN.replace(" {}", ""), False),
    ],
)
def test_pins_in_mounts_that_follow_others_would_be_lost(mountinfo: str, follows: bool) -> None:
    assert privileges._follows_another(mountinfo) is follows
