"""What a call asks of the kernel does not grow unseen: one look for all of it, and the host's lock once."""

from __future__ import annotations

from netbuilder import Bridge, Host, Network, Sandbox
from tests.benchmarks.counts import counted
from tests.kernel.helpers import shell

LAB = Network(name="lab")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["80"]))
NEW = Sandbox(name="new", mode=Bridge(network="lab", publish=["80"]))


def test_a_first_call(host: Host) -> None:
    """What the host is like; the look; what the network stands on, the sandbox and forwarding, each verified."""
    first = counted(lambda: host.apply(LAB, WEB))
    assert (first["observes"], first["locks"]) == (5, 2)  # the host's and the pins'


def test_a_call_that_changes_nothing(host: Host) -> None:
    host.apply(LAB, WEB)
    for call in (lambda: host.apply(LAB, WEB), lambda: host.diff(LAB, WEB), lambda: host.plan(LAB, WEB)):
        again = counted(call)
        assert (again["observes"], again["locks"]) == (1, 1)


def test_one_more_sandbox(host: Host) -> None:
    host.apply(LAB, WEB)
    more = counted(lambda: host.apply(LAB, NEW))
    assert (more["observes"], more["locks"]) == (2, 1)


def test_what_is_sent_for_one_more_sandbox(host: Host) -> None:
    """The table's comment and the port; two for its wiring and one for the port; five to see that it is so."""
    host.apply(LAB, WEB)
    assert counted(lambda: host.apply(NEW))["sends"] == 10


def test_what_is_sent_to_look_at_what_stands(host: Host) -> None:
    host.apply(LAB, WEB)
    assert counted(lambda: host.diff(LAB, WEB))["sends"] == 11
    assert counted(lambda: host.diff(WEB))["sends"] == 6


def test_links_take_a_send_for_many(host: Host) -> None:
    """The numbers of their namespaces, the host's ends, and the names inside, of sixteen a time."""
    host.apply(*(Sandbox(name=f"s{n}") for n in range(16)))
    assert len(host.links()) == 16
    assert counted(host.links)["sends"] == 3


def test_the_first_port_that_the_hosts_loopback_leads_by(host: Host) -> None:
    """The sysctl is written and read with what the sandbox costs anyway."""
    shell(host, "ip address add 192.0.2.1/32 dev lo")
    ports = ("192.0.2.1:8088:80", "8089:80", "8090:80")
    specs = [Sandbox(name=f"s{n}", mode=Bridge(network="lab", publish=[port])) for n, port in enumerate(ports)]
    host.apply(LAB)
    host.apply(WEB.model_copy(update={"mode": Bridge(network="lab")}))
    without, first, second = (counted(lambda spec=spec: host.apply(spec)) for spec in specs)  # type: ignore[misc]
    for more in (first, second):
        assert (more["observes"], more["locks"]) == (without["observes"], without["locks"]) == (2, 1)
        assert more["sends"] == without["sends"]


def test_sends_do_not_grow_with_what_stands(host: Host) -> None:
    host.apply(LAB, WEB)
    few = counted(lambda: host.apply(LAB, NEW))
    host.apply(*(Sandbox(name=f"s{n}", mode=Bridge(network="lab", publish=["80"])) for n in range(20)))
    host.destroy("new")
    assert counted(lambda: host.apply(LAB, NEW)) == few
