"""None mode: an empty namespace, connected by hand until it reaches the outside, a bit more with each command."""

from __future__ import annotations

from narrate import Shell, another_machine, check, say, show, tell, title

from netbuilder import Host, Network, NoNetwork, Sandbox

ITSELF, GATEWAY, OUTSIDE = (
    f"python3 talk.py ask {address} 9000" for address in ("127.0.0.1", "172.17.0.1", "192.0.2.2")
)


def lesson() -> None:
    """From an empty namespace to another machine, in five commands."""
    title("None mode: an empty namespace, connected by hand")
    say("""This takes a throw-away host with another machine on its eth0; and on the host docker0, with its rules, but
    no sandbox.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        on_machine = another_machine(on_host)
        on_host.start("python3 talk.py listen host 9000")
        on_machine.start("python3 talk.py listen machine 9000")
        host.apply(Network(name="bridge"))
        say('Docker calls it `--network none`. Here, `Sandbox(name="box", mode=NoNetwork())`, and this is all of it:')
        host.apply(Sandbox(name="box", mode=NoNetwork()), watch=show)
        connect(on_host, Shell(host["box"], "box"))
        remove(host, on_host)


def connect(on_host: Shell, in_box: Shell) -> None:
    """Veth pair, address, route: after each, how far do we get?"""
    check("it has its loopback", "refused" in in_box.fails(ITSELF))
    check("and nothing else", "unreachable" in in_box.fails(GATEWAY))
    say("1. The veth pair: one end is a port of docker0, the other is eth0 in the box, and both are up.")
    on_host("ip link add veth-box master docker0 type veth peer name eth0 netns box")
    on_host("ip link set veth-box up")
    on_host("ip -n box link set eth0 up")
    check(
        "a veth pair alone reaches nobody: no address, so no route, not even to a neighbour",
        "unreachable" in in_box.fails(GATEWAY),
    )
    say("2. An address of docker0's subnet. Its /16 says: everybody in 172.17.0.0/16 is a neighbour, by eth0.")
    on_host("ip -n box address add 172.17.0.99/16 dev eth0")
    check("now the neighbours are reached, the host among them", "from 172.17.0.99" in in_box(GATEWAY))
    check("but 192.0.2.2 is no neighbour, and there is no other way", "unreachable" in in_box.fails(OUTSIDE))
    say("3. A default route: whoever is no neighbour is reached by the gateway, docker0's own address.")
    on_host("ip -n box route add default via 172.17.0.1 dev eth0")
    check("the other machine answers, and it was called by the host's address", "from 192.0.2.1" in in_box(OUTSIDE))
    say("""That is bridge mode, all but the published ports. The rest was there: docker0 and its address, `ip_forward`,
    and the MASQUERADE rule, which goes by the subnet and not by who added the veth pair.""")


def remove(host: Host, on_host: Shell) -> None:
    """What was added by hand is deleted by hand."""
    say('What we added by hand, we delete by hand. The namespace is netbuilder\'s: `host.destroy("box")`.')
    on_host("ip link del veth-box")
    host.destroy("box")
    ports = on_host.look("ip -json link show master docker0")
    check("docker0 has no ports, and the host no sandbox", ports == [] and not [*host])


if __name__ == "__main__":
    tell(lesson)
