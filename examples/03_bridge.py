"""A bridge: it learns who is behind which of its ports, and from then on bothers nobody else."""

from __future__ import annotations

from itertools import permutations

from narrate import Shell, check, quote, say, show, tell, title
from tap import Tap

from netbuilder import Bridge, Host, Network, Sandbox

ADDRESSES = {"ann": "10.9.0.2", "bob": "10.9.0.3", "cat": "10.9.0.4"}
IN_LAB = Bridge(network="lab")


def lesson() -> None:
    """Connect three sandboxes to a bridge, watch it learn, and see what the third one hears."""
    title("A bridge")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        connect_three(host, on_host)
        watch_it_learn(host, on_host)
        everybody_reaches_everybody(host)


def connect_three(host: Host, on_host: Shell) -> None:
    """Ann's steps are shown; Bob's and Cat's are the same with other names."""
    say("""A veth pair connects two namespaces; for three it takes a bridge, which is a switch made of software. We
    have one made on a throw-away host, br-lab:
    `host.apply(Network(name="lab", bridge="br-lab", subnet="10.9.0.0/24"))`. Then a sandbox on it, ann, step by
    step:""")
    host.apply(Network(name="lab", bridge="br-lab", subnet="10.9.0.0/24"))
    host.apply(Sandbox(name="ann", mode=IN_LAB), watch=show)
    say("Bob and Cat are connected in just the same way. Now three veths are ports of the bridge:")
    host.apply(*(Sandbox(name=name, mode=IN_LAB) for name in ("bob", "cat")))
    on_host("ip -brief link show master br-lab")
    bridges = {pair.sandbox: pair.bridge for pair in host.links()}
    check("one for each of them", bridges == dict.fromkeys(ADDRESSES, "br-lab"))


def watch_it_learn(host: Host, on_host: Shell) -> None:
    """The first question goes to everybody; what follows goes to Bob alone."""
    say("""The bridge has a table, the fdb: which MAC address is behind which of its ports. Nobody has spoken yet,
    so:""")
    check("it has learned nothing", on_host("bridge fdb show br br-lab dynamic") == "")
    say("Now Ann calls Bob, while we listen at Cat's eth0.")
    Shell(host["bob"], "bob").start("python3 talk.py listen bob 80")
    with Tap(host["cat"], "eth0") as at_cat:
        Shell(host["ann"], "ann")(f"python3 talk.py ask {ADDRESSES['bob']} 80")
        heard = at_cat.packets()
    say("What Cat heard:")
    quote("\n".join(heard))
    question = f"ARP: who has {ADDRESSES['bob']}? tell {ADDRESSES['ann']}"
    check("Ann's question who Bob is, sent to everybody, and not a word of their talk", set(heard) == {question})
    say("For by then the bridge had learned where the two are:")
    learned = on_host("bridge fdb show br br-lab dynamic")
    for pair in host.links():
        known = f"{mac_of(host, pair.sandbox)} dev {pair.veth}" in learned
        if pair.sandbox == "cat":
            check("it does not know where Cat is: she has not said anything", not known)
        else:
            check(f"{pair.sandbox} is behind {pair.veth}", known)


def mac_of(host: Host, name: str) -> str:
    """The MAC address of a sandbox's eth0."""
    (link,) = Shell(host[name], name).look("ip -json link show eth0")
    return str(link["address"])


def everybody_reaches_everybody(host: Host) -> None:
    """Six calls."""
    say("And of course everybody reaches everybody:")
    shells = {name: Shell(host[name], name) for name in ADDRESSES}
    for name in ("ann", "cat"):
        shells[name].start(f"python3 talk.py listen {name} 80")
    for caller, callee in permutations(ADDRESSES, 2):
        answer = shells[caller](f"python3 talk.py ask {ADDRESSES[callee]} 80")
        if answer != f"this is {callee}; you call from {ADDRESSES[caller]}\n":
            raise SystemExit(f"  ✗ {caller} does not reach {callee}")
    check("six calls, six answers", True)


if __name__ == "__main__":
    tell(lesson)
