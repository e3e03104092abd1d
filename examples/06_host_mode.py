"""Host mode: no namespace of its own. What listens in the sandbox listens on the host."""

from __future__ import annotations

from narrate import Shell, another_machine, check, say, tell, title

from netbuilder import Host, HostNetwork, Sandbox

APP = Sandbox(name="app", mode=HostNetwork())


def lesson() -> None:
    """A sandbox with an empty plan, and what that means for its ports."""
    title("Host mode: no namespace of its own")
    say("Docker calls it `--network host`. Here is a throw-away host, with another machine on its eth0:")
    with Host.isolated() as host:
        on_host = Shell(host, "host")
        on_machine = another_machine(on_host)
        say('Now `host.apply(Sandbox(name="app", mode=HostNetwork()))`. What does it do?')
        check("nothing: its plan has no steps", len(host.apply(APP).plan) == 0)
        in_app = Shell(host["app"], "app")
        same_namespace(on_host, in_app)
        same_ports(on_host, in_app, on_machine)


def same_namespace(on_host: Shell, in_app: Shell) -> None:
    """One namespace, told by its number."""
    say("Each namespace has a number. Where is the app, and where is the host?")
    numbers = [shell("readlink /proc/self/ns/net") for shell in (in_app, on_host)]
    check("in one and the same namespace", numbers[0] == numbers[1])
    check("so the app sees the host's interfaces", "192.0.2.1/24" in in_app("ip -brief address"))


def same_ports(on_host: Shell, in_app: Shell, on_machine: Shell) -> None:
    """No port is published, and none is free twice."""
    say("A server in the app is on the host's ports. Nothing is published, no address is rewritten:")
    in_app.start("python3 talk.py listen app 8080")
    answer = on_machine("python3 talk.py ask 192.0.2.1 8080")
    check("the other machine reaches it by the host's address", answer == "this is app; you call from 192.0.2.2\n")
    check("the host has no rules for it", on_host("nft list tables") == "")
    say("The price: whoever comes second finds the port taken.")
    taken = on_host.fails("python3 talk.py listen host 8080")
    check("one namespace, one port 8080", "in use" in taken)


if __name__ == "__main__":
    tell(lesson)
