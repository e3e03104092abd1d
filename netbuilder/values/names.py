"""The names that may reach a command, a rule or a path: narrow on purpose, so that nothing has to be escaped.

And what is taken where a name is: what it is the name of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from netbuilder.errors import shown

PINS = "/run/netns"
"""Where `ip netns` pins namespaces by name, and so do we."""

DEFAULT_NETWORK = "bridge"
"""The network that Docker attaches a container to when none is named; its bridge is docker0."""

NAME = re.compile(r"[A-Za-z0-9]+(?:(?:\.|[_-]+)[A-Za-z0-9]+)*")
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


def valid_name(text: str) -> str:
    """The text, if it can be a sandbox's or network's name; it becomes a file name under /run/netns."""
    if len(text) > 63 or not NAME.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a valid name: use up to 63 letters and digits, with '.', '_' or '-' between them"
        )
    return text


def valid_interface(text: str) -> str:
    """The text, if it can be a network interface's name: at most 15 characters (IFNAMSIZ, Linux)."""
    if len(text) > 15:
        raise ValueError(f"{shown(text)} is {len(text)} characters long: an interface name has at most 15")
    if not NAME.fullmatch(text):
        raise ValueError(
            f"{shown(text)} is not a valid interface name: use letters and digits, with '.', '_' or '-' between them"
        )
    if text in RESERVED:
        raise ValueError(f"{text!r} is a word of nftables, ip or /proc/sys: choose another interface name")
    return text


def valid_mac(text: str) -> str:
    """The text, if it can be a unicast MAC address; in lower case with colons."""
    mac = text.lower().replace("-", ":")
    if not _MAC.fullmatch(mac):
        raise ValueError(f"{shown(text)} is not a valid MAC address: write it like 02:42:ac:11:00:02")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise ValueError(f"{mac} is not the address of one interface: the first byte must be even, and not all zero")
    return mac


def valid_path(text: str) -> str:
    """The text, if it can be an absolute path to a network namespace, as in /proc/PID/ns/net."""
    if len(text) > 255 or not _PATH.fullmatch(text) or "/.." in text or "/." in text:
        raise ValueError(f"{shown(text)} is not a plain absolute path, like /run/netns/web or /proc/1234/ns/net")
    return text


class Named:
    """What is taken where its name is."""

    __slots__ = ()

    if TYPE_CHECKING:

        @property
        def name(self) -> str:
            """Its name."""


class NetworkLike(Named):
    """A network, as it is asked for or as it stands."""

    __slots__ = ()


class SandboxLike(Named):
    """A sandbox, as it is asked for or as it stands."""

    __slots__ = ()


class Numbered(str):
    """The name of one sandbox, by its handle: no later one of that name has its number, and none of another host."""

    number: int

    def __new__(cls, name: str, number: int) -> Self:
        """A name with a number."""
        numbered = super().__new__(cls, name)
        numbered.number = number
        return numbered

    def __getnewargs__(self) -> tuple[str, int]:  # type: ignore[override]
        return str(self), self.number


def name_of(one: Named) -> str:
    """The name of a network or sandbox; that of a handle says which one it is of."""
    number = getattr(one, "number", None)
    return one.name if number is None else Numbered(one.name, number)
