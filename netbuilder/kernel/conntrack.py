"""Flows that the kernel follows (conntrack), and how those of them are forgotten that are stale."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network

from netbuilder.kernel import addressing, nfnetlink, sysctl
from netbuilder.kernel.netlink import Netlink
from netbuilder.steps.flows import IsLocal, StaleFlows
from netbuilder.values.addresses import IPNetwork


def forget(stale: StaleFlows, netfilter: Netlink, route: Netlink) -> None:
    """`conntrack -D`, for stale flows.

    A kernel without ctnetlink refuses the question; its flows then end by themselves. Answering it takes 11 ms even
    where there are no flows, as the kernel locks each bucket of a table for all that there could be. To list them as
    text takes it 0.8 ms, and mostly that shows that none is stale.
    """
    if sysctl.read("net/netfilter/nf_conntrack_count") == "0" or not stale.may_be_in(_listing()):
        return
    local = _local(route)
    found = netfilter.ask([nfnetlink.get_flows()])[0].bodies
    doomed = [body for body in found if (flow := nfnetlink.read_flow(body)) and stale.has(flow, local)]
    netfilter.ask([nfnetlink.delete_flow(body) for body in doomed])


def _listing() -> str | None:
    """All flows as text; None where the kernel has or shows no such file."""
    try:
        with open("/proc/thread-self/net/nf_conntrack") as listing:
            return listing.read()
    except OSError:
        return None


def _local(route: Netlink) -> IsLocal:
    """Whether an address is the host's own: the kernel is asked when the first one matters."""

    @cache
    def blocks() -> list[IPNetwork]:
        (local,) = route.ask([addressing.get_routes(local=True)])
        return [ip_network(addressing.read_destination(body)) for body in local.bodies]

    return lambda address: any(address in block for block in blocks())
