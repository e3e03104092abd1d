"""The two ends of a cable are matched by number, never by name."""

from __future__ import annotations

from netbuilder.kernel.veth_pairs import HostEnd, VethPair, match

SANDBOXES = {0: "web", 1: "db"}
INTERFACES = {(0, 2): "eth0", (1, 2): "eth0", (1, 3): "eth1"}


def test_both_ends_are_told_in_order_of_sandbox_and_interface() -> None:
    ends = [
        HostEnd("veth1", ifindex=7, peer_ifindex=2, netnsid=0, bridge="docker0"),
        HostEnd("veth2", ifindex=8, peer_ifindex=3, netnsid=1, bridge=None),
        HostEnd("veth3", ifindex=9, peer_ifindex=2, netnsid=1, bridge="docker0"),
    ]
    assert match(ends, SANDBOXES, INTERFACES) == (
        VethPair("veth3", 9, "docker0", "db", "eth0", peer_ifindex=2, netnsid=1),
        VethPair("veth2", 8, None, "db", "eth1", peer_ifindex=3, netnsid=1),
        VethPair("veth1", 7, "docker0", "web", "eth0", peer_ifindex=2, netnsid=0),
    )


def test_a_name_proves_nothing() -> None:
    ends = [HostEnd("web", ifindex=7, peer_ifindex=3, netnsid=1, bridge=None)]
    assert [cable.sandbox for cable in match(ends, SANDBOXES, INTERFACES)] == ["db"]


def test_what_leads_elsewhere_is_left_out() -> None:
    ends = [
        HostEnd("veth1", ifindex=7, peer_ifindex=2, netnsid=2, bridge=None),  # another's namespace
        HostEnd("veth2", ifindex=8, peer_ifindex=9, netnsid=0, bridge=None),  # went as we looked
    ]
    assert match(ends, SANDBOXES, INTERFACES) == ()
    assert match([], SANDBOXES, INTERFACES) == ()
