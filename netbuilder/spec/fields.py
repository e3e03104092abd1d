"""The names that may reach a command, a rule or a path: narrow on purpose, so that nothing has to be escaped."""

from __future__ import annotations

import re
from typing import Annotated, Protocol, runtime_checkable

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
)

from netbuilder.errors import shown
from netbuilder.spec.named import NetworkLike, SandboxLike, is_name_of

PINS = "/run/netns"
"""Where `ip netns` pins namespaces by name, and so do we."""

NAME = re.compile(r"[A-Za-z0-9]+(?:(?:\.|[_-]+)[A-Za-z0-9]+)*")
_MOST_PROCESSES = 2**22  # PID_MAX_LIMIT
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_PATH = re.compile(r"(?:/[A-Za-z0-9_+@:.-]+)+")

# An interface of one of these names would be read as a word of the rule language, or as a directory of /proc/sys.
_OF_RULES = frozenset(
    """
    accept add ah all and arp audit bridge cgroup chain comp continue counter create ct daddr day dccp default
    define delete describe destroy device devices dnat dport drop dst dup ecn element elements esp ether exists
    export fib flow flowtable flush frag fwd gid goto group handle hash hook hour icmp icmpv6 igmp iif iifname
    iiftype import in include index inet ingress input insert ip ip6 jhash jump last length level limit list lo log
    lookup map mark masquerade meta meter missing mod monitor mptcp nat netdev not notrack numgen oif oifname
    oiftype offload options or osf output over performance persistent policy position postrouting prerouting
    priority proto protocol queue quota random raw redefine redirect reject rename replace reset return rt rule
    ruleset saddr sctp secmark seq set skgid skuid snat socket sport src state statement synproxy table tcp tcpmss
    th time timeout to tproxy type typeof udp udplite undefine unique until up update vlan vmap vxlan wildcard xor
    xt
    """.split()  # noqa: SIM905
)


# And of one of these, as a word of `ip link add NAME` or `ip link set NAME`, which takes many by their first letters.
_OF_IP = frozenset(
    """
    a ad addr addre addres address addrg addrge addrgen addrgenm addrgenmo addrgenmod addrgenmode al ali alia
    alias allmulticast b br brd bro broa broad broadc broadca broadcas broadcast carrier d dev down dy dyn dyna
    dynam dynami dynamic gro_max_size gso_max_segs gso_max_size h he hel help l li lin link link-n link-ne
    link-net link-netn link-netns link-netnsi link-netnsid m ma mas mast maste master mode mtu multicast n name
    netns no nom noma nomas nomast nomaste nomaster nu num numr numrx numrxq numrxqu numrxque numrxqueu
    numrxqueue numrxqueues numt numtx numtxq numtxqu numtxque numtxqueu numtxqueue numtxqueues parentdev promisc
    protodown t trailers tx txq txql txqle txqlen txqu txque txqueu txqueue txqueuel txqueuele txqueuelen ty typ
    vf xdp xdpdrv xdpgeneric xdpoffload
    """.split()  # noqa: SIM905
)

RESERVED = _OF_RULES | _OF_IP
"""The names that no interface may have."""


def _name(text: str) -> str:
    if len(text) > 63 or not NAME.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a valid name: use up to 63 letters and digits, with '.', '_' or '-' between them"
        )
    return text


def _interface(text: str) -> str:
    if len(text) > 15:
        raise ValueError(f"{shown(text)} is {len(text)} characters long: an interface name has at most 15")
    if not NAME.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a valid interface name: use letters and digits, with '.', '_' or '-' between them"
        )
    if text in RESERVED:
        raise ValueError(f"{text!r} is a word of nftables, ip or /proc/sys: choose another interface name")
    return text


def _mac(text: str) -> str:
    mac = text.lower().replace("-", ":")
    if not _MAC.fullmatch(mac):
        raise ValueError(f"{shown(text)} is not a valid MAC address: write it like 02:42:ac:11:00:02")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError(f"{mac} is not the address of one interface: the first byte must be even, and not all zero")
    return mac


def _path(text: str) -> str:
    if len(text) > 255 or not _PATH.fullmatch(text) or "/.." in text or "/." in text:
        raise ValueError(f"{shown(text)} is not a plain absolute path, like /run/netns/web or /proc/1234/ns/net")
    return text


@runtime_checkable
class PathLike(Protocol):
    """A path as a value, such as `pathlib.Path`."""

    def __fspath__(self) -> str: ...


def _namespace(value: object) -> object:
    """A path as its text, a name under /run/netns as its file, and the number of a process as it is."""
    value = value.__fspath__() if isinstance(value, PathLike) else value
    if type(value) is int and 1 <= value <= _MOST_PROCESSES:
        return value
    if isinstance(value, str):
        return _path(f"{PINS}/{value}" if NAME.fullmatch(value) else value)
    raise ValueError(
        f"a namespace is given by its path, its name under {PINS} or the number of a process in it (process.pid),"
        f" not as {shown(repr(value)) if type(value) is int else type(value).__name__}"
    )


Name = Annotated[
    str,
    AfterValidator(_name),
    Field(min_length=1, max_length=63, json_schema_extra={"pattern": f"^{NAME.pattern}$"}),
]
"""A sandbox's or network's name; it becomes a file name under /run/netns."""

InterfaceName = Annotated[str, AfterValidator(_interface)]
"""A network interface's name: at most 15 characters (IFNAMSIZ, Linux)."""

NetworkName = Annotated[
    Name,
    is_name_of(NetworkLike, 'no network: write network="NAME", or mode=Container(sandbox=…) to share a sandbox\'s own'),
]
"""A network's name, or the network."""

SandboxName = Annotated[
    Name, is_name_of(SandboxLike, 'no sandbox: write sandbox="NAME", or mode=Bridge(network=…) to be on a network')
]
"""A sandbox's name, or the sandbox: its spec, or its handle."""

Mac = Annotated[str, AfterValidator(_mac)]
"""A unicast MAC address, kept in lower case with colons."""

NamespacePath = Annotated[str, AfterValidator(_path)]
"""An absolute path to a network namespace, as in /proc/PID/ns/net."""

Namespace = Annotated[NamespacePath | Annotated[int, Field(ge=1, le=_MOST_PROCESSES)], BeforeValidator(_namespace)]
"""An existing namespace: its path, its name under /run/netns, or the number of a process in it."""
