"""A network of a Compose file."""

from __future__ import annotations

from netbuilder.compose import keys
from netbuilder.compose.document import Section, build
from netbuilder.compose.source import shown
from netbuilder.errors import SpecError
from netbuilder.spec import Network

_OPTIONS = {
    "bridge": keys.BRIDGE,
    "gateway_mode": keys.GATEWAY_MODE,
    "gateway_mode6": keys.GATEWAY_MODE6,
    "inhibit_ipv4": keys.INHIBIT,
    "host_ipv4": keys.HOST_IPV4,
    "host_ipv6": keys.HOST_IPV6,
    "host_binding": keys.HOST_BINDING,
    "interface_prefix": keys.PREFIX,
    "trusted_interfaces": keys.TRUSTED,
    "mtu": keys.MTU,
    "masquerade": keys.MASQUERADE,
    "icc": keys.ICC,
}
"""The driver option of each field that has one."""

_POOL = ("subnet", "gateway", "ip_range")
_EVERYWHERE = "0.0.0.0"
"""The host binding that binds to nothing: as with Docker, it stands for both families."""


def network(section: Section, key: str) -> Network:
    """The spec of a network."""
    if _is_external(section):
        return _external(section, key)
    options = section.part("driver_opts", keys.OPTIONS)
    four, six = _pools(section)
    _pass_over_announcements(options)
    binding, trusted = options.text(keys.HOST_BINDING), options.text(keys.TRUSTED)
    return build(
        Network,
        section.where,
        places(section),
        name=section.text("name") or key,
        bridge=options.text(keys.BRIDGE),
        ipv4=section.flag("enable_ipv4", options.flag(keys.ENABLE_IPV4, True)),
        ipv6=_ipv6(section, options, six),
        **{field: four.text(field) for field in _POOL},
        **{f"{field}6": six.text(field) for field in _POOL},
        aux_addresses=_aux_addresses(four, six),
        gateway_mode=options.text(keys.GATEWAY_MODE) or "nat",
        gateway_mode6=options.text(keys.GATEWAY_MODE6) or "nat",
        inhibit_ipv4=options.flag(keys.INHIBIT, False),
        host_ipv4=options.text(keys.HOST_IPV4),
        host_ipv6=options.text(keys.HOST_IPV6),
        host_binding=None if binding == _EVERYWHERE else binding,
        interface_prefix=options.text(keys.PREFIX) or "eth",
        trusted_interfaces=trusted.split(":") if trusted else [],
        mtu=options.number(keys.MTU) or None,  # as with Docker, 0 leaves it to the kernel
        masquerade=options.flag(keys.MASQUERADE, True),
        internal=section.flag("internal", False),
        icc=options.flag(keys.ICC, True),
        labels={name: value for name, value, _ in section.pairs("labels", list, dict)},
    )


def places(section: Section) -> dict[str, str]:
    """Where the fields of the spec stand in the file."""
    if _is_external(section):
        old = _old_external(section)
        return {"name": old.at("name") if old.text("name") else section.at("name"), "external": section.at("external")}
    options = section.part("driver_opts", keys.OPTIONS)
    four, six = _pools(section)
    aux = {name: where for pool in (four, six) for name, _, where in pool.pairs("aux_addresses", dict)}
    return {
        "name": section.at("name"),
        "ipv4": _switch(section, options, "enable_ipv4", keys.ENABLE_IPV4),
        "ipv6": _switch(section, options, "enable_ipv6", keys.ENABLE_IPV6),
        "internal": section.at("internal"),
        "labels": section.at("labels"),
        **{field: options.at(key) for field, key in _OPTIONS.items()},
        **{field: four.at(field) for field in _POOL},
        **{f"{field}6": six.at(field) for field in _POOL},
        "aux_addresses": (four if four.get("aux_addresses", dict) else six).at("aux_addresses"),
        **{f"aux_addresses.{name}": where for name, where in aux.items()},
    }


def _switch(section: Section, options: Section, key: str, option: str) -> str:
    """Where a family is turned on or off."""
    return options.at(option) if options.text(option) and not section.text(key) else section.at(key)


def _ipv6(section: Section, options: Section, pool: Section) -> bool | None:
    """Whether the network has IPv6; None, where that follows from its subnet."""
    asked = section.flag("enable_ipv6", options.flag(keys.ENABLE_IPV6, None))
    if pool.said() and not asked:  # Docker would make the network without it, and say nothing
        raise SpecError(pool.at("subnet"), "is for IPv6, which this network has not", "say enable_ipv6: true")
    return None if pool.text("subnet") else asked


def _pools(section: Section) -> tuple[Section, Section]:
    """What the network asks for of IPv4, and of IPv6."""
    ipam = section.part("ipam", keys.IPAM)
    found: dict[bool, Section] = {}
    for said, where in ((said, where) for where, said in ipam.items("config")):
        pool = ipam.open(said, where, keys.POOL)
        is_ipv6 = any(":" in (pool.text(key) or "") for key in _POOL)
        if is_ipv6 in found:
            family = "IPv6" if is_ipv6 else "IPv4"
            problem = f"is a second {family} subnet, after {found[is_ipv6].where}: a network has one of each family"
            raise SpecError(where, problem, "keep one of them")
        found[is_ipv6] = pool
    none = ipam.open(None, ipam.where, keys.POOL)
    return found.get(False, none), found.get(True, none)


def _aux_addresses(*pools: Section) -> dict[str, str]:
    """The addresses that others have, of both families."""
    found: dict[str, str] = {}
    for is_ipv6, pool in enumerate(pools):
        for name, address, where in pool.pairs("aux_addresses", dict):
            if (":" in address) != is_ipv6:
                raise SpecError(where, f"{shown(address)} is not of the family of its subnet")
            if name in found:
                raise SpecError(where, "has the name of another address", "give each a name of its own")
            found[name] = address
    return found


def _pass_over_announcements(options: Section) -> None:
    """What says how an address is announced is checked, and ignored."""
    for key, (least, most) in keys.ANNOUNCEMENTS.items():
        said = options.number(key)
        if said is None:
            continue
        if not least <= said <= most:
            raise SpecError(options.at(key), f"{said} is outside {least} to {most}")
        options.ignore(options.at(key))


# A network that others make.


def _is_external(section: Section) -> bool:
    said = section.get("external", str, dict)
    return isinstance(said, dict) or section.flag("external", False)


def _external(section: Section, key: str) -> Network:
    for other in section.said():
        if other not in ("external", "name"):
            where = f"{section.where}.{other}"
            raise SpecError(where, "excludes external: the network is used as it is", "keep one of the two")
    name, old = section.text("name"), _old_external(section)
    if name and old.text("name") not in (None, name):
        raise SpecError(
            section.at("name"), f"is {shown(name)}, and {old.at('name')} is another", "remove one of the two"
        )
    return build(Network, section.where, places(section), name=name or old.text("name") or key, external=True)


def _old_external(section: Section) -> Section:
    """`external: {name: …}`, as files had it before `name` stood beside it."""
    is_old = isinstance(section.get("external", str, dict), dict)
    return section.part("external", keys.EXTERNAL) if is_old else section.open(None, section.where, keys.EXTERNAL)
