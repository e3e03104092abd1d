"""A service of a Compose file: a sandbox, in the mode that its keys ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from netbuilder.compose import endpoints, keys
from netbuilder.compose.document import Section, build, expect, number
from netbuilder.compose.endpoints import attachment, attachments, bridge
from netbuilder.compose.source import shown, under
from netbuilder.errors import SpecError, suggestion
from netbuilder.spec import DEFAULT_NETWORK, Container, HostNetwork, Mode, Network, NoNetwork, Sandbox
from netbuilder.spec.ports import PublishedPort
from netbuilder.values.ports import LAST_PORT

_MOST = 1023
"""Sandboxes of a service: as many as a bridge has room for."""

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
    mode = _mode(service, networks, names)
    return build(
        Sandbox,
        service.at("container_name"),
        {"sysctls": service.at("sysctls"), "labels": service.at("labels")},
        name=name,
        mode=mode,
        sysctls=_sysctls(service),
        labels={label: value for label, value, _ in service.pairs("labels", list, dict)},
    )


def profiles(service: Section) -> set[str]:
    """The profiles that a service is for; none, if it is for all."""
    return {expect(name, where, str) for where, name in service.items("profiles")}


def replicas(service: Section) -> int:
    """How many sandboxes a service is."""
    deploy = service.part("deploy", keys.DEPLOY)
    said = [(section.at(key), section.number(key)) for section, key in ((service, "scale"), (deploy, "replicas"))]
    given = [(where, one) for where, one in said if one is not None]
    for where, one in given:
        if not 0 <= one <= _MOST:
            raise SpecError(where, f"{one} is outside 0 to {_MOST}")
        if one != given[0][1]:
            raise SpecError(where, f"is {one}, and {given[0][0]} is {given[0][1]}", "remove one of the two")
    count = given[0][1] if given else 1
    if count > 1 and service.text("container_name"):
        problem = f"is one name, and there are to be {count} sandboxes"
        raise SpecError(service.at("container_name"), problem, "remove it: they are called NAME-1, NAME-2 …")
    return count


def _mode(service: Section, networks: Mapping[str, Network], names: Mapping[str, str]) -> Mode:
    chosen = service.text("network_mode")
    if chosen is None:
        on = attachments(service)
        for key in (key for key in on if key not in networks):
            hint = suggestion(key, networks) or "add it under networks:"
            raise SpecError(service.where, f"{under('networks', key)} is not declared", hint)
        return bridge(service, [(networks[key].name, said) for key, said in on.items()], _publish(service))
    if service.get("networks", list, dict):
        raise SpecError(service.at("network_mode"), "excludes networks", "keep one of the two")
    if chosen == "bridge":
        return bridge(service, [(DEFAULT_NETWORK, attachment(service, chosen, None))], _publish(service))
    mode = _other_mode(chosen, service.at("network_mode"), names)
    if service.get("ports", list) and not isinstance(mode, Container):
        tuple(_publish(service))  # they are checked, and then discarded, as by Docker
        service.ignore(service.at("ports"))
    elif service.get("ports", list):
        raise SpecError(service.at("ports"), f"does nothing with network_mode {chosen}", _WITHOUT_INTERFACE[mode.kind])
    if service.text("mac_address"):
        where = service.at("mac_address")
        raise SpecError(where, f"does nothing with network_mode {chosen}", _WITHOUT_INTERFACE[mode.kind])
    return mode


def places(service: Section) -> dict[str, str]:
    """Where the fields of the spec stand in the file."""
    found = {
        "name": service.at("container_name"),
        "mode": service.at("network_mode"),
        "sysctls": service.at("sysctls"),
        "labels": service.at("labels"),
    }
    return (
        found | endpoints.places(service) | {f"mode.publish[{i}]": at for i, (at, _) in enumerate(_published(service))}
    )


def _sysctls(service: Section) -> dict[str, str]:
    """The settings of the service's network; those of its other namespaces are ignored."""
    found = {}
    for name, value, where in service.pairs("sysctls", list, dict):
        if any(fnmatchcase(name, pattern) for pattern in keys.SYSCTLS_ELSEWHERE.split()):
            service.ignore(where)
        else:
            found[name] = value
    return found


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


def _publish(service: Section) -> Iterator[PublishedPort]:
    return (port for _, port in _published(service))


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
