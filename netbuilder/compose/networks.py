"""A network of a Compose file."""

from __future__ import annotations

from netbuilder.compose import keys
from netbuilder.compose.document import Section, build
from netbuilder.errors import SpecError
from netbuilder.spec import Network


def network(section: Section, key: str) -> Network:
    """The spec of a network."""
    options = section.part("driver_opts", keys.OPTIONS)
    pool = _pool(section.part("ipam", keys.IPAM))
    return build(
        Network,
        pool.at("gateway"),
        places(section),
        name=section.text("name") or key,
        bridge=options.text(keys.BRIDGE),
        subnet=pool.text("subnet"),
        gateway=pool.text("gateway"),
        mtu=options.number(keys.MTU),
        masquerade=options.flag(keys.MASQUERADE, True),
        internal=section.flag("internal", False),
    )


def places(section: Section) -> dict[str, str]:
    """Where the fields of the spec stand in the file."""
    options = section.part("driver_opts", keys.OPTIONS)
    pool = _pool(section.part("ipam", keys.IPAM))
    return {
        "name": section.at("name"),
        "bridge": options.at(keys.BRIDGE),
        "subnet": pool.at("subnet"),
        "gateway": pool.at("gateway"),
        "mtu": options.at(keys.MTU),
        "masquerade": options.at(keys.MASQUERADE),
        "internal": section.at("internal"),
    }


def _pool(ipam: Section) -> Section:
    """The one subnet that a network may ask for."""
    pools = [ipam.open(said, where, keys.POOL) for where, said in ipam.items("config")]
    for pool in pools:
        if ":" in (pool.text("subnet") or ""):
            raise SpecError(pool.at("subnet"), "IPv6 is not supported yet", "use an IPv4 subnet")
    if len(pools) > 1:
        raise SpecError(ipam.at("config"), "has more than one subnet: a network has one for now", "keep one of them")
    return pools[0] if pools else ipam.open(None, ipam.where, keys.POOL)
