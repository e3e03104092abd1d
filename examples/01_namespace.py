"""A network namespace: a room of its own. Interfaces, addresses, routes, rules and ports are seen by no other room."""

from __future__ import annotations

from narrate import Shell, check, say, show, tell, title

from netbuilder import Host, NoNetwork, Sandbox


def lesson() -> None:
    """Open a room, look around, bring its loopback up, and find that its port 80 is nobody else's."""
    title("A network namespace: a room of its own")
    say("""All of this happens on a throw-away host, `Host.isolated()`: nothing here touches your machine. The word
    before the # says where a command is typed.""")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        look_around(on_host)
        share_no_ports(on_host)
        leave(on_host)
        the_same_from_a_spec(host)


def look_around(on_host: Shell) -> None:
    """In a new room even localhost is off."""
    say("One command opens a room, called blue. It is pinned under its name, so that it stays while nobody is in it.")
    on_host("ip netns add blue")
    in_blue = on_host.inside("blue")
    say("Let's step in and look around. (`blue #` is short for `ip netns exec blue …`.)")
    check("blue has a loopback of its own, and it is down", "DOWN" in in_blue("ip -brief link show lo"))
    say("""That is the classic surprise: in a new namespace not even localhost works. (`talk.py` lies next to this
    lesson: `ask` calls an address and a port, `listen` answers.)""")
    check("nobody can be called", "unreachable" in in_blue.fails("python3 talk.py ask 127.0.0.1 80"))
    on_host("ip -n blue link set lo up")
    answer = in_blue.fails("python3 talk.py ask 127.0.0.1 80")
    check("localhost is there now; only, nobody listens", "refused" in answer)


def share_no_ports(on_host: Shell) -> None:
    """Two servers, both on port 80."""
    say("Ports belong to the room, too. Two servers on port 80 of one computer? No clash, if there is a wall between.")
    in_blue = on_host.inside("blue")
    on_host.start("python3 talk.py listen host 80")
    in_blue.start("python3 talk.py listen blue 80")
    outside, inside = (place("python3 talk.py ask 127.0.0.1 80") for place in (on_host, in_blue))
    check("each finds its own server on localhost:80", "this is host" in outside and "this is blue" in inside)


def leave(on_host: Shell) -> None:
    """Unpinned, the room lasts until the last one leaves."""
    say("Take the pin out: the name is gone at once, and the room goes with the last program inside, here the server.")
    on_host("ip netns del blue")
    check("there is no namespace left by that name", "blue" not in on_host("ip netns list"))


def the_same_from_a_spec(host: Host) -> None:
    """None mode is this, and nothing more."""
    say("""netbuilder's none mode is just such a room: `Sandbox(name="blue", mode=NoNetwork())`. Its whole plan:""")
    plan = host.apply(Sandbox(name="blue", mode=NoNetwork()), watch=show)
    check("two steps", [step.command() for step in plan] == ["ip netns add blue", "ip -n blue link set lo up"])


if __name__ == "__main__":
    tell(lesson)
