"""A network: a bridge, its subnet, and what its rules are."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict, model_validator

from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.fields import Address, InterfaceName, Name
from netbuilder.values.names import NetworkLike

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
        raise ValueError(f"{str(value)[:40]!r} is not a valid IPv4 subnet{hint}") from None
    if subnet.prefixlen > 31:
        raise ValueError(f"{subnet} has no room for a gateway and a sandbox: use /31 or larger")
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


Subnet = Annotated[IPv4Network, Strict(False), BeforeValidator(_subnet)]  # as strict as `fields.Address`


class Network(Spec, NetworkLike):
    """A bridge with a subnet and its rules, as `docker network create` makes it.

    Args:
        name: The network's name; "bridge" is Docker's default network.
        bridge: The bridge's interface name, at most 15 characters; by default docker0 for the default network, and
            br- with twelve hexadecimal digits for others. A bridge of that name that is already there is adopted.
        subnet: The IPv4 subnet; by default the first free one of Docker's pools. A /31 has a gateway and one sandbox
            (RFC 3021).
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

    @constructor
    def __init__(
        self,
        name: str,
        *,
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
            ends = (self.subnet.network_address, self.subnet.broadcast_address)
            if self.subnet.prefixlen < 31 and self.gateway in ends:
                raise ValueError(
                    f"gateway {self.gateway} is reserved: it is the first or last address of {self.subnet}"
                )
        return self
