"""A network namespace: interfaces, addresses, routes, rules and ports of its own, which no other namespace sees."""

from __future__ import annotations

from narrate import Shell, check, say, show, tell, title

from netbuilder import Host, NoNetwork, Sandbox


def lesson() -> None:
    """Add a namespace, look around, bring its loopback up, and find that its port 80 is nobody else's."""
    title("A network namespace")
    say("""A network namespace is like a room of its own: the interfaces, addresses, routes, rules and ports in it can't
    be seen from any other. All of this happens on a throw-away host, `Host.isolated()`: nothing here touches your
    machine. The word before the # says where a command is typed.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        look_around(on_host)
        share_no_ports(on_host)
        delete_it(on_host)
        the_same_from_a_spec(host)


def look_around(on_host: Shell) -> None:
    """In a new namespace even localhost is off."""
    say("""One command adds a namespace, called blue. It is pinned under its name, so that it stays while no program is
    in it.""")
    on_host("ip netns add blue")
    in_blue = on_host.inside("blue")
    say("Let's look around in it. (`blue #` is short for `ip netns exec blue …`.)")
    check("blue has a loopback of its own, and it is down", "DOWN" in in_blue("ip -brief link show lo"))
    say("""That is the classic surprise: in a new namespace not even localhost works. (`talk.py` lies next to this
    lesson: `ask` calls an address and a port, `listen` answers.)""")
    check("nobody can be called", "unreachable" in in_blue.fails("python3 talk.py ask 127.0.0.1 80"))
    on_host("ip -n blue link set lo up")
    answer = in_blue.fails("python3 talk.py ask 127.0.0.1 80")
    check("localhost is there now; only, nobody listens", "refused" in answer)


def share_no_ports(on_host: Shell) -> None:
    """Two servers, both on port 80."""
    say("""Each namespace has ports of its own, too. Two servers on port 80 of one computer? No clash, if they are in
    two namespaces.""")
    in_blue = on_host.inside("blue")
    on_host.start("python3 talk.py listen host 80")
    in_blue.start("python3 talk.py listen blue 80")
    outside, inside = (shell("python3 talk.py ask 127.0.0.1 80") for shell in (on_host, in_blue))
    check("each finds its own server on localhost:80", "this is host" in outside and "this is blue" in inside)


def delete_it(on_host: Shell) -> None:
    """Without its name, the namespace lasts until the last program inside ends."""
    say("""Delete it: the name is gone at once, and the namespace itself goes with the last program inside, here the
    server.""")
    on_host("ip netns del blue")
    check("no namespace is left by that name", "blue" not in on_host("ip netns list"))


def the_same_from_a_spec(host: Host) -> None:
    """None mode is this, and two settings that Docker makes too."""
    say("""netbuilder's none mode is just that, a namespace: `Sandbox(name="blue", mode=NoNetwork())`; and two
    settings, as with Docker: inside, low ports and ping take no privilege. Its plan:""")
    plan = host.apply(Sandbox(name="blue", mode=NoNetwork()), watch=show).plan
    first, *settings, last = [step.command() for step in plan]
    check("the two commands of before", [first, last] == ["ip netns add blue", "ip -n blue link set lo up"])
    check("and two settings", len(settings) == 2)


if __name__ == "__main__":
    tell(lesson)
