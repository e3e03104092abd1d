"""What a call asks of the kernel does not grow unseen: one look for all of it, and the host's lock once."""

from __future__ import annotations

from netbuilder import Bridge, Host, Network, Sandbox
from tests.benchmarks.counts import counted

LAB = Network(name="lab")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["80"]))
NEW = Sandbox(name="new", mode=Bridge(network="lab", publish=["80"]))


def test_a_first_call(host: Host) -> None:
    """What the host is like; the look; what the network stands on, the sandbox and forwarding, each verified."""
    first = counted(lambda: host.apply(LAB, WEB))
    assert (first["observes"], first["locks"]) == (5, 4)  # the host's, the pins', and the store's for each transaction


def test_a_call_that_changes_nothing(host: Host) -> None:
    host.apply(LAB, WEB)
    for call in (lambda: host.apply(LAB, WEB), lambda: host.diff(LAB, WEB), lambda: host.plan(LAB, WEB)):
        again = counted(call)
        assert (again["observes"], again["locks"]) == (1, 1)


def test_one_more_sandbox(host: Host) -> None:
    host.apply(LAB, WEB)
    more = counted(lambda: host.apply(LAB, NEW))
    assert (more["observes"], more["locks"]) == (2, 3)


def test_sends_do_not_grow_with_what_stands(host: Host) -> None:
    host.apply(LAB, WEB)
    few = counted(lambda: host.apply(LAB, NEW))
    host.apply(*(Sandbox(name=f"s{n}", mode=Bridge(network="lab", publish=["80"])) for n in range(20)))
    host.destroy("new")
    assert counted(lambda: host.apply(LAB, NEW)) == few
