"""A veth pair: two interfaces that belong together. What goes in at one end comes out at the other."""

from __future__ import annotations

from narrate import Shell, check, say, tell, title

from netbuilder import Host, Sandbox


def lesson() -> None:
    """Add a veth pair that leads into a namespace, tell its ends, send something, and take one end away."""
    title("A veth pair")
    say("""A namespace by itself reaches nobody. What connects two of them is a veth pair: like a cable, it has two
    ends, and what goes in at one comes out at the other. We add one on a throw-away host: one end here, called
    veth-blue, the other born inside the namespace blue, called eth0.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        add_a_pair(on_host)
        tell_the_ends(on_host)
        send_something(on_host)
        take_an_end_away(on_host)
        ask_netbuilder(host)


def add_a_pair(on_host: Shell) -> None:
    """Both ends come into being at once. (Without `index`, each gets the next free number of its namespace.)"""
    on_host("ip netns add blue")
    on_host("ip link add veth-blue index 7 type veth peer name eth0 index 42 netns blue")


def tell_the_ends(on_host: Shell) -> None:
    """The number after the @ is the other end's."""
    say("""Which end belongs to which? Names can say anything. But every interface has a number, its index, and each
    end of a veth pair knows the other's: it stands after the @.""")
    in_blue = on_host.inside("blue")
    outside, inside = on_host("ip link show veth-blue"), in_blue("ip link show eth0")
    (outer,), (inner,) = on_host.look("ip -json link show veth-blue"), in_blue.look("ip -json link show eth0")
    check(
        f"veth-blue is number {outer['ifindex']} and points at {outer['link_index']}; "
        f"eth0 is number {inner['ifindex']} and points at {inner['link_index']}",
        (outer["ifindex"], outer["link_index"]) == (inner["link_index"], inner["ifindex"]),
    )
    say("""An index is unique only within its namespace. So each end knows the other's namespace, too. It stands last:
    `link-netns blue`, where `ip` knows a name for it, or else `link-netnsid 0`, the id it goes by in here.""")
    check("the host knows blue by name", "link-netns blue" in outside)
    check("blue knows the host by an id", "link-netnsid" in inside)


def send_something(on_host: Shell) -> None:
    """An address and `up` at both ends, and packets pass."""
    say("Frames pass once both ends are up. For IP each end needs an address, too, both in one subnet.")
    in_blue = on_host.inside("blue")
    on_host("ip address add 10.0.0.1/24 dev veth-blue && ip link set veth-blue up")
    in_blue("ip address add 10.0.0.2/24 dev eth0 && ip link set eth0 up")
    in_blue.start("python3 talk.py listen blue 80")
    answer = on_host("python3 talk.py ask 10.0.0.2 80")
    check("blue was called through the veth pair", answer == "this is blue; you call from 10.0.0.1\n")


def take_an_end_away(on_host: Shell) -> None:
    """Down at one end is no carrier at the other; gone at one end is gone at both."""
    say("Set one end down, and the other one notices: it has no carrier.")
    on_host("ip -n blue link set eth0 down")
    check("the host's end lost its carrier", "NO-CARRIER" in on_host("ip link show veth-blue"))
    say("And neither end exists without the other.")
    on_host("ip link del veth-blue")
    check("the end inside is gone too", "does not exist" in on_host.fails("ip -n blue link show eth0"))


def ask_netbuilder(host: Host) -> None:
    """`Host.links` matches the ends in the same way."""
    say("""On a Docker host with a hundred veths, whose is vethab12cd3? `host.links()` compares numbers and ids for
    you. We make a sandbox, `host.apply(Sandbox(name="web"))`, and ask:""")
    host.apply(Sandbox(name="web"))
    (pair,) = host.links()
    check(
        f"{pair.veth} (number {pair.ifindex}, a port of {pair.bridge}) leads to {pair.sandbox}'s {pair.interface}",
        pair.sandbox == "web",
    )
    (inner,) = Shell(host["web"], "web").look("ip -json link show eth0")
    check("and eth0 inside points back at it", inner["link_index"] == pair.ifindex)


if __name__ == "__main__":
    tell(lesson)
