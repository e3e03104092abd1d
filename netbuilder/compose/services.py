"""A service of a Compose file: a sandbox, in the mode that its keys ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netbuilder.compose import keys
from netbuilder.compose.document import Section, build, expect, number
from netbuilder.compose.source import shown, under
from netbuilder.errors import SpecError, suggestion
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Container, HostNetwork, Mode, Network, NoNetwork, Sandbox
from netbuilder.spec.ports import PublishedPort
from netbuilder.values.ports import LAST_PORT

IMPLICIT = "default"
"""The network of the services that name none."""

_MODES = ("bridge", "host", "none", "service:NAME", "container:NAME")
_WITHOUT_INTERFACE = {
    "host": "remove it: a server inside is on the host's own addresses and ports",
    "none": "remove it, or attach the service to a network",
    "container": "move it to the one whose network is shared",
}
"""What to do with ports and a MAC address in a mode that has no interface of its own to give them to."""


def sandbox(service: Section, name: str, networks: Mapping[str, Network], names: Mapping[str, str]) -> Sandbox:
    """The spec of a service.

    Args:
        service: What the file says of it.
        name: The sandbox's name.
        networks: The file's networks, by key.
        names: The sandboxes' names, by the key of the service.
    """
    if service.get("profiles", list):
        raise SpecError(service.at("profiles"), "is not supported yet", keys.ADVICE["profiles"])
    service.part("deploy", keys.DEPLOY)
    mode = _mode(service, networks, names)
    return build(Sandbox, service.at("container_name"), {}, name=name, mode=mode)


def _mode(service: Section, networks: Mapping[str, Network], names: Mapping[str, str]) -> Mode:
    chosen = service.text("network_mode")
    if chosen is None:
        [(key, said)] = attachments(service).items()
        if key not in networks:
            hint = suggestion(key, networks) or "add it under networks:"
            raise SpecError(service.where, f"{under('networks', key)} is not declared", hint)
        return _bridge(service, _attachment(service, key, said), networks[key].name)
    if service.get("networks", list, dict):
        raise SpecError(service.at("network_mode"), "excludes networks", "keep one of the two")
    if chosen == "bridge":
        return _bridge(service, _attachment(service, chosen, None), DEFAULT_NETWORK)
    mode = _other_mode(chosen, service.at("network_mode"), names)
    for key, said in (("ports", service.get("ports", list)), ("mac_address", service.text("mac_address"))):
        if said:
            raise SpecError(service.at(key), f"does nothing with network_mode {chosen}", _WITHOUT_INTERFACE[mode.kind])
    return mode


def attachments(service: Section) -> Mapping[str, object]:
    """The network that a service is on, with what it says about it; none where it has a network_mode instead."""
    if service.text("network_mode"):
        return {}
    said = service.get("networks", list, dict)
    if isinstance(said, list):
        said = {expect(key, where, str): None for where, key in service.items("networks")}
    attachments: Mapping[str, object] = said or {IMPLICIT: None}
    if len(attachments) > 1:
        problem = "names more than one network: one network per sandbox for now"
        raise SpecError(service.at("networks"), problem, "keep one of them")
    return attachments


def _attachment(service: Section, key: str, said: object) -> Section:
    return service.open(said, under(f"{service.where}.networks", key), keys.ATTACHMENT)


def _bridge(service: Section, attachment: Section, network: str) -> Bridge:
    return build(
        Bridge,
        attachment.at("ipv4_address"),
        {},
        network=network,
        address=attachment.text("ipv4_address"),
        mac=_mac(service, attachment),
        publish=tuple(port for _, port in _published(service)),
    )


def places(service: Section) -> dict[str, str]:
    """Where the fields of the spec stand in the file."""
    found = {"name": service.at("container_name"), "mode": service.at("network_mode")}
    for key, said in attachments(service).items():
        attachment = _attachment(service, key, said)
        with_mac = attachment if attachment.text("mac_address") else service
        found |= {
            "mode.network": attachment.where,
            "mode.address": attachment.at("ipv4_address"),
            "mode.mac": with_mac.at("mac_address"),
        }
    return found | {f"mode.publish[{i}]": where for i, (where, _) in enumerate(_published(service))}


def _mac(service: Section, attachment: Section) -> str | None:
    """The MAC address that the service names, or its network, or both alike."""
    places = [section.at("mac_address") for section in (service, attachment)]
    said = [section.text("mac_address") for section in (service, attachment)]
    first, second = (build(Bridge, place, {}, mac=mac).mac for place, mac in zip(places, said, strict=True))
    if first and second and first != second:
        raise SpecError(places[0], f"is {first}, and {places[1]} is {second}", "remove one of the two")
    return second or first


def _other_mode(chosen: str, where: str, names: Mapping[str, str]) -> HostNetwork | NoNetwork | Container:
    match chosen.split(":", 1):
        case ["host"]:
            return HostNetwork()
        case ["none"]:
            return NoNetwork()
        case ["container", name]:
            return build(Container, where, {}, sandbox=name)
        case ["service", key] if key in names:
            return build(Container, where, {}, sandbox=names[key])
        case ["service", key]:
            raise SpecError(where, f"there is no {under('services', key)}", suggestion(key, names))
    hint = suggestion(chosen, _MODES) or (
        "use bridge, host, none, service:NAME or container:NAME; name a network under networks: instead"
    )
    raise SpecError(where, f"{shown(chosen)} is not a valid network mode", hint)


def _published(service: Section) -> Iterator[tuple[str, PublishedPort]]:
    """The published ports, each with the place of its entry, which may be a range."""
    return ((where, port) for where, said in service.items("ports") for port in _ports(service, said, where))


def _ports(service: Section, said: object, where: str) -> tuple[PublishedPort, ...]:
    """What one entry of a service's ports publishes, in the short or the long syntax."""
    if isinstance(said, dict):
        return (_port(service.open(said, where, keys.PORT)),)
    text = expect(said, where, str, dict)
    try:
        return PublishedPort.parse(text)
    except ValueError as error:
        raise SpecError(where, str(error)) from None


def _port(port: Section) -> PublishedPort:
    target = port.text("target")
    if target is None:
        raise SpecError(port.where, "has no target", "add the port inside the sandbox")
    first, last = _host_ports(port)
    published = port.at("published")
    return build(
        PublishedPort,
        port.at("target"),
        {"host_port": published, "last_host_port": published, "host_ip": port.at("host_ip")},
        sandbox_port=_port_number(target, port.at("target"), first=1),
        host_port=first,
        last_host_port=last,
        host_ip=port.text("host_ip"),
        protocol=port.text("protocol") or "tcp",
    )


def _host_ports(port: Section) -> tuple[int | None, int | None]:
    """The port on the host, None for a free one; and the last one where any of several will do."""
    text, where = port.text("published"), port.at("published")
    if text is None:
        return None, None
    first, dash, last = text.partition("-")
    if not dash or last == first:
        return _port_number(first, where), None
    return _port_number(first, where, first=1), _port_number(last, where, first=1)


def _port_number(text: str, where: str, first: int = 0) -> int:
    """A port; 0, where that is one, is a free one."""
    port = number(text, where)
    if not first <= port <= LAST_PORT:
        raise SpecError(where, f"{port} is outside 1 to {LAST_PORT}")
    return port
