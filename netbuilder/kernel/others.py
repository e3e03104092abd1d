"""The tables of other firewalls, read as far as a packet's way through them goes, and what is around a bridge."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from netbuilder import firewall
from netbuilder.firewall import evaluate, legacy, others
from netbuilder.firewall.chains import Chain, Data, Rule
from netbuilder.firewall.evaluate import Drop
from netbuilder.firewall.guarded import Guarded
from netbuilder.firewall.legacy import LEGACY
from netbuilder.firewall.others import Around
from netbuilder.firewall.packets import ANY_INTERFACE, Interface, Packet
from netbuilder.kernel import addressing, forwarding, iptables, nfnetlink, nftrules
from netbuilder.kernel.netlink import Netlink


class Reader:
    """The tables of others, nftables' and those of iptables-legacy; a chain is read once."""

    def __init__(self, netfilter: Netlink) -> None:
        self._netfilter = netfilter
        self._legacy = {(one.family, one.name): one for one in iptables.tables()}
        self._rules: dict[tuple[int, str, str], list[Rule]] = {}
        self._off: dict[tuple[int, str], bool] = {}

    def dropped_by(self, base: Chain, packet: Packet) -> Drop | None:
        """Where a base chain drops or rejects a packet; None if it lets it pass."""
        if base.type == LEGACY:
            return legacy.dropped_by(self._legacy[base.family, base.table], base, packet)
        drop = evaluate.dropped_by(base, packet, self)
        return None if drop and self._is_off(base) else drop

    def legacy_chains(self) -> list[Chain]:
        """The base chains of iptables-legacy."""
        return [chain for table in self._legacy.values() for chain in table.chains()]

    def rules(self, chain: Chain) -> Sequence[Rule]:
        """`nft list chain`."""
        key = chain.family, chain.table, chain.name
        if key not in self._rules:
            (reply,) = self._netfilter.ask([nftrules.get_rules_of(chain)])
            found = map(nftrules.read_rule, reply.bodies)
            self._rules[key] = [rule for name, rule in found if name == chain.name]  # some kernels give all the table's
        return self._rules[key]

    def element(self, chain: Chain, set_: str, key: bytes) -> Data | None:
        """`nft get element`: its data, or None if it is not there."""
        asked = nfnetlink.get_element(chain.table, set_, nfnetlink.Element(key, key, b""), chain.family)
        (reply,) = self._netfilter.ask([asked])
        if not reply.bodies:
            return None
        return nftrules.read_data(nfnetlink.element_attributes(reply.bodies[0]).get(2, b""))  # NFTA_SET_ELEM_DATA

    def _is_off(self, chain: Chain) -> bool:
        """Whether a chain's table is switched off (`flags dormant`)."""
        key = chain.family, chain.table
        if key not in self._off:
            (reply,) = self._netfilter.ask([nfnetlink.get_table(chain.table, chain.family)])
            self._off[key] = bool(reply.bodies) and nfnetlink.read_table(reply.bodies[0])[1]
        return self._off[key]


def warnings(networks: tuple[Guarded, ...], route: Netlink, chains: Sequence[Chain], tables: Reader) -> tuple[str, ...]:
    """What is dropped elsewhere of what networks are to let pass; their bridges may not be there yet."""
    chains = [one for one in chains if one.hook is not None and (one.table, one.family) != firewall.KEY]
    chains += tables.legacy_chains()
    if not chains:
        return ()
    outside = _uplink(route, {one.bridge for one in networks})
    around = [Around(outside, _interface(one.bridge, "bridge"), Interface(kind="veth")) for one in networks]
    return others.warnings(zip(networks, around, strict=True), chains, tables)


def _uplink(route: Netlink, bridges: set[str]) -> Interface:
    """The interface that leads outside: that of the default route, or else one that has an address."""
    routes = filter(None, map(addressing.read_route, route.ask([addressing.get_routes()])[0].bodies))
    names = [route.name(one.ifindex) for one in routes if one.is_default] or forwarding.addressed(route)
    return next((_interface(name) for name in names if name and name not in bridges), ANY_INTERFACE)


def _interface(name: str, kind: str = "") -> Interface:
    """An interface by its name."""
    try:
        return Interface(name, socket.if_nametoindex(name), kind)
    except OSError:
        return Interface(name, 0, kind)
