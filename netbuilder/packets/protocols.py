"""The protocols that are told apart, and the words for what their packets are."""

from __future__ import annotations

TCP, UDP, ICMP, ICMP6, SCTP = 6, 17, 1, 58, 132
NAMES = {TCP: "TCP", UDP: "UDP", ICMP: "ICMP", ICMP6: "ICMPv6", SCTP: "SCTP"}
ECHO = {ICMP: {8: "echo request", 0: "echo reply"}, ICMP6: {128: "echo request", 129: "echo reply"}}
ERRORS = {
    ICMP: {3: "unreachable", 4: "source quench", 5: "redirect", 11: "time exceeded", 12: "bad parameter"},
    ICMP6: {1: "unreachable", 2: "packet too big", 3: "time exceeded", 4: "bad parameter"},
}
DISCOVERY = {133: "router solicitation", 134: "router advertisement", 135: "who has", 136: "is at", 137: "redirect"}
SYN = 2
_FLAGS = {SYN: "SYN", 1: "FIN", 4: "RST", 8: "PSH", 16: "ACK", 32: "URG"}


def flags_in_words(flags: int) -> str:
    """TCP's flags, the opening one first: "SYN ACK"."""
    return " ".join(name for bit, name in _FLAGS.items() if flags & bit)
