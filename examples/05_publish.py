"""A published port: what a packet looks like on its way in and out. DNAT in, MASQUERADE out."""

from __future__ import annotations

from narrate import Shell, another_machine, check, quote, say, tell, title
from tap import Tap

from netbuilder import Bridge, Host, Sandbox

WEB = Sandbox(name="web", mode=Bridge(publish=["8088:80"]))


def lesson() -> None:
    """Reach a sandbox by the host's port, and watch the addresses change along the path."""
    title("A published port: DNAT in, MASQUERADE out")
    say("""A published port is like a door: it leads from a port of the host to a port inside a sandbox. This lesson
    takes two machines: a throw-away host, and a second namespace, connected to its eth0, as the other one.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        on_machine = another_machine(on_host)
        say("""On the host, `host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))`. The port is one entry
        in a map:""")
        host.apply(WEB)
        on_host("nft list map inet netbuilder publish_any4 | grep elements")
        from_outside(host, on_machine)
        to_the_outside(host, on_machine)
        not_published(on_host, on_machine)


def from_outside(host: Host, on_machine: Shell) -> None:
    """The destination is rewritten, the caller's address is not."""
    say("The other machine calls the host's port. We listen twice on the path: at the host's eth0, and at web's.")
    Shell(host["web"], "web").start("python3 talk.py listen web 80")
    with Tap(host, "eth0") as at_host, Tap(host["web"], "eth0") as at_web:
        answer = on_machine("python3 talk.py ask 192.0.2.1 8088")
        outside, inside = greeting(at_host), greeting(at_web)
    check("web answers, and sees the other machine's own address", answer == "this is web; you call from 192.0.2.2\n")
    say("The first two packets, the call and the answer, as they passed the host's eth0:")
    quote("\n".join(outside))
    say("""The same two at web's eth0. A rule in PREROUTING, where the host looks at what arrives, has rewritten where
    the call goes to (DNAT). The answer needs no rule: the kernel remembers each connection, and rewrites back.""")
    quote("\n".join(inside))
    check("called: 192.0.2.1:8088. Arrived at: 172.17.0.2:80", "> 192.0.2.1:8088" in outside[0])
    check(
        "called from 192.0.2.2, before and after",
        all(packet.startswith("192.0.2.2:") for packet in (outside[0], inside[0])),
    )
    check("the answer leaves web as 172.17.0.2:80", inside[1].startswith("172.17.0.2:80 >"))
    check("and the host as 192.0.2.1:8088", outside[1].startswith("192.0.2.1:8088 >"))


def to_the_outside(host: Host, on_machine: Shell) -> None:
    """The source is rewritten: nobody outside has a route to 172.17.0.2."""
    say("""Now the other direction: web calls the other machine. That one has no route to 172.17.0.0/16 and could not
    answer. So a rule in POSTROUTING, the last look at what leaves, puts the host's address in the sender's place
    (MASQUERADE).""")
    on_machine.start("python3 talk.py listen machine 9000")
    with Tap(host, "eth0") as at_host, Tap(host["web"], "eth0") as at_web:
        answer = Shell(host["web"], "web")("python3 talk.py ask 192.0.2.2 9000")
        outside, inside = greeting(at_host), greeting(at_web)
    quote(f"at web's eth0:    {inside[0]}\nat the host's:    {outside[0]}")
    check("web called from 172.17.0.2", inside[0].startswith("172.17.0.2:"))
    check(
        "the other machine was called by the host, 192.0.2.1",
        outside[0].startswith("192.0.2.1:") and "192.0.2.1" in answer,
    )


def not_published(on_host: Shell, on_machine: Shell) -> None:
    """A route to the subnet reaches nothing."""
    say("""And if the other machine adds a route, to call web directly? Its packets get as far as FORWARD, where what
    is for docker0 and did not come by a published port is dropped.""")
    on_machine("ip route add 172.17.0.0/16 via 192.0.2.1")
    check(
        "what is not published is not reached", "timed out" in on_machine.fails("python3 talk.py ask 172.17.0.2 80 0.5")
    )
    say("""The host itself reaches web by the port and directly. Its own packets pass no PREROUTING; OUTPUT does the
    same for them.""")
    for address in ("127.0.0.1 8088", "192.0.2.1 8088", "172.17.0.2 80"):
        check(f"reached by {address}", "this is web" in on_host(f"python3 talk.py ask {address}"))
    say("""It always calls from 172.17.0.1, docker0's own address. Directly that is so by itself; by the port MASQUERADE
    sees to it, for an answer to 127.0.0.1 would never leave web.""")


def greeting(tap: Tap) -> list[str]:
    """The first packet of a connection, SYN, and the one that answers it, SYN ACK."""
    return list(dict.fromkeys(packet for packet in tap.packets() if "SYN" in packet))


if __name__ == "__main__":
    tell(lesson)
