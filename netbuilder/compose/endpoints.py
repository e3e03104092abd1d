"""A service on the networks of a Compose file: its endpoints, in the order of its interfaces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from netbuilder.compose import keys
from netbuilder.compose.document import Section, build, expect
from netbuilder.compose.source import shown, under
from netbuilder.errors import SpecError
from netbuilder.spec import Bridge, Endpoint, PublishedPort

IMPLICIT = "default"
"""The network of the services that name none."""


def attachments(service: Section) -> dict[str, Section]:
    """What a service says of each network that it is on; none where it has a network_mode instead.

    They come in the order of the interfaces, which is Compose's of connecting: by `priority`, the highest first, and
    then by the network's key.
    """
    if service.text("network_mode"):
        return {}
    said = service.get("networks", list, dict)
    if isinstance(said, list):
        said = {expect(key, where, str): None for where, key in service.items("networks")}
    on: Mapping[str, object] = said or {IMPLICIT: None}
    opened = {key: attachment(service, key, one) for key, one in on.items()}
    return dict(sorted(opened.items(), key=lambda item: (-(item[1].number("priority") or 0), item[0])))


def attachment(service: Section, key: str, said: object) -> Section:
    """What a service says of one network."""
    return service.open(said, under(f"{service.where}.networks", key), keys.ATTACHMENT)


def bridge(service: Section, on: Iterable[tuple[str, Section]], publish: Iterable[PublishedPort]) -> Bridge:
    """The mode of a service on networks; it is written flat where one network has no more than that has room for.

    Args:
        service: What the file says of the service.
        on: The networks by name, and what it says of each.
        publish: The ports that it publishes.
    """
    endpoints = [endpoint(network, said, _mac_sections(service, said, i)) for i, (network, said) in enumerate(on)]
    fields: dict[str, object] = {field: getattr(endpoints[0], field) for field in endpoints[0].model_fields_set}
    if len(endpoints) > 1 or fields.keys() - Bridge.model_fields.keys():
        fields = {"endpoints": endpoints}
    return build(Bridge, service.where, {"endpoints": service.at("networks")}, publish=tuple(publish), **fields)


def places(service: Section) -> dict[str, str]:
    """Where the fields of the mode stand in the file, however it is written."""
    found = {
        "mode.endpoints": service.at("networks"),
        "mode.network": service.at("network_mode"),
        "mode.mac": service.at("mac_address"),
    }
    for i, said in enumerate(attachments(service).values()):
        fields = {"network": said.where} | _places(said, _mac_sections(service, said, i))
        found[f"mode.endpoints[{i}]"] = said.where
        found |= {f"mode.endpoints[{i}].{field}": where for field, where in fields.items()}
        found |= {f"mode.{field}": where for field, where in fields.items() if i == 0}
    return found


def endpoint(network: str, said: Section, with_mac: Sequence[Section]) -> Endpoint:
    """What is said of one network as an endpoint; the MAC address may stand in several places."""
    options = said.part("driver_opts", keys.ENDPOINT_OPTIONS)
    sysctls = (one.partition("=") for one in (options.text(keys.ENDPOINT_SYSCTLS) or "").split(","))
    fields = {
        "address": said.text("ipv4_address"),
        "address6": said.text("ipv6_address"),
        "mac": _mac(with_mac),
        "interface": _alike([(said, "interface_name"), (options, keys.IFNAME)]),
        "gw_priority": said.number("gw_priority"),
        "link_local": [expect(address, where, str) for where, address in said.items("link_local_ips")],
        "sysctls": {key: value for key, _, value in sysctls if key or value},
    }
    given = {field: value for field, value in fields.items() if value}
    return build(Endpoint, said.where, _places(said, with_mac), network=network, **given)


def _places(said: Section, with_mac: Sequence[Section]) -> dict[str, str]:
    options = said.part("driver_opts", keys.ENDPOINT_OPTIONS)
    mac = next((section for section in with_mac if section.text("mac_address")), said)
    interface = options.at(keys.IFNAME) if options.text(keys.IFNAME) else said.at("interface_name")
    return {
        "address": said.at("ipv4_address"),
        "address6": said.at("ipv6_address"),
        "mac": mac.at("mac_address"),
        "interface": interface,
        "gw_priority": said.at("gw_priority"),
        "link_local": said.at("link_local_ips"),
        **{f"link_local[{i}]": where for i, (where, _) in enumerate(said.items("link_local_ips"))},
        "sysctls": options.at(keys.ENDPOINT_SYSCTLS),
    }


def _mac_sections(service: Section, said: Section, i: int) -> list[Section]:
    """Where an endpoint's MAC address may stand: that of the service is for its first interface."""
    return [said, service] if i == 0 else [said]


def _mac(sections: Sequence[Section]) -> str | None:
    """The MAC address that the network names, or the service, or both alike."""
    return _alike([(section, "mac_address") for section in sections], _as_mac)


def _as_mac(text: str, where: str) -> str:
    mac = build(Endpoint, where, {}, mac=text).mac
    assert mac is not None
    return mac


def _alike(places: Sequence[tuple[Section, str]], read: Callable[[str, str], str] = lambda text, _: text) -> str | None:
    """What is said in one of two places, or in both alike."""
    said = [(section.at(key), read(text, section.at(key))) for section, key in places if (text := section.text(key))]
    for where, value in said[1:]:
        if value != said[0][1]:
            problem = f"is {shown(value)}, and {said[0][0]} is {shown(said[0][1])}"
            raise SpecError(where, problem, "remove one of the two")
    return said[0][1] if said else None
