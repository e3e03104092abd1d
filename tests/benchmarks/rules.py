"""Rules shaped as Docker's, to measure beside: what Docker 20.10 sets by iptables-nft, written as nftables text.

The userland proxy is on, as by default. Each rule counts, as those of iptables do. Later releases have more chains on
the way of each packet, and iptables-nft has slower expressions for some matches, so no Docker has cheaper rules.
"""

from __future__ import annotations

from collections.abc import Iterable


def docker_shaped(bridge: str, subnet: str, address: str, ports: Iterable[int]) -> str:
    """The rules of one network where one address publishes ports, the same inside, of TCP and UDP."""
    both = [(protocol, port) for port in ports for protocol in ("tcp", "udp")]
    dnat = (f'iifname != "{bridge}" {proto} dport {port} counter dnat to {address}:{port}' for proto, port in both)
    accept = (
        f'ip daddr {address} iifname != "{bridge}" oifname "{bridge}" {proto} dport {port} counter accept'
        for proto, port in both
    )
    hairpin = (f"ip saddr {address} ip daddr {address} {proto} dport {port} counter masquerade" for proto, port in both)
    return f"""
table ip nat {{
	chain DOCKER {{
		iifname "{bridge}" counter return
		{_lines(dnat)}
	}}
	chain PREROUTING {{
		type nat hook prerouting priority -100; policy accept;
		fib daddr type local counter jump DOCKER
	}}
	chain OUTPUT {{
		type nat hook output priority -100; policy accept;
		ip daddr != 127.0.0.0/8 fib daddr type local counter jump DOCKER
	}}
	chain POSTROUTING {{
		type nat hook postrouting priority 100; policy accept;
		ip saddr {subnet} oifname != "{bridge}" counter masquerade
		{_lines(hairpin)}
	}}
}}
table ip filter {{
	chain DOCKER {{
		{_lines(accept)}
	}}
	chain DOCKER-ISOLATION-STAGE-1 {{
		iifname "{bridge}" oifname != "{bridge}" counter jump DOCKER-ISOLATION-STAGE-2
		counter return
	}}
	chain DOCKER-ISOLATION-STAGE-2 {{
		oifname "{bridge}" counter drop
		counter return
	}}
	chain DOCKER-USER {{
		counter return
	}}
	chain INPUT {{
		type filter hook input priority 0; policy accept;
	}}
	chain FORWARD {{
		type filter hook forward priority 0; policy drop;
		counter jump DOCKER-USER
		counter jump DOCKER-ISOLATION-STAGE-1
		oifname "{bridge}" ct state related,established counter accept
		oifname "{bridge}" counter jump DOCKER
		iifname "{bridge}" oifname != "{bridge}" counter accept
		iifname "{bridge}" oifname "{bridge}" counter accept
	}}
	chain OUTPUT {{
		type filter hook output priority 0; policy accept;
	}}
}}
"""


def _lines(rules: Iterable[str]) -> str:
    return "\n\t\t".join(rules)
