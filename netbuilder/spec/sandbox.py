"""A sandbox, and the four modes that it may be in."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, model_validator

from netbuilder.errors import closest, shown
from netbuilder.spec.base import Spec, constructor
from netbuilder.spec.fields import Address, Mac, Name, Namespace, NetworkName, PathLike, SandboxName
from netbuilder.spec.network import DEFAULT_NETWORK
from netbuilder.spec.ports import PublishedPort, PublishedPorts
from netbuilder.values.names import NAME, NetworkLike, SandboxLike


class Bridge(Spec):
    """Bridge mode: a veth pair between the network's bridge and the sandbox's eth0 (`docker run --network NAME`).

    Args:
        network: The network to attach to.
        address: A static address of its subnet; by default the next free one.
        mac: The MAC address of eth0; by default 02:42 and the four bytes of the address.
        publish: Ports of the host that lead inside, in Docker's `-p` syntax or as `PublishedPort`.
    """

    kind: Literal["bridge"] = "bridge"
    network: NetworkName = DEFAULT_NETWORK
    address: Address | None = None
    mac: Mac | None = None
    publish: PublishedPorts = ()

    @constructor
    def __init__(
        self,
        network: str | NetworkLike = DEFAULT_NETWORK,
        *,
        address: IPv4Address | str | None = None,
        mac: str | None = None,
        publish: Sequence[PublishedPort | str | int] = (),
    ) -> None: ...


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
    """

    name: Name
    mode: Mode = _DEFAULT
    namespace: Namespace | None = None

    @constructor
    def __init__(
        self,
        name: str,
        *,
        mode: Bridge | HostNetwork | Container | NoNetwork | type[Bridge | HostNetwork | NoNetwork] | str = _DEFAULT,
        namespace: PathLike | str | int | None = None,
    ) -> None: ...

    @model_validator(mode="after")
    def _adopts_only_its_own(self) -> Sandbox:
        if self.namespace is not None and self.mode.kind in ("host", "container"):
            raise ValueError(
                f"namespace: {self.mode.kind} mode has no namespace of its own to adopt: use bridge or none mode"
            )
        return self
