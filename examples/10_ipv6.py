"""IPv6 beside IPv4: one more address, one more default route, and the same published port."""

from __future__ import annotations

from narrate import Shell, another_machine, check, say, tell, title

from netbuilder import Bridge, Host, Network, Sandbox

LAB = Network("lab", subnet="10.9.0.0/24", subnet6="fd00:9::/64")
WEB = Sandbox("web", mode=Bridge("lab", publish=["8088:80"]))


def lesson() -> None:
    """One sandbox, two families."""
    title("IPv6 and IPv4, side by side")
    say("""A network may have both families. The bridge then has an address of each, and so has every sandbox; each of
    these is a step like those of the other lessons.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        on_machine = another_machine(on_host)
        on_host("ip -6 address add 2001:db8::1/64 dev eth0 nodad")
        on_machine("ip -6 address add 2001:db8::2/64 dev eth0 nodad")
        host.apply(LAB, WEB)
        inside(host)
        both_ways(host, on_host, on_machine)


def inside(host: Host) -> None:
    """An address and a default route of each family."""
    web = Shell(host["web"], "web")
    web("ip -brief address show eth0")
    say("""The third address begins with fe80: it is link-local, made by the kernel itself, and good on this one link
    alone. Neighbours find each other's MAC addresses by it, as ARP does for IPv4. A default route of each family:""")
    routes = web("ip route show default && ip -6 route show default")
    check("by the bridge's address in both", "via 10.9.0.1" in routes and "via fd00:9::1" in routes)


def both_ways(host: Host, on_host: Shell, on_machine: Shell) -> None:
    """The rules of both families are one text; only the names of the sets end in another digit."""
    say("A published port is open in both families, by an element in a map of each:")
    for v in (4, 6):
        on_host(f"nft list map inet netbuilder publish_any{v} | grep elements")
    Shell(host["web"], "web").start("python3 talk.py listen web 80 ::")
    for address in ("192.0.2.1", "2001:db8::1"):
        answer = on_machine(f"python3 talk.py ask {address} 8088")
        check(f"the other machine reaches web by {address}", answer.startswith("this is web"))
    say("""Outwards, MASQUERADE puts the host's address in the place of the sender's, in IPv6 too: fd00:9::/64 is of
    the addresses that are unique local (RFC 4193), and has no route back from outside.""")
    on_machine.start("python3 talk.py listen machine 9000 ::")
    answer = Shell(host["web"], "web")("python3 talk.py ask 2001:db8::2 9000")
    check("the other machine was called by the host, 2001:db8::1", "2001:db8::1" in answer)


if __name__ == "__main__":
    tell(lesson)
