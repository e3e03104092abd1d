"""A route inside a sandbox."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict, model_validator

from netbuilder.spec.addresses import AnyAddress
from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.subnets import block
from netbuilder.values.addresses import IPAddress, IPNetwork


def _destination(value: object) -> object:
    return block(value, "a destination is a block of addresses, like 10.8.0.0/24, or 0.0.0.0/0 for all of IPv4")


class Route(Spec):
    """A route inside a sandbox, beside those that its endpoints give it (`ip route add DST via VIA`).

    Args:
        dst: The addresses that it is for: a block such as 10.8.0.0/24.
        via: The router's address, of a subnet that the sandbox is on; its interface follows from it.
        metric: Of two routes to the same block, the lower one is taken; 0 to 4294967295, by default the kernel's.
    """

    dst: Annotated[
        Annotated[IPv4Network, Strict(False)] | Annotated[IPv6Network, Strict(False)], BeforeValidator(_destination)
    ]
    via: AnyAddress
    metric: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None

    @constructor
    def __init__(self, dst: IPNetwork | str, *, via: IPAddress | str, metric: int | None = None) -> None: ...

    @model_validator(mode="after")
    def _is_of_one_family(self) -> Route:
        if self.dst.version != self.via.version:
            raise ValueError(f"via: {self.via} is not of the family of {self.dst}: a router has an address of both")
        return self
