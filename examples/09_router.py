"""Several networks: a sandbox with a foot in each of two, that passes packets on between them."""

from __future__ import annotations

from narrate import Shell, check, say, tell, title

from netbuilder import Bridge, Endpoint, Host, Network, Route, Sandbox

FRONT = Network("front", subnet="10.8.0.0/24")
BACK = Network("back", subnet="10.9.0.0/24", internal=True)
FORWARDS = {"net.ipv4.ip_forward": 1}
ROUTER = Sandbox(
    "router",
    mode=Bridge(endpoints=[Endpoint("front", address="10.8.0.7"), Endpoint("back", address="10.9.0.7")]),
    sysctls=FORWARDS,
)
WEB = Sandbox("web", mode=Bridge("front"), routes=[Route("10.9.0.0/24", via="10.8.0.7")])
DATABASE = Sandbox("database", mode=Bridge("back"), routes=[Route("10.8.0.0/24", via="10.9.0.7")])


def lesson() -> None:
    """Two networks that do not meet, and a sandbox on both that lets them."""
    title("A router between two networks")
    say("""A sandbox may be on several networks, with a veth pair and an interface for each: eth0, eth1 and so on. Here
    are two networks. `front` leads out; `back` is internal, so nothing leaves it and nothing enters.""")
    with Host.isolated() as host:
        host.apply(FRONT, BACK, WEB.model_copy(update={"routes": ()}), DATABASE.model_copy(update={"routes": ()}))
        apart(host)
        with_a_router(host)
        moving(host)


def apart(host: Host) -> None:
    """Without a router, neither has a way to the other."""
    Shell(host["database"], "database").start("python3 talk.py listen database 5432")
    ask = "python3 talk.py ask 10.9.0.2 5432 0.5"
    check("web does not reach the database", bool(Shell(host["web"], "web").fails(ask)))


def with_a_router(host: Host) -> None:
    """The third sandbox forwards, as the host itself does between its bridges."""
    say("""A third sandbox, on both networks. It forwards what is not for itself, as `ip_forward` is on inside; and the
    other two get a route each that leads by it. `host.apply(ROUTER, WEB, DATABASE)` changes just that.""")
    host.apply(ROUTER, WEB, DATABASE)
    router = Shell(host["router"], "router")
    router("ip -4 -brief address")
    check("one default route, by the network that leads out", "default via 10.8.0.1 dev eth0" in router("ip route"))
    answer = Shell(host["web"], "web")("python3 talk.py ask 10.9.0.2 5432")
    check("web reaches the database, by its own address", answer == "this is database; you call from 10.8.0.2\n")


def moving(host: Host) -> None:
    """`connect` and `disconnect` on a sandbox that stands, as with Docker."""
    say("""A sandbox that stands can be put on one more network, and taken off it again; what it has on the others goes
    on as it is: `netbuilder connect back printer`, or in Python:""")
    host.apply(Sandbox("printer", mode=Bridge("front")))
    printer = host["printer"]
    printer.connect("back")
    inside = Shell(printer, "printer")
    check("the printer has an interface there by now", "10.9.0." in inside("ip -4 -brief address show eth1"))
    printer.disconnect("back")
    check("and has it no more", "eth1" not in inside("ip -brief link"))


if __name__ == "__main__":
    tell(lesson)
