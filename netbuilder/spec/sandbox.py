"""A sandbox, and the four modes that it may be in."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from netbuilder.spec.base import Spec
from netbuilder.spec.fields import Address, Mac, Name, NamespacePath
from netbuilder.spec.network import DEFAULT_NETWORK
from netbuilder.spec.ports import PublishedPort, PublishedPorts


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
