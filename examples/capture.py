"""One request, seen at the host's eth0 and at the sandbox's eth0 at once: where its packets are rewritten, and how.

capture.py [FILE.pcapng]    with a file, the packets are kept in it, for Wireshark
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from narrate import Shell, another_machine, check, quote, say, tell, title

from netbuilder import Bridge, Host, Network, Passage, Sandbox

LAB = Network("lab", subnet="10.9.0.0/24")
WEB = Sandbox("web", mode=Bridge(network="lab", publish=["8088:80"]))


def lesson() -> None:
    """Call a published port from another machine, and follow each packet in and out."""
    title("One request, at two places at once")
    say("""A packet that another machine sends to port 8088 of the host arrives at port 80 of a sandbox. Listen at the
    host's eth0 and it goes to one address; listen at web's eth0 and it goes to another. To see that it is one packet,
    listen at both, in two namespaces, with one clock.""")
    with Host.isolated() as host, tempfile.TemporaryDirectory() as directory:
        on_machine = another_machine(Shell(host, "host"))
        host.apply(LAB, WEB)
        Shell(host["web"], "web").start("python3 talk.py listen web 80")
        file = Path(sys.argv[1] if sys.argv[1:] else f"{directory}/way.pcapng")
        passages = record(host, on_machine, file)
        on_the_way_in(passages[0])
        on_the_way_out(passages[1])
        check(f"all {len(passages)} packets were rewritten so", all(len(one.rewrites) == 1 for one in passages))
        in_wireshark(file)


def record(host: Host, on_machine: Shell, file: Path) -> list[Passage]:
    """Record a call, and give its packets with their copies."""
    say("""On the host, `with host.capture("web", file="way.pcapng", published=8088)`; on a machine of yours,
    `sudo netbuilder capture --published 8088 -o way.pcapng web`. While that listens, a call:""")
    passages: list[Passage] = []
    with host.capture("web", file=file, published=8088, watch=passages.append) as capture:
        on_machine("python3 talk.py ask 192.0.2.1 8088")
    quote("\n".join(f"{name}: {one.packets} packets, {one.dropped} dropped" for name, one in capture.counts.items()))
    check("as many at one end as at the other", len({one.packets for one in capture.counts.values()}) == 1)
    return passages


def on_the_way_in(call: Passage) -> None:
    """DNAT: another destination."""
    say("The first packet asks for a connection (SYN). At the two places it was:")
    told(call)
    (rewrite,) = call.rewrites
    check("its destination was rewritten on the host (DNAT), ahead of routing", rewrite.kind == "DNAT")
    check("who calls was left alone", len({hop.headers.src for hop in call.hops}) == 1)
    ttl = [hop.headers.ttl or 0 for hop in call.hops]
    check("and the host counted as a router: one less may follow (TTL)", ttl[0] - 1 == ttl[1])


def on_the_way_out(answer: Passage) -> None:
    """SNAT, by no rule: what was done is undone."""
    say("The second is the answer (SYN ACK), the other way round:")
    told(answer)
    (rewrite,) = answer.rewrites
    check(
        "its source was rewritten (SNAT), by no rule: the kernel remembers what it did, and undoes it",
        (rewrite.kind, rewrite.undoes) == ("SNAT", True),
    )
    check("so the machine gets it from where it had called", str(answer.hops[-1].headers.src) == "192.0.2.1:8088")


def in_wireshark(file: Path) -> None:
    """What the file is good for."""
    say("""The file has all of it, in the order of time, each packet with its interface (frame.interface_name).
    Wireshark shows two conversations and no retransmission, as the addresses differ. Had we listened at the bridge too
    (`--tap bridge`), it would see some packets twice with the same addresses and take them for sent again.""")
    check("it begins as a pcapng file does", file.read_bytes()[:4] == b"\n\r\r\n")


def told(passage: Passage) -> None:
    """A packet, as `netbuilder capture` tells it, without its time."""
    quote(str(passage))


if __name__ == "__main__":
    tell(lesson)
