"""What others made is theirs: it is refused, adopted or left alone, and it is there afterwards."""

from __future__ import annotations

import errno
import logging
import socket
from pathlib import Path
from typing import Any

import pytest

from netbuilder import Bridge, Host, Network, NoNetwork, Plan, PublishedPort, Sandbox, SpecError, StepError
from netbuilder.kernel import resolver
from tests.kernel.helpers import KINDS, SOON, Lan, Protocol, call, missing, picture, shell
from tests.kernel.leftovers import wait_until

WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "127.0.0.1:9090:90/udp"]))
LAB = Network(name="lab", bridge="lab0", subnet="10.9.0.0/24")


def refusal(host: Host, *specs: Network | Sandbox) -> SpecError:
    """Why specs are refused, once it is clear that nothing was touched for it; a dry run must refuse them too."""
    before = picture(host)
    with pytest.raises(SpecError) as dry:
        host.diff(*specs)
    with pytest.raises(SpecError) as caught:
        host.apply(*specs)
    assert str(dry.value) == str(caught.value)
    assert picture(host) == before
    assert host._call(host._engine.store.unfinished) == {}
    return caught.value


# Namespaces that are not to be adopted


@pytest.mark.parametrize("mode", [NoNetwork(), Bridge(network="lab")], ids=["none", "bridge"])
@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/proc/thread-self/ns/net", "is the host's own"),
        ("/run/netns/web", "is the namespace of sandbox web already"),
        ("/run/netns/other", "is the namespace of sandbox other already"),
        ("/run/netns/theirs", "is the namespace of sandbox guest already"),
        ("/proc/999999999/ns/net", "is not a network namespace"),
    ],
)
def test_a_sandbox_that_stands_adopts_under_the_same_rules(host: Host, path: str, why: str, mode: Any) -> None:
    shell(host, "ip netns add theirs")
    other, guest = Sandbox(name="other", mode=NoNetwork()), Sandbox(name="guest", mode=NoNetwork(), namespace=THEIRS)
    host.apply(LAB, WEB, other, guest)
    refused = Sandbox(name="web", mode=mode, namespace=path)
    assert why in str(refusal(host, refused))
    assert not host.diff(WEB, other, guest)


THEIRS = "/run/netns/theirs"


# Taken names


def test_a_namespace_of_that_name(host: Host) -> None:
    shell(host, "ip netns add web")
    error = refusal(host, Sandbox(name="web", mode=NoNetwork()))
    assert error.field == "sandbox web.name"
    assert "/run/netns/web" in str(error)
    host.apply(Sandbox(name="web", mode=NoNetwork(), namespace="/run/netns/web"))
    host.destroy_all()
    assert shell(host, "ls /run/netns").split() == ["web"]


@pytest.mark.parametrize("kind", ["veth peer name other", "ifb"])
def test_an_interface_of_the_bridges_name_that_is_no_bridge(host: Host, kind: str) -> None:
    if host.run(["ip", "link", "add", "lab0", "type", *kind.split()], capture_output=True).returncode:
        pytest.skip(f"this kernel has no {kind} links")
    assert "not a bridge" in str(refusal(host, LAB, WEB))


def test_an_interface_of_the_cables_name(host: Host) -> None:
    veth = next(step.name for step in host.plan(LAB, WEB) if type(step).__name__ == "AddVeth")  # type: ignore[attr-defined]
    shell(host, f"ip link add {veth} type veth peer name theirs")
    before = picture(host)
    with pytest.raises(StepError) as caught:
        host.apply(LAB, WEB)
    assert caught.value.errno == errno.EEXIST
    assert caught.value.command.startswith(f"ip link add {veth}")
    assert caught.value.hint
    assert picture(host) == before


def test_an_interface_inside_of_the_name_that_ours_gets(host: Host) -> None:
    shell(host, "ip netns add old && ip -n old link add eth0 type veth peer name theirs && ip -n old link set lo up")
    taken = Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/old")
    assert refusal(host, LAB, taken).field == "sandbox web.namespace"


OLD = """
ip netns add old && ip -n old link set lo up
ip netns exec old sh -c 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6'
ip -n old link add wan type veth peer name theirs && ip -n old link set wan up && ip -n old link set theirs up
"""
"""A namespace that somebody made, with an interface in it."""


@pytest.mark.parametrize(
    ("inside", "what"),
    [
        (
            "address add 198.51.100.2/24 dev wan; {} route add default via 198.51.100.1",
            "a default route via 198.51.100.1",
        ),
        ("route add default dev wan", "a default route"),
        ("route add unreachable default", "a default route"),
        ("address add 10.9.0.2/32 dev lo", "10.9.0.2/32 on 'lo'"),
        ("address add 10.9.0.7/24 dev wan", "10.9.0.7/24 on 'wan'"),
        ("address add 10.0.0.7/8 dev wan", "10.0.0.7/8 on 'wan'"),
        ("link property add dev wan altname eth0", "an eth0"),
    ],
)
def test_what_is_in_the_way_in_a_namespace(host: Host, inside: str, what: str) -> None:
    shell(host, OLD + "ip -n old " + inside.format("ip -n old"))
    error = refusal(host, LAB, Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/old"))
    assert error.field == "sandbox web.namespace"
    assert f": there is {what} in /run/netns/old already, where bridge mode puts its own" in str(error)
    assert error.hint.startswith("use none mode to adopt it as it is, or ")
    host.apply(Sandbox(name="web", mode=NoNetwork(), namespace="/run/netns/old"))


def test_a_sandbox_does_not_move_to_where_something_is_in_the_way(host: Host) -> None:
    shell(host, OLD + "ip -n old route add default dev wan")
    host.apply(LAB, WEB)
    error = refusal(host, LAB, Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/old"))
    assert "there is a default route in /run/netns/old already" in str(error)


def test_what_is_in_a_namespace_and_in_nobodys_way(host: Host) -> None:
    shell(
        host,
        OLD
        + """
        ip -n old address add 198.51.100.2/24 dev wan
        ip -n old address add 10.9.0.77/32 dev lo
        ip -n old route add default via 198.51.100.1 metric 100
        """,
    )
    host.apply(LAB, Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/old"))
    assert call(host["web"], ("10.9.0.1", 80), host, 80, "tcp") == "10.9.0.2"


def test_an_interface_with_a_hostile_name_inside(host: Host) -> None:
    name = """ "$(printf 'e\\033[2J')" """
    shell(host, f"{OLD} ip -n old link set wan name {name}; ip -n old address add 10.9.0.7/24 dev {name}")
    error = refusal(host, LAB, Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/old"))
    assert str(error).isprintable()


def test_a_table_of_our_name(host: Host) -> None:
    shell(host, "nft add table inet netbuilder && nft add chain inet netbuilder theirs")
    assert refusal(host, LAB, WEB).field == "table inet netbuilder"


# Taken numbers


def test_a_subnet_that_the_host_reaches_already(host: Host) -> None:
    Lan(host)
    shell(host, "ip address add 10.9.7.1/24 dev eth0")
    error = refusal(host, Network(name="lab", subnet="10.9.0.0/16"))
    assert error.field == "network lab.subnet"
    assert "10.9.7.0/24" in str(error)
    assert "eth0" in str(error)


def test_a_default_subnet_keeps_clear_of_the_hosts(host: Host) -> None:
    Lan(host)
    shell(host, "ip address add 172.18.5.1/24 dev eth0 && ip route add 172.20.0.0/15 dev eth1")
    host.apply(Network(name="lab"), Network(name="other"))
    assert [str(network.subnets[0]) for network in host.networks()] == ["172.19.0.0/16", "172.22.0.0/16"]


@pytest.mark.parametrize(
    "routes",
    [
        "0.0.0.0/1 {0}; ip route add 128.0.0.0/1 {0}",
        "10.0.0.0/8 {0}; ip route add 172.16.0.0/12 {0}; ip route add 192.168.0.0/16 {0}",
        "default {0} table 7; ip rule add not fwmark 1 table 7; ip rule add table main suppress_prefixlength 0",
    ],
    ids=["halves", "private", "in another table"],
)
@pytest.mark.parametrize("how", ["via 192.0.2.2", "dev eth0"])
@pytest.mark.parametrize("spec", [Network(name="lab"), LAB], ids=["a pool", "a named subnet"])
def test_a_vpn_that_routes_everything_is_in_nobodys_way(lan: Lan, routes: str, how: str, spec: Network) -> None:
    shell(lan.host, "ip route add " + routes.format(how))
    lan.host.apply(spec, Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"])))
    address = str(lan.host["web"].address)
    assert call(lan.host, (address, 80), lan.host["web"], 80, "tcp") == str(lan.host.networks()[0].gateways[0].ip)
    assert call(lan.host["web"], (lan.MACHINE, 80), lan.machine, 80, "tcp") == lan.HOST
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE


@pytest.mark.parametrize(
    ("route", "leads"),
    [("10.9.0.0/25 via 192.0.2.2", "by eth0 via 192.0.2.2"), ("blackhole 10.9.0.0/24", "nowhere (blackhole)")],
)
def test_a_subnet_that_would_not_be_reached(lan: Lan, route: str, leads: str) -> None:
    shell(lan.host, f"ip route add {route}")
    error = refusal(lan.host, LAB)
    assert error.field == "network lab.subnet"
    assert str(error).endswith(f"which this host reaches {leads}")


def test_a_default_subnet_has_no_nameserver_in_it(host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own, behind = tmp_path / "resolv.conf", tmp_path / "behind"
    own.write_text("# nameserver 172.22.0.1\nnameserver 172.18.0.2\nnameserver fd00::1\nnameserver\nnameserver x\n")
    behind.write_bytes(b"nameserver 172.19.0.2\n\xff\n")
    monkeypatch.setattr(resolver, "RESOLV_CONF", own)
    monkeypatch.setattr(resolver, "BEHIND_A_STUB", (tmp_path / "none", behind))
    host.apply(Network(name="lab"))
    assert [str(network.subnets[0]) for network in host.networks()] == ["172.19.0.0/16"]
    own.write_text("nameserver 127.0.0.53\n")
    host.apply(Network(name="other"))
    assert [str(network.subnets[0]) for network in host.networks()] == ["172.19.0.0/16", "172.18.0.0/16"]
    host.apply(Network(name="third"))
    assert str(host.networks()[2].subnets[0]) == "172.20.0.0/16"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("held", "asked"),
    [("0.0.0.0", "0.0.0.0"), ("192.0.2.1", "0.0.0.0"), ("0.0.0.0", "192.0.2.1"), ("192.0.2.1", "192.0.2.1")],
)
def test_a_host_port_that_a_process_holds(lan: Lan, protocol: Protocol, held: str, asked: str) -> None:
    port = PublishedPort(sandbox_port=80, host_port=8088, host_ip=asked, protocol=protocol)
    spec = Sandbox(name="web", mode=Bridge(publish=[port]))
    with lan.host.socket(kind=KINDS[protocol]) as holder:
        holder.bind((held, 8088))
        if protocol == "tcp":
            holder.listen()
        error = refusal(lan.host, spec)
    assert error.field == "sandbox web.mode.publish[0]"
    assert "process" in str(error)
    lan.host.apply(spec)


def test_a_host_port_held_on_another_address_or_by_the_other_protocol_is_free(lan: Lan) -> None:
    with lan.host.socket() as one, lan.host.socket(kind=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 8088))
        one.listen()
        other.bind(("192.0.2.1", 8088))
        lan.host.apply(Sandbox(name="web", mode=Bridge(publish=["192.0.2.1:8088:80"])))
        assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE


def test_a_free_host_port_is_one_that_nobody_holds(host: Host) -> None:
    first, _ = map(int, shell(host, "cat /proc/sys/net/ipv4/ip_local_port_range").split())
    with host.socket() as holder:
        holder.bind(("127.0.0.1", first))
        holder.listen()
        host.apply(Sandbox(name="web", mode=Bridge(publish=["80", "81", "80/udp"])))
    ports = [(port.protocol, port.host_port) for port in host["web"].ports]
    assert ports == [("tcp", first + 1), ("tcp", first + 2), ("udp", first)]


def test_a_free_host_port_is_none_that_is_reserved(host: Host) -> None:
    shell(
        host,
        "echo 40000 40010 > /proc/sys/net/ipv4/ip_local_port_range;"
        "echo 40000-40003,40005 > /proc/sys/net/ipv4/ip_local_reserved_ports",
    )
    host.apply(Sandbox(name="web", mode=Bridge(publish=["80", "81", "40001:82"])))
    assert [port.host_port for port in host["web"].ports] == [40004, 40006, 40001]
    shell(host, "echo 50000 50010 > /proc/sys/net/ipv4/ip_local_port_range")
    host.apply(Sandbox(name="more", mode=Bridge(publish=["80"])))
    assert [port.host_port for port in host["more"].ports] == [50000]
    shell(host, "echo 50000-50010 > /proc/sys/net/ipv4/ip_local_reserved_ports")
    error = refusal(host, Sandbox(name="most", mode=Bridge(publish=["80"])))
    assert str(error).endswith("no host port from 50000 to 50010 is free and not reserved")


def test_a_port_on_an_address_that_is_not_the_hosts(host: Host) -> None:
    assert "203.0.113.9" in str(refusal(host, Sandbox(name="web", mode=Bridge(publish=["203.0.113.9:80:80"]))))


# What is adopted


@pytest.mark.parametrize("namespace", ["/run/netns/absent", "/run/netbuilder", "/proc/self/ns/uts", 2**22])
def test_only_a_namespace_is_adopted(host: Host, namespace: Any) -> None:
    assert refusal(host, Sandbox(name="web", namespace=namespace)).field == "sandbox web.namespace"


def test_a_table_that_was_lost_goes_back_with_all_that_stood_in_it(host: Host) -> None:
    """A network that was not asked for would be open to the one that was."""
    far = Sandbox(name="far", mode=Bridge(network="other"))
    specs = (LAB, WEB, Network(name="other", subnet="10.20.0.0/24"), far)
    host.apply(*specs)

    def reached() -> bool:
        return call(host["web"], ("10.20.0.2", 80), host["far"], 80, "tcp", SOON) is not None

    assert not reached()
    shell(host, "nft flush ruleset")
    assert reached()
    host.apply(WEB)
    assert not reached()
    assert not host.diff(*specs)


def test_without_its_bridge_a_sandbox_says_what_is_gone(host: Host) -> None:
    host.apply(LAB)
    shell(host, "ip link del lab0")
    with pytest.raises(StepError, match="ENODEV") as caught:
        host.apply(WEB)
    assert "diff" in caught.value.hint
    assert "web" not in host


def test_an_adopted_bridge_keeps_its_ports_and_gives_its_subnet(host: Host) -> None:
    shell(
        host,
        """
        ip link add br0 type bridge && ip address add 10.7.0.9/24 dev br0 && ip link set br0 up
        ip netns add theirs && ip link add port master br0 type veth peer name eth0 netns theirs && ip link set port up
        ip -n theirs address add 10.7.0.50/24 dev eth0 && ip -n theirs link set eth0 up
        """,
    )
    host.apply(Network(name="lab", bridge="br0"), Sandbox(name="web", mode=Bridge(network="lab")))
    (network,) = host.networks()
    assert [str(gateway) for gateway in network.gateways] == ["10.7.0.9/24"]
    assert call(host["web"], ("10.7.0.9", 80), host, 80, "tcp") == str(host["web"].address)
    host.destroy_all()
    assert "master br0" in shell(host, "ip link show port")
    assert "10.7.0.9/24" in shell(host, "ip address show br0")


def test_a_server_in_an_adopted_namespace_is_published_and_keeps_running(lan: Lan) -> None:
    """What was started by hand in a bare namespace is published without a restart."""
    shell(lan.host, "ip netns add bare && ip -n bare link set lo up")
    with lan.host._call(_listen_in, "bare") as server:
        lan.host.apply(Sandbox(name="web", namespace="/run/netns/bare", mode=Bridge(publish=["8088:80"])))
        with lan.machine.socket() as caller:
            caller.settimeout(5)
            caller.connect((lan.HOST, 8088))
            connection, source = server.accept()
            connection.close()
            assert source[0] == lan.MACHINE
        lan.host.destroy("web")
        assert server.getsockname() == ("0.0.0.0", 80)
    assert shell(lan.host, "ip -n bare -o link").count("\n") == 1


def _listen_in(name: str) -> socket.socket:
    from netbuilder.kernel import namespaces

    fd = namespaces.open_pin(name)
    with namespaces.entered(fd), open(fd):
        server = socket.create_server(("0.0.0.0", 80))
    server.settimeout(5)
    return server


# What others do to ours


@pytest.mark.parametrize(
    "by_hand",
    [
        "ip netns del web",
        "umount /run/netns/web",
        "ip link del VETH",
        "ip link set VETH name theirs0",
        "ip link del lab0",
        "nft delete table inet netbuilder",
        "nft flush ruleset",
        "nft flush map inet netbuilder publish_any4",
        "nft flush set inet netbuilder bridges",
        "sysctl -qw net/ipv4/ip_forward=0",
        "ip -n web address flush dev eth0",
        "ip address flush dev lab0",
        "ip netns del web; ip link del lab0; nft flush ruleset; sysctl -qw net/ipv4/ip_forward=0",
    ],
)
def test_what_somebody_deleted_by_hand_is_destroyed_all_the_same(host: Host, by_hand: str) -> None:
    before = picture(host)
    host.apply(LAB, WEB)
    shell(host, by_hand.replace("VETH", host.links()[0].veth))
    host.destroy_all()
    wait_until(lambda: picture(host) == before, "the host is as it was")
    host.apply(LAB, WEB)
    assert missing(host, host.plan(LAB, WEB)) == Plan()


def test_a_bridge_that_somebody_made_again_is_theirs(host: Host) -> None:
    host.apply(LAB)
    shell(host, "ip link del lab0 && ip link add lab0 type bridge")
    host.destroy_all()
    assert "lab0" in shell(host, "ip -o link show lab0")


def test_an_adopted_bridge_keeps_its_ipv6(host: Host) -> None:
    shell(host, "ip link add lab0 type bridge; ip link set lab0 up; ip address add 2001:db8::1/64 dev lab0 nodad")
    host.apply(Network(name="lab", bridge="lab0", subnet="10.9.0.0/24"), WEB)
    assert "2001:db8::1" in shell(host, "ip -6 address show dev lab0")
    assert shell(host["web"], "ip -6 address show dev eth0") == ""
    host.destroy_all()
    assert "2001:db8::1" in shell(host, "ip -6 address show dev lab0")


@pytest.mark.parametrize("believed", ["0", "1"])
def test_redirects_are_believed_as_before(host: Host, believed: str) -> None:
    """The kernel sets this one with ip_forward, both ways."""
    setting = "/proc/sys/net/ipv4/conf/all/accept_redirects"
    shell(host, f"echo {believed} > {setting}")
    host.apply(LAB)
    host.destroy_all()
    assert shell(host, f"cat {setting}").strip() == believed


def test_other_tables_are_not_touched(host: Host) -> None:
    shell(
        host,
        """
        nft add table inet theirs
        nft 'add chain inet theirs forward { type filter hook forward priority 0; policy accept; }'
        nft add rule inet theirs forward tcp dport 22 counter drop
        nft add table ip nat
        """,
    )
    before = shell(host, "nft list ruleset")
    host.apply(LAB, WEB)
    assert shell(host, "nft list table inet theirs; nft list table ip nat") == before
    host.destroy_all()
    assert shell(host, "nft list ruleset") == before


def test_a_firewall_that_overrules_ours_is_told(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    shell(
        lan.host,
        "nft add table ip filter;"
        "nft 'add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'",
    )
    with caplog.at_level(logging.WARNING, "netbuilder"):
        lan.host.apply(LAB, WEB)
    assert "FORWARD" in caplog.text
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp", SOON) is None
    shell(lan.host, "nft flush table ip filter; nft delete table ip filter")
    assert call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp") == lan.MACHINE


def test_a_setting_that_another_changed_back_is_left(host: Host) -> None:
    """We turned it on; somebody turned it off; there is nothing to take back."""
    host.apply(LAB)
    shell(host, "sysctl -qw net/ipv4/ip_forward=0")
    host.destroy_all()
    assert shell(host, "sysctl -n net/ipv4/ip_forward") == "0\n"
