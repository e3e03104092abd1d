"""What a user asks for: networks, and sandboxes in one of four modes. Values only; nothing here touches the kernel.

What can never be right is refused here, with the field's name. What depends on the host or on other specs is refused
by `netbuilder.resolve`, still before the kernel is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from netbuilder.names import Address, InterfaceName, Mac, Name, NamespacePath
from netbuilder.ports import PublishedPort, PublishedPorts

DEFAULT_NETWORK = "bridge"
"""The network that Docker attaches a container to when none is named; its bridge is docker0."""

_UNUSABLE = tuple(IPv4Network(block) for block in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"))


def _subnet(value: object) -> object:
    if not isinstance(value, str | IPv4Network):
        raise ValueError("a subnet is given as text, like 10.9.0.0/24")
    try:
        subnet = IPv4Network(value)
    except ValueError:
        hint = f": did you mean {IPv4Network(value, strict=False)}?" if _has_host_bits(value) else ""
        raise ValueError(f"{str(value)[:40]!r} is no IPv4 subnet{hint}") from None
    if subnet.prefixlen > 30:
        raise ValueError(f"{subnet} has no room for a gateway and a sandbox: use /30 or larger")
    if any(subnet.overlaps(block) for block in _UNUSABLE):
        raise ValueError(
            f"{subnet} is reserved (loopback, multicast or unusable): use a private block such as 10.9.0.0/24"
        )
    return subnet


def _has_host_bits(value: object) -> bool:
    try:
        IPv4Network(value, strict=False)
    except ValueError:
        return False
    return True


Subnet = Annotated[IPv4Network, Strict(False), BeforeValidator(_subnet)]  # as strict as `names.Address`


class Spec(BaseModel):
    """What all specs share: frozen, strict, and no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Network(Spec):
    """A bridge with a subnet and its rules, as `docker network create` makes it.

    Args:
        name: The network's name; "bridge" is Docker's default network.
        bridge: The bridge's interface name, at most 15 characters; by default docker0 for the default network, and
            br- with twelve hexadecimal digits for others. A bridge of that name that is already there is adopted.
        subnet: The IPv4 subnet, /30 or larger; by default the first free one of Docker's pools.
        gateway: The bridge's own address, the sandboxes' way out; by default the first of the subnet.
        mtu: Bytes in a packet, 68 to 65535, on the bridge and on both ends of each veth; by default the kernel's.
        masquerade: Whether what leaves the subnet takes the host's address (Docker's enable_ip_masquerade).
        internal: Whether sandboxes here talk to each other and to the host only (Docker's --internal).
    """

    name: Name
    bridge: InterfaceName | None = None
    subnet: Subnet | None = None
    gateway: Address | None = None
    mtu: Annotated[int, Field(ge=68, le=65535)] | None = None
    masquerade: bool = True
    internal: bool = False

    if TYPE_CHECKING:  # what may be passed is wider than what is kept

        def __init__(
            self,
            *,
            name: str,
            bridge: str | None = None,
            subnet: IPv4Network | str | None = None,
            gateway: IPv4Address | str | None = None,
            mtu: int | None = None,
            masquerade: bool = True,
            internal: bool = False,
        ) -> None: ...

    @model_validator(mode="after")
    def _is_no_mode(self) -> Network:
        if self.name in ("host", "none"):
            raise ValueError(f"name: {self.name!r} is a mode, not a network, in Docker's words: choose another")
        return self

    @model_validator(mode="after")
    def _gateway_in_subnet(self) -> Network:
        if self.gateway is not None:
            if self.subnet is None:
                raise ValueError("gateway needs a subnet to be in: name the subnet too")
            if self.gateway not in self.subnet:
                raise ValueError(f"gateway {self.gateway} is outside subnet {self.subnet}")
            if self.gateway in (self.subnet.network_address, self.subnet.broadcast_address):
                raise ValueError(
                    f"gateway {self.gateway} is reserved: it is the first or last address of {self.subnet}"
                )
        return self


class Bridge(Spec):
    """Bridge mode: a veth pair between the network's bridge and the sandbox's eth0 (`docker run --network NAME`).

    Args:
        network: The network to attach to.
        address: A static address of its subnet; by default the next free one.
        mac: The MAC address of eth0; by default 02:42 and the four bytes of the address.
        publish: Ports of the host that lead inside, in Docker's `-p` syntax or as `PublishedPort`.
    """

    kind: Literal["bridge"] = "bridge"
    network: Name = DEFAULT_NETWORK
    address: Address | None = None
    mac: Mac | None = None
    publish: PublishedPorts = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            network: str = DEFAULT_NETWORK,
            address: IPv4Address | str | None = None,
            mac: str | None = None,
            publish: Sequence[PublishedPort | str | int] = (),
        ) -> None: ...


class HostNetwork(Spec):
    """Host mode: no namespace of its own; a server inside is simply on the host's ports (`--network host`)."""

    kind: Literal["host"] = "host"


class Container(Spec):
    """Container mode: another sandbox's namespace, with its address, ports and localhost (`--network container:NAME`).

    Args:
        sandbox: The sandbox whose namespace is shared.
    """

    kind: Literal["container"] = "container"
    sandbox: Name


class NoNetwork(Spec):
    """None mode: a namespace with its loopback and nothing else, to be wired by hand (`--network none`)."""

    kind: Literal["none"] = "none"


def _mode(value: object) -> object:
    if not isinstance(value, Bridge | HostNetwork | Container | NoNetwork | dict):
        raise ValueError("a mode is Bridge(...), HostNetwork(), Container(...) or NoNetwork()")
    return value


Mode = Annotated[Bridge | HostNetwork | Container | NoNetwork, Field(discriminator="kind"), BeforeValidator(_mode)]


class Sandbox(Spec):
    """A network namespace and what is wired into it: what Docker gives a container.

    Args:
        name: The sandbox's name; its namespace is pinned at /run/netns/NAME, so `ip netns exec NAME` works.
        mode: How it is wired; by default in bridge mode, on the default network.
        namespace: An existing namespace to adopt, by path or by the number of a process in it. It is never destroyed.
    """

    name: Name
    mode: Mode = Bridge()
    namespace: NamespacePath | Annotated[int, Field(ge=1, le=2**22)] | None = None

    @model_validator(mode="after")
    def _adopts_only_its_own(self) -> Sandbox:
        if self.namespace is not None and self.mode.kind in ("host", "container"):
            raise ValueError(
                f"namespace: {self.mode.kind} mode has no namespace of its own to adopt: use bridge or none mode"
            )
        return self


class _Specs(Spec):
    """What one document asks for: networks, and sandboxes on them."""

    model_config = ConfigDict(title="Specs")

    networks: list[Network] = []
    sandboxes: list[Sandbox] = []


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `{"networks": [...], "sandboxes": [...]}` (https://json-schema.org, draft 2020-12).

    Two lists, since `{"name": "web"}` may be either. What it accepts is read by `Network.model_validate_json` and
    `Sandbox.model_validate_json`, which check more than a schema can say.
    """
    return _Specs.model_json_schema()
