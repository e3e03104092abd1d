"""A network: a bridge, its subnets, and what its rules are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated

from pydantic import AfterValidator, Field, Strict, model_validator

from netbuilder.spec.addresses import Address, Address6, AnyAddress
from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.fields import InterfaceName, Name
from netbuilder.spec.pools import Pool
from netbuilder.spec.settings import Labels, once
from netbuilder.spec.subnets import Subnet, Subnet6
from netbuilder.values import GatewayMode
from netbuilder.values.addresses import IPAddress
from netbuilder.values.frozen import FrozenDict
from netbuilder.values.names import NetworkLike

IPV6_LEAST_MTU = 1280
"""Bytes in a packet that IPv6 needs at least (RFC 8200, section 5): on a device with less, Linux has no IPv6."""

ROUTERS = {"DefaultGatewayIPv4": 4, "DefaultGatewayIPv6": 6}
"""The auxiliary addresses that sandboxes have as their gateway, in place of the bridge's (Docker's words)."""

OTHERS = 11
"""The longest prefix of interface names that leaves room for a number: IFNAMSIZ less four digits."""


def _prefix(text: str) -> str:
    if len(text) > OTHERS:
        raise ValueError(f"{text!r} is {len(text)} characters long: with a number behind it, at most {OTHERS} fit")
    return text


class Network(Spec, NetworkLike):
    """A bridge with its subnets and its rules, as `docker network create` makes it.

    Args:
        name: The network's name; "bridge" is Docker's default network.
        bridge: The bridge's interface name, at most 15 characters; by default docker0 for the default network, and
            br- with twelve hexadecimal digits for others. A bridge of that name that is already there is adopted.
        ipv4: Whether it has IPv4.
        ipv6: Whether it has IPv6; by default if `subnet6` is given.
        subnet: The IPv4 subnet; by default the first free one of Docker's pools. A /31 has a gateway and one sandbox
            (RFC 3021).
        subnet6: The IPv6 subnet; by default a /64 of unique local addresses that follows from the name (RFC 4193).
        gateway: The bridge's own IPv4 address, the sandboxes' way out; by default the first of the subnet.
        gateway6: The bridge's own IPv6 address.
        ip_range: The part of the IPv4 subnet that free addresses are taken from (Docker's --ip-range).
        ip_range6: The part of the IPv6 subnet that free addresses are taken from.
        aux_addresses: Addresses that no sandbox is given, by what has them. Of the names DefaultGatewayIPv4 and
            DefaultGatewayIPv6, they are the sandboxes' gateway in place of the bridge (Docker's --aux-address).
        gateway_mode: What the host does between the IPv4 subnet and the rest of the world: "nat" (published ports in,
            MASQUERADE out), "nat-unprotected" (every port in), "routed" (no translation: published ports of the
            sandbox's own address), or "isolated" (nothing, and the bridge has no address; for internal networks).
        gateway_mode6: The same for IPv6.
        inhibit_ipv4: Whether the bridge has no IPv4 address, though the gateway is reserved.
        host_ipv4: The IPv4 address of the host that sandboxes leave as, in place of the one that MASQUERADE chooses.
        host_ipv6: The IPv6 address of the host that they leave as.
        host_binding: The address of the host that ports are published on which name none; by default all.
        interface_prefix: What the interfaces inside are called, with a number behind it.
        trusted_interfaces: Interfaces of the host from which sandboxes may be addressed directly.
        mtu: Bytes in a packet, 68 to 65535, on the bridge and on both ends of each veth; by default the kernel's.
        masquerade: Whether what leaves the subnets takes the host's address (Docker's enable_ip_masquerade).
        internal: Whether sandboxes here talk to each other and to the host only (Docker's --internal).
        icc: Whether sandboxes here talk to each other directly (Docker's enable_icc).
        external: Whether it must stand already: it is used as it is, and never made, changed or taken down.
        labels: What it is labelled with, by name.
    """

    name: Name
    bridge: InterfaceName | None = None
    ipv4: bool = True
    ipv6: bool | None = None
    subnet: Subnet | None = None
    subnet6: Subnet6 | None = None
    gateway: Address | None = None
    gateway6: Address6 | None = None
    ip_range: Subnet | None = None
    ip_range6: Subnet6 | None = None
    aux_addresses: dict[Annotated[str, Field(min_length=1, max_length=63)], AnyAddress] = {}  # noqa: RUF012
    gateway_mode: GatewayMode = "nat"
    gateway_mode6: GatewayMode = "nat"
    inhibit_ipv4: bool = False
    host_ipv4: Address | None = None
    host_ipv6: Address6 | None = None
    host_binding: AnyAddress | None = None
    interface_prefix: Annotated[InterfaceName, AfterValidator(_prefix)] = "eth"
    trusted_interfaces: Annotated[tuple[InterfaceName, ...], Strict(False), AfterValidator(once)] = ()
    mtu: Annotated[int, Field(ge=68, le=65535)] | None = None
    masquerade: bool = True
    internal: bool = False
    icc: bool = True
    external: bool = False
    labels: Labels

    @constructor
    def __init__(
        self,
        name: str,
        *,
        bridge: str | None = None,
        ipv4: bool = True,
        ipv6: bool | None = None,
        subnet: IPv4Network | str | None = None,
        subnet6: IPv6Network | str | None = None,
        gateway: IPv4Address | str | None = None,
        gateway6: IPv6Address | str | None = None,
        ip_range: IPv4Network | str | None = None,
        ip_range6: IPv6Network | str | None = None,
        aux_addresses: Mapping[str, IPAddress | str] = {},
        gateway_mode: GatewayMode = "nat",
        gateway_mode6: GatewayMode = "nat",
        inhibit_ipv4: bool = False,
        host_ipv4: IPv4Address | str | None = None,
        host_ipv6: IPv6Address | str | None = None,
        host_binding: IPAddress | str | None = None,
        interface_prefix: str = "eth",
        trusted_interfaces: Sequence[str] = (),
        mtu: int | None = None,
        masquerade: bool = True,
        internal: bool = False,
        icc: bool = True,
        external: bool = False,
        labels: Mapping[str, str] = FrozenDict(),
    ) -> None: ...

    def __hash__(self) -> int:
        return hash((self.name, self.subnet, self.subnet6))

    @property
    def pools(self) -> tuple[Pool, ...]:
        """What it asks for, family by family."""
        return tuple(pool for pool in (self.pool4, self.pool6) if pool)

    @property
    def has_ipv6(self) -> bool:
        """Whether it has IPv6."""
        return bool(self.subnet6) if self.ipv6 is None else self.ipv6

    @property
    def pool4(self) -> Pool | None:
        """What it asks for in IPv4; None if it has none."""
        return self._pool4 if self.ipv4 else None

    @property
    def pool6(self) -> Pool | None:
        """What it asks for in IPv6; None if it has none."""
        return self._pool6 if self.has_ipv6 else None

    @property
    def _pool4(self) -> Pool:
        bare = self.inhibit_ipv4 or self.gateway_mode == "isolated"
        mode, reserved, router = self.gateway_mode, self._reserved(4), self._router(4)
        return Pool("ipv4", self.subnet, self.gateway, self.ip_range, reserved, router, mode, self.host_ipv4, bare)

    @property
    def _pool6(self) -> Pool:
        mode, reserved, router = self.gateway_mode6, self._reserved(6), self._router(6)
        bare = mode == "isolated"
        return Pool("ipv6", self.subnet6, self.gateway6, self.ip_range6, reserved, router, mode, self.host_ipv6, bare)

    def _reserved(self, version: int) -> tuple[IPAddress, ...]:
        return tuple(address for address in self.aux_addresses.values() if address.version == version)

    def _router(self, version: int) -> IPAddress | None:
        names = (name for name in self.aux_addresses if ROUTERS.get(name) == version)
        return next((self.aux_addresses[name] for name in names), None)

    @model_validator(mode="after")
    def _is_no_mode(self) -> Network:
        if self.name in ("host", "none"):
            raise ValueError(f"name: {self.name!r} is a mode, not a network, in Docker's words: choose another")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Network:
        for problem in (*self._family_problems(), *self._mode_problems(), *self._aux_problems()):
            raise ValueError(problem)
        for pool, six in ((self._pool4, ""), (self._pool6, "6")):
            for problem in pool.problems(six):
                raise ValueError(problem)
        return self

    def _family_problems(self) -> Iterator[str]:
        if not self.ipv4 and not self.has_ipv6:
            yield "ipv4: a network without IPv4 and without IPv6 has no addresses: say ipv6=True, or leave ipv4 out"
        fields4 = ("subnet", "gateway", "ip_range", "host_ipv4", "inhibit_ipv4")
        fields6 = ("subnet6", "gateway6", "ip_range6", "host_ipv6")
        for has, family, fields in ((self.ipv4, "ipv4", fields4), (self.has_ipv6, "ipv6", fields6)):
            for field in fields if not has else ():
                if getattr(self, field):
                    yield f"{field} is for {family}, which this network has not: say {family}=True, or leave it out"
        if self.has_ipv6 and self.mtu is not None and self.mtu < IPV6_LEAST_MTU:
            yield f"mtu: {self.mtu} is too small for IPv6, which needs {IPV6_LEAST_MTU} (RFC 8200)"

    def _mode_problems(self) -> Iterator[str]:
        for field in ("gateway_mode", "gateway_mode6"):
            mode = getattr(self, field)
            snat = self.host_ipv6 if field.endswith("6") else self.host_ipv4
            if mode == "isolated" and not self.internal:
                yield f"{field}: 'isolated' is for internal networks: say internal=True too (as with Docker)"
            if mode in ("routed", "isolated") and snat:
                yield f"{field}: {mode!r} translates nothing, so nothing leaves as {snat}: leave one of them out"
        for field in ("host_ipv4", "host_ipv6"):
            snat = getattr(self, field)
            if snat and not self.masquerade:
                yield f"{field}: masquerade=False translates nothing, so nothing leaves as {snat}"
            if snat and (snat.is_unspecified or snat.is_loopback or snat.is_multicast):
                yield f"{field}: {snat} is no address that anything could leave this host as"

    def _aux_problems(self) -> Iterator[str]:
        for name, version in ROUTERS.items():
            address = self.aux_addresses.get(name)
            if address is not None and address.version != version:
                yield f"aux_addresses: {name} is {address}, which is not an IPv{version} address"
