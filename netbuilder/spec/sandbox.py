"""A sandbox, and the four modes that it may be in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, Strict, model_validator

from netbuilder.errors import closest, shown
from netbuilder.spec.addresses import Address, Address6
from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.endpoint import Endpoint, Endpoints, Interface
from netbuilder.spec.fields import Mac, Name, Namespace, NetworkName, PathLike, SandboxName
from netbuilder.spec.ports import PublishedPort, PublishedPorts
from netbuilder.spec.route import Route
from netbuilder.spec.settings import INTERFACE_SETTING, Labels, Sysctls
from netbuilder.values.frozen import FrozenDict
from netbuilder.values.names import DEFAULT_NETWORK, NAME, NetworkLike, SandboxLike


class Bridge(Spec):
    """Bridge mode: a veth pair between a network's bridge and the sandbox's eth0 (`docker run --network NAME`).

    On one network, it is written flat, as in `Bridge("lab", publish=["8088:80"])`; on several, by its endpoints.

    Args:
        network: The network to attach to.
        address: A static IPv4 address of its subnet; by default the next free one.
        address6: A static IPv6 address of its subnet; by default the next free one.
        mac: The MAC address of eth0; by default 02:42 and four bytes that follow from the address.
        interface: The interface's name inside; by default eth0.
        endpoints: In place of all these, any number of networks: names, or `Endpoint`. On none, it has its loopback
            alone, and its ports wait for a network.
        publish: Ports of the host that lead inside, in Docker's `-p` syntax or as `PublishedPort`. They lead to the
            endpoint that has the default route.
    """

    kind: Literal["bridge"] = "bridge"
    network: NetworkName = DEFAULT_NETWORK
    address: Address | None = None
    address6: Address6 | None = None
    mac: Mac | None = None
    interface: Interface | None = None
    endpoints: Endpoints = None
    publish: PublishedPorts = ()

    @constructor
    def __init__(
        self,
        network: str | NetworkLike = DEFAULT_NETWORK,
        *,
        address: IPv4Address | str | None = None,
        address6: IPv6Address | str | None = None,
        mac: str | None = None,
        interface: str | None = None,
        endpoints: Sequence[Endpoint | NetworkLike | str] | None = None,
        publish: Sequence[PublishedPort | str | int] = (),
    ) -> None: ...

    @property
    def attachments(self) -> tuple[Endpoint, ...]:
        """Its endpoints, however they are written."""
        if self.endpoints is not None:
            return self.endpoints
        return (Endpoint.model_construct(**{field: getattr(self, field) for field in _FLAT}),)

    @model_validator(mode="after")
    def _is_written_one_way(self) -> Bridge:
        for field in sorted(_FLAT) if self.endpoints is not None else ():
            if getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{field}: on several networks, each endpoint has its own: move it into endpoints")
        for problem in _clashes(self.endpoints or ()):
            raise ValueError(f"endpoints: {problem}")
        return self


_FLAT = frozenset(("network", "address", "address6", "mac", "interface"))
"""The fields of an endpoint that bridge mode has itself, where there is one."""


def _clashes(endpoints: Sequence[Endpoint]) -> Iterator[str]:
    networks, interfaces, macs = set[str](), set[str](), set[str]()
    for one in endpoints:
        if one.network in networks:
            yield f"network {one.network} is given twice: a sandbox has one endpoint on each"
        if one.interface in interfaces:
            yield f"two interfaces cannot be called {one.interface}"
        if one.mac in macs:
            yield f"{one.mac} is given twice: give each endpoint its own MAC address"
        networks.add(one.network)
        interfaces.update((one.interface,) if one.interface else ())
        macs.update((one.mac,) if one.mac else ())


class HostNetwork(Spec):
    """Host mode: no namespace of its own; a server inside is simply on the host's ports (`--network host`)."""

    kind: Literal["host"] = "host"

    @constructor
    def __init__(self) -> None: ...


class Container(Spec):
    """Container mode: another sandbox's namespace, with its address, ports and localhost (`--network container:NAME`).

    Args:
        sandbox: The sandbox whose namespace is shared.
    """

    kind: Literal["container"] = "container"
    sandbox: SandboxName

    @constructor
    def __init__(self, sandbox: str | SandboxLike) -> None: ...


class NoNetwork(Spec):
    """None mode: a namespace with its loopback and nothing else, to be wired by hand (`--network none`)."""

    kind: Literal["none"] = "none"

    @constructor
    def __init__(self) -> None: ...


def _mode(value: object) -> object:
    """A mode in Docker's words, or its class, stands for what it is with all defaults."""
    if isinstance(value, str):
        value = _named(value)
    if isinstance(value, type) and issubclass(value, Bridge | HostNetwork | NoNetwork):
        value = value()
    if not isinstance(value, Bridge | HostNetwork | Container | NoNetwork | dict):
        raise ValueError("a mode is Bridge(...), HostNetwork(), Container(...) or NoNetwork()")
    return value


def _named(word: str) -> object:
    kind, _, sandbox = word.partition(":")
    if kind == "container" and sandbox:
        return Container(sandbox=sandbox)
    if word not in _BY_NAME:
        near = closest(word, _BY_NAME)
        hint = f"did you mean {near!r}?" if near else "write 'bridge', 'host', 'none' or 'container:NAME'"
        raise ValueError(f"{shown(word)} is not a mode: {hint}")
    return _BY_NAME[word]


_DEFAULT = Bridge()
_BY_NAME: dict[str, object] = {"bridge": _DEFAULT, "host": HostNetwork(), "none": NoNetwork()}


class _OrByName:
    """For the JSON Schema of what is read: a mode may be a word, and otherwise says which it is."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        described = handler(schema)
        if handler.mode == "serialization":
            return described
        word = {"type": "string", "pattern": f"^(?:{'|'.join(_BY_NAME)}|container:{NAME.pattern})$"}
        return {"anyOf": [word, described | {"required": ["kind"]}]}


Mode = Annotated[
    Bridge | HostNetwork | Container | NoNetwork, Field(discriminator="kind"), BeforeValidator(_mode), _OrByName()
]


class Sandbox(Spec, SandboxLike):
    """A network namespace and what is wired into it: what Docker gives a container.

    Args:
        name: The sandbox's name; its namespace is pinned at /run/netns/NAME, so `ip netns exec NAME` works.
        mode: How it is wired; by default in bridge mode, on the default network. "bridge", "host", "none" and
            "container:NAME" stand for the modes as Docker writes them.
        namespace: An existing namespace to adopt: its path, its name under /run/netns, or the number of a process in
            it. It is never destroyed.
        sysctls: Settings of its namespace by their names, like {"net.ipv4.ip_forward": 1} (Docker's --sysctl).
        routes: Routes beside those of its endpoints, as in `Route("10.8.0.0/24", via="10.9.0.7")`.
        labels: What it is labelled with, by name.
    """

    name: Name
    mode: Mode = _DEFAULT
    namespace: Namespace | None = None
    sysctls: Sysctls
    routes: Annotated[tuple[Route, ...], Strict(False)] = ()
    labels: Labels

    @constructor
    def __init__(
        self,
        name: str,
        *,
        mode: Bridge | HostNetwork | Container | NoNetwork | type[Bridge | HostNetwork | NoNetwork] | str = _DEFAULT,
        namespace: PathLike | str | int | None = None,
        sysctls: Mapping[str, str | int] = FrozenDict(),
        routes: Sequence[Route] = (),
        labels: Mapping[str, str] = FrozenDict(),
    ) -> None: ...

    @model_validator(mode="after")
    def _adopts_only_its_own(self) -> Sandbox:
        if self.namespace is not None and self.mode.kind in ("host", "container"):
            raise ValueError(
                f"namespace: {self.mode.kind} mode has no namespace of its own to adopt: use bridge or none mode"
            )
        return self

    @model_validator(mode="after")
    def _wires_only_its_own(self) -> Sandbox:
        if self.sysctls and self.mode.kind in ("host", "container"):
            raise ValueError(f"sysctls: {self.mode.kind} mode has no namespace of its own to set them in")
        for key in self.sysctls if self.namespace is None else ():
            if (found := INTERFACE_SETTING.match(key)) and found[1] not in ("all", "default", "lo"):
                where = "its endpoint's sysctls, with IFNAME in place of its name"
                raise ValueError(f"sysctls: {shown(key)} is of an interface: put it into {where}")
        if self.routes and self.mode.kind != "bridge":
            raise ValueError(f"routes: {self.mode.kind} mode has no endpoint that they could lead out by")
        return self
