"""Flows that the kernel follows: the NAT of a flow is decided once, by its first packet (conntrack)."""

from __future__ import annotations

import socket

from netbuilder.kernel import nfnetlink, sysctl
from netbuilder.kernel.netlink import Netlink


def forget_udp(netfilter: Netlink, ports: set[int]) -> None:
    """`conntrack -D -p udp --dport PORT`, for some ports of the host.

    A kernel without ctnetlink refuses the question; its flows then end by themselves. Asking takes it 15 ms, also where
    there are none: it walks over a table of all that there could be.
    """
    if sysctl.read("net/netfilter/nf_conntrack_count") == "0":
        return
    flows = map(nfnetlink.read_flow, netfilter.ask([nfnetlink.get_flows()])[0].bodies)
    stale = (flow for flow in flows if flow.protocol == socket.IPPROTO_UDP and flow.port in ports)
    netfilter.ask([nfnetlink.delete_flow(flow.origin) for flow in stale])
