"""A sandbox, and the four modes that it may be in."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Literal, Protocol

from pydantic import BeforeValidator, Field, model_validator

from netbuilder.errors import shown
from netbuilder.spec.base import Spec
from netbuilder.spec.fields import NAME, PINS, Address, Mac, Name, NameOf, NamespacePath
from netbuilder.spec.network import DEFAULT_NETWORK, Network
from netbuilder.spec.ports import PublishedPort, PublishedPorts


class _Named(Protocol):
    """A spec or a handle of a sandbox."""

    @property
    def name(self) -> str: ...


class _Path(Protocol):
    """A path, such as `pathlib.Path`."""

    def __fspath__(self) -> str: ...


class Bridge(Spec):
    """Bridge mode: a veth pair between the network's bridge and the sandbox's eth0 (`docker run --network NAME`).

    Args:
        network: The network to attach to.
        address: A static address of its subnet; by default the next free one.
        mac: The MAC address of eth0; by default 02:42 and the four bytes of the address.
        publish: Ports of the host that lead inside, in Docker's `-p` syntax or as `PublishedPort`.
    """

    advice = {  # noqa: RUF012 (pydantic leaves a ClassVar alone)
        "ports": "write publish=[…]",
        "port": "write publish=[…]",
        "ip": "write address=…",
        "ipv4_address": "write address=…",
        "mac_address": "write mac=…",
        "name": "the name is the sandbox's: Sandbox(name=…, mode=Bridge(…))",
    }

    kind: Literal["bridge"] = "bridge"
    network: NameOf = DEFAULT_NETWORK
    address: Address | None = None
    mac: Mac | None = None
    publish: PublishedPorts = ()

    if TYPE_CHECKING:

        def __init__(
            self,
            network: str | Network = DEFAULT_NETWORK,
            *,
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
    sandbox: NameOf

    if TYPE_CHECKING:

        def __init__(self, sandbox: str | _Named) -> None: ...


class NoNetwork(Spec):
    """None mode: a namespace with its loopback and nothing else, to be wired by hand (`--network none`)."""

    kind: Literal["none"] = "none"


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
        near = get_close_matches(word, _BY_NAME, 1)
        hint = f"did you mean {near[0]!r}?" if near else "write 'bridge', 'host', 'none' or 'container:NAME'"
        raise ValueError(f"{shown(word)} is not a mode: {hint}")
    return _BY_NAME[word]


_BY_NAME: dict[str, object] = {"bridge": Bridge(), "host": HostNetwork(), "none": NoNetwork()}

Mode = Annotated[Bridge | HostNetwork | Container | NoNetwork, Field(discriminator="kind"), BeforeValidator(_mode)]


def _path_of(value: object) -> object:
    """A name under /run/netns is one of its file."""
    value = value.__fspath__() if hasattr(value, "__fspath__") else value
    is_name = isinstance(value, str) and NAME.fullmatch(value)
    return f"{PINS}/{value}" if is_name else value


Namespace = Annotated[NamespacePath, BeforeValidator(_path_of)]


class Sandbox(Spec):
    """A network namespace and what is wired into it: what Docker gives a container.

    Args:
        name: The sandbox's name; its namespace is pinned at /run/netns/NAME, so `ip netns exec NAME` works.
        mode: How it is wired; by default in bridge mode, on the default network. "bridge", "host", "none" and
            "container:NAME" stand for the modes as Docker writes them.
        namespace: An existing namespace to adopt: its path, its name under /run/netns, or the number of a process in
            it. It is never destroyed.
    """

    advice = {  # noqa: RUF012
        **dict.fromkeys(("publish", "ports"), "write mode=Bridge(publish=[…])"),
        **dict.fromkeys(("network", "networks"), "write mode=Bridge(network=…)"),
        **dict.fromkeys(("address", "ip"), "write mode=Bridge(address=…)"),
        "mac": "write mode=Bridge(mac=…)",
        "network_mode": "write mode=…",
        "container": "write mode=Container(sandbox=…)",
        "image": "a sandbox has the host's files: run a program in it with host[NAME].run([…])",
        "command": "run a program in it with host[NAME].run([…])",
        "pid": "write namespace=PID",
    }

    name: Name
    mode: Mode = Bridge()
    namespace: Namespace | Annotated[int, Field(ge=1, le=2**22)] | None = None

    if TYPE_CHECKING:

        def __init__(
            self,
            name: str,
            *,
            mode: Bridge | HostNetwork | Container | NoNetwork | type[Bridge | HostNetwork | NoNetwork] | str = ...,
            namespace: _Path | str | int | None = None,
        ) -> None: ...

    @model_validator(mode="after")
    def _adopts_only_its_own(self) -> Sandbox:
        if self.namespace is not None and self.mode.kind in ("host", "container"):
            raise ValueError(
                f"namespace: {self.mode.kind} mode has no namespace of its own to adopt: use bridge or none mode"
            )
        return self
