"""A sandbox's attachment to one network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from netbuilder.errors import shown
from netbuilder.spec.addresses import Address, Address6, AnyAddress
from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.fields import InterfaceName, Mac, NetworkName
from netbuilder.spec.settings import Sysctls, once
from netbuilder.values.addresses import IPAddress
from netbuilder.values.frozen import FrozenDict
from netbuilder.values.names import DEFAULT_NETWORK, NetworkLike

IFNAME = "IFNAME"
"""What stands for the interface's name in the sysctls of an endpoint, as with Docker."""


def _inside(interface: str) -> str:
    if interface == "lo":
        raise ValueError("'lo' is the loopback, which every sandbox has: choose another interface name")
    return interface


def _link_local(address: IPAddress) -> IPAddress:
    if not address.is_link_local:
        raise ValueError(f"{address} is not link-local: it must be of 169.254.0.0/16 or fe80::/10")
    return address


def _of_its_interface(sysctls: dict[str, str]) -> FrozenDict:
    for key in sysctls:
        if IFNAME not in key.split("/"):
            raise ValueError(
                f"{shown(key)} is not of this interface: write it with {IFNAME}, like net.ipv4.conf.{IFNAME}.rp_filter,"
                " or put it into the sandbox's own sysctls"
            )
        if key.endswith("/disable_ipv6"):
            raise ValueError(f"{shown(key)} follows from the network: say ipv6=True of one that is to have IPv6")
    return FrozenDict(sysctls)


Interface = Annotated[InterfaceName, AfterValidator(_inside)]
"""An interface's name inside a sandbox."""


class Endpoint(Spec):
    """A sandbox's attachment to one network (`docker network connect`).

    Args:
        network: The network to attach to.
        address: A static IPv4 address of its subnet; by default the next free one.
        address6: A static IPv6 address of its subnet; by default the next free one.
        mac: The MAC address; by default 02:42 and four bytes that follow from the address.
        interface: The interface's name inside; by default eth0, eth1 and so on, in the order of the endpoints.
        gw_priority: Of several networks, the one with the highest has the default route; -2147483648 to 2147483647.
        link_local: More addresses for the interface, of 169.254.0.0/16 or fe80::/10 (Docker's --link-local-ip).
        sysctls: Settings of the interface, in whose names IFNAME stands for its own, like
            net.ipv4.conf.IFNAME.log_martians (Docker's com.docker.network.endpoint.sysctls).
    """

    network: NetworkName = DEFAULT_NETWORK
    address: Address | None = None
    address6: Address6 | None = None
    mac: Mac | None = None
    interface: Interface | None = None
    gw_priority: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] = 0
    link_local: Annotated[
        tuple[Annotated[AnyAddress, AfterValidator(_link_local)], ...], Strict(False), AfterValidator(once)
    ] = ()
    sysctls: Annotated[Sysctls, AfterValidator(_of_its_interface)]

    @constructor
    def __init__(
        self,
        network: str | NetworkLike = DEFAULT_NETWORK,
        *,
        address: IPv4Address | str | None = None,
        address6: IPv6Address | str | None = None,
        mac: str | None = None,
        interface: str | None = None,
        gw_priority: int = 0,
        link_local: Sequence[IPAddress | str] = (),
        sysctls: Mapping[str, str | int] = FrozenDict(),
    ) -> None: ...

    @property
    def addresses(self) -> tuple[IPAddress, ...]:
        """The static addresses."""
        return tuple(address for address in (self.address, self.address6) if address is not None)


def _endpoints(value: object) -> object:
    """A network, or its name, stands for an endpoint with all defaults."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise ValueError('endpoints is a list, like ["front", Endpoint(network="back", gw_priority=1)]')
    return tuple(_endpoint(one) for one in value)


def _endpoint(value: object) -> object:
    if isinstance(value, str | NetworkLike):
        return Endpoint(value)
    if not isinstance(value, Endpoint | dict):
        raise ValueError(f"{shown(repr(value))} is no endpoint: write the network's name, or Endpoint(network=…)")
    return value


class _OrNames:
    """For the JSON Schema of what is read: an endpoint may be the name of its network."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        described: dict[str, Any] = handler(schema)
        for one in described["anyOf"] if handler.mode == "validation" else ():
            if "items" in one:
                one["items"] = {"anyOf": [{"type": "string"}, one["items"]]}
        return described


Endpoints = Annotated[tuple[Endpoint, ...] | None, BeforeValidator(_endpoints), _OrNames()]
"""Endpoints, one a network; None where they are not written so."""
