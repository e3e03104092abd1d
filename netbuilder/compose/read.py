"""From a Compose file to specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from netbuilder.compose import keys
from netbuilder.compose.document import Section, expect, load, number, one_line, shown, suggestion, under
from netbuilder.errors import SpecError
from netbuilder.spec import DEFAULT_NETWORK, Bridge, Container, HostNetwork, Mode, Network, NoNetwork, Sandbox
from netbuilder.spec.ports import ANY, PublishedPort

_Model = TypeVar("_Model", bound=BaseModel)

_IMPLICIT = "default"
"""The network of the services that name none."""

_WITHOUT_INTERFACE = {
    "host": "remove it: a server inside is on the host's own addresses and ports",
    "none": "remove it, or attach the service to a network",
    "container": "move it to the one whose network is shared",
}
"""What to do with ports and a MAC address in a mode that has no interface of its own to give them to."""


@dataclass(frozen=True)
class Composed:
    """What a Compose file asks for.

    Args:
        specs: The networks, then the sandboxes, each in the file's order.
        ignored: The keys that were ignored, as not about networking, like "services.web.image".
    """

    specs: tuple[Network | Sandbox, ...]
    ignored: tuple[str, ...]

    @property
    def notice(self) -> str:
        """One line for the user that names what was ignored, or nothing."""
        return f"ignored, as not about networking: {', '.join(self.ignored)}" if self.ignored else ""


def parse(text: str) -> Composed:
    """Read the text of a Compose file.

    Raises:
        SpecError: If it is no Compose file, or asks for networking that can never be right or is not supported.
    """
    ignored: set[str] = set()
    file = Section(load(text), "", keys.FILE, ignored)
    networks = {key: _network(section, key) for key, section in file.named("networks", keys.NETWORK).items()}
    services = file.named("services", keys.SERVICE)
    if not networks and not services:
        raise SpecError("services", "nothing to do: the file has no services and no networks")
    if any(_IMPLICIT in _attachments(service) for service in services.values()):
        networks.setdefault(_IMPLICIT, Network(name=_IMPLICIT))
    names = {key: service.text("container_name") or key for key, service in services.items()}
    sandboxes = {key: _sandbox(service, names[key], networks, names) for key, service in services.items()}
    refuse_twins((under("networks", key), network.name) for key, network in networks.items())
    refuse_twins((under("services", key), sandbox.name) for key, sandbox in sandboxes.items())
    return Composed((*networks.values(), *sandboxes.values()), tuple(sorted(ignored)))


def refuse_twins(named: Iterable[tuple[str, str]]) -> None:
    """Refuse two places that give the same name."""
    first: dict[str, str] = {}
    for where, name in named:
        if name in first:
            raise SpecError(where, f"is named {name}, as {first[name]} is", "give one of them another name")
        first[name] = where


def _build(model: type[_Model], where: str, places: Mapping[str, str], **fields: object) -> _Model:
    """The spec; an error names the field's place in the file, where it has one of its own."""
    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        field, _, rest = problem.partition(": ")
        if first["loc"]:
            field = str(first["loc"][0])
        elif field in model.model_fields:  # what is wrong with the whole may be said of one field
            problem = rest
        raise SpecError(places.get(field, where), one_line(problem)) from None


def _network(section: Section, key: str) -> Network:
    options = section.part("driver_opts", keys.OPTIONS)
    pool = _pool(section.part("ipam", keys.IPAM))
    places = {
        "name": section.at("name"),
        "bridge": options.at(keys.BRIDGE),
        "mtu": options.at(keys.MTU),
        "subnet": pool.at("subnet"),
    }
    return _build(
        Network,
        pool.at("gateway"),
        places,
        name=section.text("name") or key,
        bridge=options.text(keys.BRIDGE),
        subnet=pool.text("subnet"),
        gateway=pool.text("gateway"),
        mtu=options.number(keys.MTU),
        masquerade=options.flag(keys.MASQUERADE, True),
        internal=section.flag("internal", False),
    )


def _pool(ipam: Section) -> Section:
    """The one subnet that a network may ask for."""
    pools = [ipam.open(said, where, keys.POOL) for where, said in ipam.items("config")]
    for pool in pools:
        if ":" in (pool.text("subnet") or ""):
            raise SpecError(pool.at("subnet"), "IPv6 is not supported yet", "use an IPv4 subnet")
    if len(pools) > 1:
        raise SpecError(ipam.at("config"), "has more than one subnet: a network has one for now", "keep one of them")
    return pools[0] if pools else ipam.open(None, ipam.where, keys.POOL)


def _sandbox(service: Section, name: str, networks: Mapping[str, Network], names: Mapping[str, str]) -> Sandbox:
    if service.get("profiles", list):
        raise SpecError(service.at("profiles"), "is not supported yet", keys.ADVICE["profiles"])
    service.part("deploy", keys.DEPLOY)
    mode = _mode(service, networks, names)
    return _build(Sandbox, service.at("container_name"), {}, name=name, mode=mode)


def _mode(service: Section, networks: Mapping[str, Network], names: Mapping[str, str]) -> Mode:
    chosen = service.text("network_mode")
    if chosen is None:
        [(key, said)] = _attachments(service).items()
        if key not in networks:
            hint = suggestion(key, networks) or "add it under networks:"
            raise SpecError(service.where, f"{under('networks', key)} is not declared", hint)
        return _bridge(service, key, networks[key].name, said)
    if service.get("networks", list, dict):
        raise SpecError(service.at("network_mode"), "excludes networks", "keep one of the two")
    if chosen == "bridge":
        return _bridge(service, chosen, DEFAULT_NETWORK, None)
    mode = _other_mode(chosen, service.at("network_mode"), names)
    for key, said in (("ports", service.get("ports", list)), ("mac_address", service.text("mac_address"))):
        if said:
            raise SpecError(service.at(key), f"does nothing with network_mode {chosen}", _WITHOUT_INTERFACE[mode.kind])
    return mode


def _attachments(service: Section) -> Mapping[str, object]:
    """The network that a service is on, with what it says about it; none where it has a network_mode instead."""
    if service.text("network_mode"):
        return {}
    said = service.get("networks", list, dict)
    if isinstance(said, list):
        said = {expect(key, where, str): None for where, key in service.items("networks")}
    attachments: Mapping[str, object] = said or {_IMPLICIT: None}
    if len(attachments) > 1:
        problem = "names more than one network: one network per sandbox for now"
        raise SpecError(service.at("networks"), problem, "keep one of them")
    return attachments


def _bridge(service: Section, key: str, network: str, said: object) -> Bridge:
    attachment = service.open(said, under(f"{service.where}.networks", key), keys.ATTACHMENT)
    return _build(
        Bridge,
        attachment.at("ipv4_address"),
        {},
        network=network,
        address=attachment.text("ipv4_address"),
        mac=_mac(service, attachment),
        publish=tuple(port for where, said in service.items("ports") for port in _ports(service, said, where)),
    )


def _mac(service: Section, attachment: Section) -> str | None:
    """The MAC address that the service names, or its network, or both alike."""
    places = [section.at("mac_address") for section in (service, attachment)]
    said = [section.text("mac_address") for section in (service, attachment)]
    first, second = (_build(Bridge, place, {}, mac=mac).mac for place, mac in zip(places, said, strict=True))
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
            return _build(Container, where, {}, sandbox=name)
        case ["service", key] if key in names:
            return _build(Container, where, {}, sandbox=names[key])
        case ["service", key]:
            raise SpecError(where, f"there is no {under('services', key)}", suggestion(key, names))
    hint = "use bridge, host, none, service:NAME or container:NAME; name a network under networks: instead"
    raise SpecError(where, f"{shown(chosen)} is not a valid network mode", hint)


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
    return _build(
        PublishedPort,
        port.at("target"),
        {"host_port": port.at("published"), "host_ip": port.at("host_ip")},
        sandbox_port=_port_number(target, port.at("target")),
        host_port=_host_port(port),
        host_ip=port.text("host_ip") or ANY,
        protocol=port.text("protocol") or "tcp",
    )


def _host_port(port: Section) -> int | None:
    first, dash, last = (port.text("published") or "").partition("-")
    if dash and last != first:
        raise SpecError(port.at("published"), "is a range, for one port inside", "name one port")
    return _port_number(first, port.at("published")) if first else None


def _port_number(text: str, where: str) -> int:
    port = number(text, where)
    if not 1 <= port <= 65535:
        raise SpecError(where, f"{port} is outside 1 to 65535")
    return port
