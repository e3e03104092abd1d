"""Other firewalls that drop are named, by a rule or by their policy; and only if they do, which packets show."""

from __future__ import annotations

import ctypes
import socket
import struct
from ipaddress import IPv6Address, IPv6Interface
from typing import Any

import pytest

from netbuilder import Bridge, Host, Network, Sandbox
from netbuilder.firewall.guarded import Guarded
from netbuilder.steps.state import DroppedElsewhere
from tests.kernel.helpers import PATIENCE, SOON, Lan, call, shell

LAB = Network(name="lab", bridge="lab0", subnet="10.9.0.0/24")
WEB = Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.2", publish=["8088:80"]))

FORWARD = "type filter hook forward priority filter; policy"
FIREWALLD = """
table inet firewalld {
    chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state vmap { invalid : drop }
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD_ZONES { iifname "eth0" goto filter_FWD_public; goto filter_FWD_public; }
    chain filter_FWD_public { jump filter_FWD_public_allow; reject with icmpx admin-prohibited; }
    chain filter_FWD_public_allow { oifname "eth1" accept; }
}
"""
BLOCKING = {
    "policy": (f"table inet fw {{ chain f {{ {FORWARD} drop; }} }}", "table inet fw, chain f, policy drop"),
    "iptables": (
        f"table ip filter {{ chain FORWARD {{ {FORWARD} drop; }} }}",
        "ip filter, chain FORWARD, policy",
    ),
    "firewalld": (FIREWALLD, "table inet firewalld, chain filter_FWD_public, a rule with handle"),
    "final rule": (f"table ip f {{ chain c {{ {FORWARD} accept; ct state established accept; drop; }} }}", "(drop)"),
    "by a map": (f'table ip f {{ chain c {{ {FORWARD} accept; iifname vmap {{ "lab0" : drop }}; }} }}', "chain c"),
    "by a set": (
        f'table ip f {{ set s {{ type ifname . ipv4_addr; flags interval; elements = {{ "lab0" . 10.0.0.0/8 }}; }}'
        f" chain c {{ {FORWARD} accept; iifname . ip saddr @s drop; }} }}",
        "chain c",
    ),
    "all but some": (f"table ip f {{ chain c {{ {FORWARD} accept; oifname != eth1 drop; }} }}", "chain c"),
    "new ones": (f"table ip f {{ chain c {{ {FORWARD} accept; ct state new reject; }} }}", "(reject)"),
    "private sources": (f"table ip f {{ chain c {{ {FORWARD} accept; ip saddr 10.0.0.0/8 drop; }} }}", "chain c"),
    "TCP": (f"table ip f {{ chain c {{ {FORWARD} accept; meta l4proto tcp reject with tcp reset; }} }}", "chain c"),
    "prerouting": (
        'table ip f { chain c { type filter hook prerouting priority raw; iifname "lab*" drop; } }',
        "chain c",
    ),
    "postrouting": ("table ip f { chain c { type filter hook postrouting priority 0; policy drop; } }", "chain c"),
    "bridge": (
        "table bridge f { chain c { type filter hook input priority 0; policy drop; ether type arp accept; } }",
        "table bridge f",
    ),
    "netdev": (
        'table netdev f { chain c { type filter hook ingress device "lab0" priority 0; policy drop;'
        " ether type arp accept; } }",
        "table netdev f",
    ),
    "a comment": (f'table ip f {{ chain c {{ {FORWARD} accept; drop comment "no more"; }} }}', '(drop, "no more")'),
}
HARMLESS = {
    "Docker's": f"""
        table ip filter {{
            chain FORWARD {{ {FORWARD} accept; jump DOCKER-USER; jump DOCKER-FORWARD; }}
            chain DOCKER-USER {{ return; }}
            chain DOCKER-FORWARD {{
                oifname "docker9" ct state related,established accept
                iifname "docker9" oifname != "docker9" jump DOCKER-ISOLATION
                oifname "docker9" jump DOCKER
                iifname "docker9" accept
            }}
            chain DOCKER-ISOLATION {{ oifname "docker8" drop; return; }}
            chain DOCKER {{ iifname != "docker9" oifname "docker9" drop; }}
        }}
        table ip raw {{ chain PREROUTING {{ type filter hook prerouting priority raw;
            ip daddr 172.31.0.2 iifname != "docker9" drop; }} }}""",
    "one port": f"table ip f {{ chain c {{ {FORWARD} accept; tcp dport 25 drop; udp dport {{ 1-1024 }} drop; }} }}",
    "fail2ban": f"""table inet f2b {{ set banned {{ type ipv4_addr; elements = {{ 203.0.113.9 }}; }}
        chain c {{ {FORWARD} accept; ip saddr @banned reject; ip daddr @banned reject; }} }}""",
    "a limit": f"""table ip f {{ chain c {{ {FORWARD} accept;
        limit rate over 9000/second burst 9000 packets drop; }} }}""",
    "invalid ones": f"table ip f {{ chain c {{ {FORWARD} accept; ct state invalid drop; }} }}",
    "ours let in": f"""table ip f {{ chain c {{ {FORWARD} drop; ct state established,related accept;
        iifname "lab0" accept; oifname {{ "lab0", "x" }} accept; }} }}""",
    "ours let in, on": f"""table inet f {{ chain c {{ {FORWARD} accept; ct state vmap {{ established : accept }};
        meta nfproto ipv6 accept; iifname "lab*" accept; ct status dnat accept; reject; }} }}""",
    "loose source check": """table ip f { chain c { type filter hook prerouting priority raw;
        fib saddr . iif oif missing drop; } }""",
    "switched off": f"table ip f {{ flags dormant; chain c {{ {FORWARD} drop; }} }}",
    "not reached": f"table ip f {{ chain c {{ {FORWARD} accept; accept; drop; }} chain d {{ drop; }} }}",
    "other interfaces": f"""table ip f {{ chain c {{ {FORWARD} accept; iifname "wg0" drop; iif "lo" drop;
        meta mark 7 drop; }} }}""",
    "translated": "table ip f { chain c { type nat hook postrouting priority 0; masquerade; } }",
}


def add(host: Host, rules: str) -> None:
    """Add rules, in lines as nft wants them."""
    lines = (
        rules.replace("; }", ";\n}")
        .replace("} }", "}\n}")
        .replace("} chain", "}\nchain")
        .replace("} table", "}\ntable")
    )
    shell(host, "nft -f -", input=lines)


def is_cut_off(lan: Lan, patience: float = SOON) -> bool:
    """Whether a packet that is to pass does not, in either direction."""
    return None in (
        call(lan.host["web"], (lan.MACHINE, 7), lan.machine, 7, "tcp", patience),
        call(lan.machine, (lan.HOST, 8088), lan.host["web"], 80, "tcp", patience),
    )


@pytest.mark.parametrize("name", BLOCKING)
def test_what_drops_is_named_at_any_call(lan: Lan, name: str, caplog: pytest.LogCaptureFixture) -> None:
    rules, where = BLOCKING[name]
    lan.host.apply(LAB, WEB)
    assert not is_cut_off(lan, PATIENCE)
    assert not caplog.records
    add(lan.host, rules)
    assert is_cut_off(lan)
    for _ in range(2):
        caplog.clear()
        lan.host.apply(LAB, WEB)
        assert where in caplog.messages[0]
        assert all(message.startswith("another firewall drops ") for message in caplog.messages)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_lets_pass_is_not(lan: Lan, name: str, caplog: pytest.LogCaptureFixture) -> None:
    add(lan.host, HARMLESS[name])
    lan.host.apply(LAB, WEB)
    assert not is_cut_off(lan, PATIENCE)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ("chain c { type filter hook input priority 0; policy drop; }", "what they send to the host itself"),
        ("chain c { type filter hook output priority 0; oifname lab0 drop; }", "what the host sends to them"),
    ],
)
def test_what_the_host_keeps_from_them_is_named(
    lan: Lan, rules: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    add(lan.host, f"table inet f {{ {rules} }}")
    lan.host.apply(LAB, WEB)
    (message,) = caplog.messages
    assert message.startswith(f"another firewall drops {what} (lab0): table inet f, chain c, ")


def test_ipv6_is_named(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    add(lan.host, f"table ip6 filter {{ chain FORWARD {{ {FORWARD} drop; }} }}")
    lan.host.apply(LAB, WEB)
    (message,) = caplog.messages
    assert message.startswith("another firewall drops IPv6 (lab0): table ip6 filter, chain FORWARD, policy drop.")


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        (f"{FORWARD} drop;", "IPv6, what comes to their published ports by IPv6"),
        (f"{FORWARD} accept; ip6 saddr fd00:9::/64 drop;", "IPv6"),
        (f"{FORWARD} accept; ip6 daddr fd00:9::2 tcp dport 80 drop;", "what comes to their published ports by IPv6"),
        ("type filter hook input priority 0; iifname lab0 drop;", "what they send to the host itself by IPv6"),
        ("type filter hook output priority 0; oifname lab0 drop;", "what the host sends to them by IPv6"),
    ],
)
def test_what_is_dropped_of_a_network_with_ipv6_is_named(lan: Lan, rules: str, what: str) -> None:
    add(lan.host, f"table ip6 f {{ chain c {{ {rules} }} }}")
    lan.host.apply(LAB, WEB)
    port = ("tcp", IPv6Address("fd00:9::2"), 80)
    query = DroppedElsewhere((Guarded("lab0", IPv6Interface("fd00:9::1/64"), port=port),))
    (message,) = lan.host._call(lambda: lan.host._engine.kernel.observe([query]))[query]
    assert message.startswith(f"another firewall drops {what} (lab0): table ip6 f, chain c, ")


def test_an_internal_network_is_not_cut_off_from_where_it_does_not_lead(
    lan: Lan, caplog: pytest.LogCaptureFixture
) -> None:
    add(lan.host, f"table inet f {{ chain c {{ {FORWARD} drop; }} }}")
    lan.host.apply(LAB.model_copy(update={"internal": True}), Sandbox(name="db", mode=Bridge(network="lab")))
    assert caplog.messages == []


def test_a_hostile_comment_reaches_no_terminal(lan: Lan, caplog: pytest.LogCaptureFixture) -> None:
    add(lan.host, f'table ip f {{ chain c {{ {FORWARD} accept; drop comment "a\x1b[2J"; }} }}')
    lan.host.apply(LAB, WEB)
    (message,) = caplog.messages
    assert "a\\x1b[2J" in message
    assert message.isprintable()


# iptables-legacy: its tables are in the kernel beside those of nftables, whoever has a tool for them

ACCEPT, DROP, RETURN = -2, -1, -5
IN_FORWARD = 4  # entries of a table that is empty: three policies, and its end


def entry(target: bytes, *, iif: str = "", oif: str = "", protocol: int = 0, flags: int = 0) -> bytes:
    """struct ipt_entry, and its target."""
    names = b"".join(name.encode().ljust(16, b"\0") for name in (iif, oif))
    masks = b"".join((b"\xff" * (len(name) + 1 if name else 0)).ljust(16, b"\0") for name in (iif, oif))
    head = bytes(16) + names + masks + struct.pack("=HBB", protocol, flags, 0)
    return head + struct.pack("=IHHIQQ", 0, 112, 112 + len(target), 0, 0, 0) + target


def verdict(code: int) -> bytes:
    return struct.pack("=H30si4x", 40, b"", code)


def ends(name: str) -> bytes:
    return entry(struct.pack("=H29sB30s2x", 64, b"ERROR", 0, name.encode()))


def replace_filter(host: Host, forward: list[bytes], policy: int = ACCEPT, chain: list[bytes] | None = None) -> None:
    """`iptables-legacy-restore` of rules in FORWARD, and of a chain that they may jump to."""
    accept = entry(verdict(ACCEPT))
    hooks = {1: [accept], 2: [*forward, entry(verdict(policy))], 3: [accept]}
    first, last, blob = [0] * 5, [0] * 5, b""
    for hook, entries in hooks.items():
        first[hook] = len(blob)
        blob += b"".join(entries)
        last[hook] = len(blob) - len(entries[-1])
    ending = [ends("c"), *chain, entry(verdict(RETURN))] if chain else []
    blob += b"".join([*ending, ends("ERROR")])
    number = sum(map(len, hooks.values())) + len(ending) + 1
    counters = ctypes.create_string_buffer(16 * IN_FORWARD)
    head = struct.pack("=32sIII5I5II", b"filter", 0b1110, number, len(blob), *first, *last, IN_FORWARD)
    host._call(_set, head + struct.pack("=Q", ctypes.addressof(counters)) + blob)


def _set(replace: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        libc, info, size = ctypes.CDLL(None), ctypes.create_string_buffer(b"filter", 84), ctypes.c_uint32(84)
        if libc.getsockopt(raw.fileno(), 0, 64, info, ctypes.byref(size)):
            pytest.skip("this kernel has no iptables-legacy")
        raw.setsockopt(socket.IPPROTO_IP, 64, replace)


REJECT = struct.pack("=H29sBI4x", 40, b"REJECT", 0, 0)
LEGACY: dict[str, tuple[dict[str, Any], str]] = {
    "policy": ({"forward": [], "policy": DROP}, "policy drop"),
    "rule": ({"forward": [entry(verdict(ACCEPT), iif="eth9"), entry(REJECT)]}, "a rule (reject)"),
    "bridge": ({"forward": [entry(verdict(DROP), iif="lab0")]}, "a rule (drop)"),
}
LEGACY_LETS_PASS: dict[str, dict[str, Any]] = {
    "empty": {"forward": []},
    "other bridge": {"forward": [entry(verdict(DROP), iif="docker0"), entry(REJECT, protocol=132)]},
    "ours": {
        "forward": [entry(verdict(ACCEPT), iif="lab0"), entry(verdict(ACCEPT), oif="lab0")],
        "policy": DROP,
    },
}


@pytest.mark.parametrize("name", LEGACY)
def test_iptables_legacy_is_named_too(lan: Lan, name: str, caplog: pytest.LogCaptureFixture) -> None:
    rules, how = LEGACY[name]
    replace_filter(lan.host, **rules)
    lan.host.apply(LAB, WEB)
    assert is_cut_off(lan)
    (message,) = caplog.messages
    assert f"table filter of iptables-legacy, chain FORWARD, {how}. " in message
    assert message.endswith("see: iptables-legacy -t filter -S")


@pytest.mark.parametrize("name", LEGACY_LETS_PASS)
def test_iptables_legacy_that_lets_pass_is_not(lan: Lan, name: str, caplog: pytest.LogCaptureFixture) -> None:
    replace_filter(lan.host, **LEGACY_LETS_PASS[name])
    lan.host.apply(LAB, WEB)
    assert not is_cut_off(lan, PATIENCE)
    assert caplog.messages == []


@pytest.mark.parametrize("goes_on", [True, False])
def test_iptables_legacy_is_followed_into_its_chains(lan: Lan, goes_on: bool, caplog: pytest.LogCaptureFixture) -> None:
    jump = len(entry(verdict(ACCEPT))) * 4 + len(ends("c"))
    replace_filter(
        lan.host,
        [entry(verdict(jump), iif="lab0")],
        chain=[entry(verdict(DROP), iif="docker0" if goes_on else "lab0")],
    )
    lan.host.apply(LAB, WEB)
    assert is_cut_off(lan, PATIENCE if goes_on else SOON) is not goes_on
    assert bool(caplog.messages) is not goes_on


def test_no_table_of_iptables_legacy_comes_into_being_by_looking(lan: Lan) -> None:
    lan.host.apply(LAB, WEB)
    assert shell(lan.host, "cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null || true") == ""
