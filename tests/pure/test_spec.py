"""Specs refuse what can never be right, name the field, and survive JSON."""

from __future__ import annotations

import inspect
import json
import pydoc
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from netbuilder.spec import Bridge, Container, HostNetwork, Network, NoNetwork, Route, Sandbox, json_schema
from netbuilder.spec.addresses import Address
from netbuilder.spec.fields import InterfaceName, Mac, Name, NamespacePath
from netbuilder.spec.ports import PublishedPort
from netbuilder.values.names import RESERVED

LONG = "x" * 10_000


def refusal(model: type[BaseModel], fields: dict[str, Any]) -> tuple[str, str]:
    """The field that is refused, and why."""
    with pytest.raises(ValidationError) as caught:
        model(**fields)
    return ".".join(map(str, caught.value.errors()[0]["loc"])), reason(caught.value)


def reason(error: ValidationError) -> str:
    """Why something is refused: in our words, or where pydantic refuses it, by the name it has for that."""
    first = error.errors()[0]
    assert len(first["msg"]) < 250
    if first["type"] == "extra_forbidden":
        return first["msg"]
    return str(first["ctx"]["error"]) if first["type"] == "value_error" else first["type"]


# Names.


def accepted(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    return reason(caught.value)


@pytest.mark.parametrize("name", ["a", "0", "web", "Web-1", "a.b", "a__b", "a--b", "a_-b.c", "x" * 63])
def test_a_name(name: str) -> None:
    assert accepted(Name, name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a..b", "a.", ".a", "-a", "_a", "a-", "a b", "a/b", "a\n", "a\x00", "é", "a;b", "x" * 64, LONG],
)
def test_what_is_no_name(name: str) -> None:
    assert "is not a valid name" in refused(Name, name) or "at most 63" in refused(Name, name)


@pytest.mark.parametrize("name", ["docker0", "br-0123456789ab", "eth0.1", "x" * 15])
def test_an_interface_name(name: str) -> None:
    assert accepted(InterfaceName, name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is not a valid interface name"),
        ("a b", "is not a valid interface name"),
        ("a/b", "is not a valid interface name"),
        ("eth0\n", "is not a valid interface name"),
        ("-a", "is not a valid interface name"),
        ("x" * 16, "is 16 characters long: an interface name has at most 15"),
        (LONG, "is 10000 characters long"),
        *((word, "is a word of nftables, ip or /proc/sys") for word in sorted(RESERVED)),
    ],
)
def test_what_is_no_interface_name(name: str, problem: str) -> None:
    assert problem in refused(InterfaceName, name)


@pytest.mark.parametrize("mac", ["02:42:ac:11:00:02", "02-42-AC-11-00-02", "00:00:00:00:00:01"])
def test_a_mac_address(mac: str) -> None:
    assert accepted(Mac, mac) == mac.lower().replace("-", ":")


@pytest.mark.parametrize(
    ("mac", "problem"),
    [
        ("", "is not a valid MAC address"),
        ("02:42:ac:11:00", "is not a valid MAC address"),
        ("02:42:ac:11:00:02:03", "is not a valid MAC address"),
        ("02:42:ac:11:00:0g", "is not a valid MAC address"),
        ("0242ac110002", "is not a valid MAC address"),
        (LONG, "is not a valid MAC address"),
        ("01:00:5e:00:00:01", "is not the address of one interface"),
        ("ff:ff:ff:ff:ff:ff", "is not the address of one interface"),
        ("00:00:00:00:00:00", "is not the address of one interface"),
    ],
)
def test_what_is_no_mac_address(mac: str, problem: str) -> None:
    assert problem in refused(Mac, mac)


@pytest.mark.parametrize("path", ["/run/netns/web", "/proc/1234/ns/net", "/a+b@c:d_e-f.g"])
def test_a_namespace_path(path: str) -> None:
    assert accepted(NamespacePath, path) == path


@pytest.mark.parametrize(
    "path", ["", "/", "a", "/a/", "//a", "/a/../b", "/./a", "/.a", "/a b", "/a\n", "/" + "x" * 255]
)
def test_what_is_no_namespace_path(path: str) -> None:
    assert "is not a plain absolute path" in refused(NamespacePath, path)


@pytest.mark.parametrize("address", ["10.9.0.2", IPv4Address("10.9.0.2")])
def test_an_address(address: object) -> None:
    assert accepted(Address, address) == IPv4Address("10.9.0.2")


@pytest.mark.parametrize("address", ["", "10.9.0", "10.9.0.256", "10.9.0.2/24", "::1", "010.9.0.2", "10.9.0.2\n", LONG])
def test_what_is_no_address(address: str) -> None:
    assert "is not a valid IPv4 address: write it like 10.9.0.2" in refused(Address, address)


@pytest.mark.parametrize("kind", [Name, InterfaceName, Mac, NamespacePath, Address])
@given(value=st.text() | st.none() | st.booleans() | st.binary(max_size=5) | st.lists(st.integers(), max_size=2))
def test_hostile_names_are_accepted_or_refused(kind: Any, value: object) -> None:
    try:
        name = str(accepted(kind, value))
    except ValidationError as error:
        assert len(error.errors()[0]["msg"]) < 1000
    else:
        assert name.isascii() and name.isprintable() and not set(name) & set(" '\"\\;{}$*#()")


@pytest.mark.parametrize("address", [10, b"\x0a\x09\x00\x02", None])
def test_an_address_is_never_a_number(address: object) -> None:
    assert "is given as text, like 10.9.0.2" in refused(Address, address)


# Networks.


def test_a_network_needs_a_name_only() -> None:
    network = Network(name="lab")
    assert (network.bridge, network.subnet, network.gateway, network.mtu) == (None, None, None, None)
    assert network.masquerade
    assert not network.internal


@pytest.mark.parametrize("subnet", ["10.9.0.0/24", "10.9.0.0/255.255.255.0", IPv4Network("10.9.0.0/24")])
def test_a_subnet(subnet: Any) -> None:
    assert Network(name="lab", subnet=subnet).subnet == IPv4Network("10.9.0.0/24")


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"name": "a b"}, "name", "'a b' is not a valid name"),
        ({"name": 1}, "name", "string_type"),
        ({}, "name", "missing"),
        ({"bridge": "br 0"}, "bridge", "is not a valid interface name"),
        ({"bridge": "up"}, "bridge", "is a word of nftables"),
        ({"bridge": "mtu"}, "bridge", "'mtu' is a word of nftables, ip or /proc/sys: choose another interface name"),
        ({"bridge": "name"}, "bridge", "'name' is a word of nftables, ip or /proc/sys"),
        ({"subnet": "10.9.0.1/24"}, "subnet", "'10.9.0.1/24' is not a valid IPv4 subnet: did you mean 10.9.0.0/24?"),
        ({"subnet": "lab"}, "subnet", "'lab' is not a valid IPv4 subnet"),
        ({"subnet": "fd00::/64"}, "subnet", "'fd00::/64' is not a valid IPv4 subnet"),
        ({"subnet": LONG}, "subnet", "is not a valid IPv4 subnet"),
        ({"subnet": 10}, "subnet", "an IPv4 subnet is given as text"),
        ({"subnet": "10.9.0.0/32"}, "subnet", "10.9.0.0/32 has no room for a gateway and a sandbox: use /31 or larger"),
        ({"subnet": "10.9.0.0"}, "subnet", "10.9.0.0/32 has no room"),
        ({"gateway": "10.9.0.2", "subnet": "10.9.0.0/31"}, "", "gateway 10.9.0.2 is outside subnet 10.9.0.0/31"),
        ({"subnet": "127.0.0.0/24"}, "subnet", "127.0.0.0/24 is reserved"),
        ({"subnet": "224.0.0.0/24"}, "subnet", "is reserved"),
        ({"subnet": "0.0.0.0/0"}, "subnet", "is reserved"),
        ({"gateway": "x", "subnet": "10.9.0.0/24"}, "gateway", "'x' is not a valid IPv4 address"),
        ({"gateway": "10.9.0.1"}, "", "gateway needs a subnet to be in"),
        ({"gateway": "10.8.0.1", "subnet": "10.9.0.0/24"}, "", "gateway 10.8.0.1 is outside subnet 10.9.0.0/24"),
        ({"gateway": "10.9.0.0", "subnet": "10.9.0.0/24"}, "", "gateway 10.9.0.0 is reserved"),
        ({"gateway": "10.9.0.255", "subnet": "10.9.0.0/24"}, "", "gateway 10.9.0.255 is reserved"),
        ({"mtu": 67}, "mtu", "greater_than_equal"),
        ({"mtu": 65536}, "mtu", "less_than_equal"),
        ({"mtu": "1500"}, "mtu", "int_type"),
        ({"mtu": True}, "mtu", "int_type"),
        ({"internal": "yes"}, "internal", "bool_type"),
        ({"masquerade": 1}, "masquerade", "bool_type"),
        ({"subnets": "10.9.0.0/24"}, "subnets", "'subnets' is no field of Network: write subnet=…"),
        ({"cidr": "10.9.0.0/24"}, "cidr", "'cidr' is no field of Network: write subnet=…"),
        ({"xyz": 1}, "xyz", "'xyz' is no field of Network"),
    ],
)
def test_a_network_that_can_never_be_right(fields: dict[str, Any], field: str, problem: str) -> None:
    named = fields if "name" in fields or not fields else {"name": "lab"} | fields
    place, message = refusal(Network, named)
    assert place == field
    assert problem in message


@pytest.mark.parametrize("given", [str, IPv6Network], ids=["text", "value"])
@pytest.mark.parametrize(
    "spec",
    [
        lambda block: Network("lab", subnet6=block),
        lambda block: Network("lab", subnet6="fd00::/64", ip_range6=block),
        lambda block: Route(block, via="fd00::1"),
    ],
    ids=["subnet", "range", "route"],
)
def test_no_block_of_addresses_has_the_name_of_an_interface(spec: Any, given: Any) -> None:
    """Python takes any text behind a %, which would get into commands."""
    with pytest.raises(ValidationError, match="names an interface, as only an address can"):
        spec(given("fd00::%$(id) x/64"))


def test_specs_are_frozen() -> None:
    with pytest.raises(ValidationError, match="name"):
        Network(name="lab").name = "other"


# Sandboxes.


def test_a_sandbox_is_on_the_default_network_unless_told_otherwise() -> None:
    assert Sandbox(name="web").mode == Bridge(network="bridge")


def test_ports_are_written_in_dockers_syntax_or_as_values() -> None:
    port = PublishedPort(sandbox_port=443)
    assert Bridge(publish=["8000-8001:80-81", 53, port]).publish == (
        PublishedPort(sandbox_port=80, host_port=8000, count=2),
        PublishedPort(sandbox_port=53),
        port,
    )
    assert Bridge(publish=(port,)).publish == (port,)


@pytest.mark.parametrize("namespace", ["/run/netns/web", 1, 1234])
@pytest.mark.parametrize("mode", [Bridge(), NoNetwork()])
def test_a_namespace_that_is_there_already_is_adopted(namespace: Any, mode: Any) -> None:
    assert Sandbox(name="web", mode=mode, namespace=namespace).namespace == namespace


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        ({"name": "a/b"}, "name", "is not a valid name"),
        ({"mode": {"kind": "overlay"}}, "mode", "union_tag_invalid"),
        ({"mode": {}}, "mode", "union_tag_not_found"),
        ({"mode": "hots"}, "mode", "'hots' is not a mode: did you mean 'host'?"),
        ({"mode": "overlay"}, "mode", "is not a mode: write 'bridge', 'host', 'none' or 'container:NAME'"),
        ({"mode": "container:"}, "mode", "is not a mode"),
        ({"mode": "container:a b"}, "mode.sandbox", "is not a valid name"),
        ({"mode": Container}, "mode", "a mode is Bridge(...), HostNetwork(), Container(...) or NoNetwork()"),
        ({"publish": ["8088:80"]}, "publish", "'publish' is no field of Sandbox: write mode=Bridge(publish=[…])"),
        ({"network": "lab"}, "network", "'network' is no field of Sandbox: write mode=Bridge(network=…)"),
        ({"nmae": "x"}, "nmae", "'nmae' is no field of Sandbox: did you mean name?"),
        (
            {"mode": {"kind": "bridge", "ports": ["1:2"]}},
            "mode.bridge.ports",
            "'ports' is no field of Bridge: write publish=",
        ),
        ({"namespace": "../web"}, "namespace", "is not a plain absolute path"),
        ({"mode": Network(name="lab")}, "mode", "a mode is Bridge(...)"),
        ({"mode": None}, "mode", "a mode is Bridge(...)"),
        ({"mode": {"kind": "container"}}, "mode.container.sandbox", "missing"),
        ({"mode": {"kind": "container", "sandbox": "a b"}}, "mode.container.sandbox", "is not a valid name"),
        ({"mode": {"kind": "host", "publish": []}}, "mode.host.publish", "simply on the host's ports: leave it out"),
        ({"mode": {"kind": "bridge", "address": "x"}}, "mode.bridge.address", "is not a valid IPv4 address"),
        ({"mode": {"kind": "bridge", "mac": "x"}}, "mode.bridge.mac", "is not a valid MAC address"),
        ({"mode": {"kind": "bridge", "network": ""}}, "mode.bridge.network", "is not a valid name"),
        ({"mode": {"kind": "bridge", "publish": ["x"]}}, "mode.bridge.publish", "'x' is not a valid published port"),
        (
            {"mode": {"kind": "bridge", "publish": "80:80"}},
            "mode.bridge.publish",
            'publish is a list, like ["8088:80"]',
        ),
        ({"mode": {"kind": "bridge", "publish": [None]}}, "mode.bridge.publish.0", "model_type"),
        ({"namespace": "netns/web"}, "namespace", "is not a plain absolute path"),
        ({"namespace": 0}, "namespace", "the number of a process in it (process.pid), not as '0'"),
        ({"namespace": True}, "namespace", "not as bool"),
        ({"namespace": 1, "mode": HostNetwork()}, "", "namespace: host mode has no namespace of its own to adopt"),
        ({"namespace": 1, "mode": Container(sandbox="x")}, "", "namespace: container mode has no namespace"),
    ],
)
def test_a_sandbox_that_can_never_be_right(fields: dict[str, Any], field: str, problem: str) -> None:
    place, message = refusal(Sandbox, {"name": "web"} | fields)
    assert place == field
    assert problem in message


# What else may be written for the same.


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (Sandbox("web"), Sandbox(name="web")),
        (Network("lab"), Network(name="lab")),
        (Bridge("lab"), Bridge(network="lab")),
        (Container("web"), Container(sandbox="web")),
        (Bridge(network=Network("lab")), Bridge(network="lab")),
        (Container(sandbox=Sandbox("web")), Container(sandbox="web")),
        (Sandbox("web", mode="none"), Sandbox(name="web", mode=NoNetwork())),
        (Sandbox("web", mode="host"), Sandbox(name="web", mode=HostNetwork())),
        (Sandbox("web", mode="bridge"), Sandbox(name="web", mode=Bridge())),
        (Sandbox("web", mode="container:db"), Sandbox(name="web", mode=Container(sandbox="db"))),
        (Sandbox("web", mode=NoNetwork), Sandbox(name="web", mode=NoNetwork())),
        (Sandbox("web", namespace=Path("/run/netns/x")), Sandbox(name="web", namespace="/run/netns/x")),
        (Sandbox("web", namespace="x"), Sandbox(name="web", namespace="/run/netns/x")),
    ],
)
def test_short_ways_to_write_a_spec(written: Any, same: Any) -> None:
    assert written == same
    assert type(same).model_validate_json(written.model_dump_json()) == same


def test_only_the_first_field_may_go_without_its_name() -> None:
    with pytest.raises(TypeError, match="Sandbox takes name alone without its name"):
        Sandbox("web", "none")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Sandbox takes name alone"):
        Sandbox("web", name="db")  # type: ignore[misc]
    with pytest.raises(TypeError, match=r"NoNetwork takes nothing$"):
        NoNetwork("web")  # type: ignore[call-arg]


EVERY = (Sandbox, Network, Bridge, Container, HostNetwork, NoNetwork, PublishedPort)


def test_signatures_can_be_read() -> None:
    assert str(inspect.signature(Network)).startswith("(name: str, *, bridge: str | None = None, ipv4: bool = True, ")
    assert "address: ipaddress.IPv4Address | str | None = None, address6: " in str(inspect.signature(Bridge))
    assert str(inspect.signature(NoNetwork)).startswith("()")
    assert "Annotated" not in "".join(str(inspect.signature(one)) for one in EVERY)
    assert "kind" not in inspect.signature(Bridge).parameters
    head = pydoc.plain(pydoc.render_doc(Bridge)).splitlines()[3:15]  # one line before Python 3.13
    assert any("mac: str | None = None" in line for line in head)


@pytest.mark.parametrize("spec", EVERY)
def test_what_may_be_written_is_what_there_is(spec: type[BaseModel]) -> None:
    declared = inspect.signature(spec).parameters
    assert [*declared] == [name for name in spec.model_fields if name != "kind"]
    for name, parameter in declared.items():
        field = spec.model_fields[name]
        default = field.get_default(call_default_factory=True, validated_data={})
        assert parameter.default == (inspect.Parameter.empty if field.is_required() else default)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (Network("lab"), "Network(name='lab')"),
        (Sandbox("web"), "Sandbox(name='web')"),
        (Sandbox("web", mode=Bridge("lab")), "Sandbox(name='web', mode=Bridge(network='lab'))"),
        (Bridge(publish=["8088:80"]), "Bridge(publish=(PublishedPort(sandbox_port=80, host_port=8088),))"),
        (NoNetwork(), "NoNetwork()"),
    ],
)
def test_a_spec_is_shown_as_it_is_written(spec: Any, text: str) -> None:
    assert repr(spec) == str(spec) == text
    assert eval(text) == spec


# JSON.

SPECS = [
    Network(
        name="lab", bridge="br9", subnet="10.9.0.0/24", gateway="10.9.0.9", mtu=1400, masquerade=False, internal=True
    ),
    Network(name="lab"),
    Sandbox(name="web"),
    Sandbox(
        name="web", mode=Bridge(network="lab", address="10.9.0.2", mac="02:42:0a:09:00:02", publish=["8088:80/udp"])
    ),
    Sandbox(name="web", mode=Bridge(publish=["127.0.0.1::80"]), namespace="/run/netns/x"),
    Sandbox(name="web", mode=NoNetwork(), namespace=1234),
    Sandbox(name="web", mode=HostNetwork()),
    Sandbox(name="web", mode=Container(sandbox="other")),
]


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_a_spec_survives_json(spec: Network | Sandbox) -> None:
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_a_spec_survives_a_dictionary(spec: Network | Sandbox) -> None:
    assert type(spec).model_validate(spec.model_dump()) == spec


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_specs_are_values(spec: Network | Sandbox) -> None:
    assert hash(spec) == hash(spec.model_copy())
    assert {spec, spec.model_copy()} == {spec}


def test_the_json_schema_names_every_spec_and_every_field_says_what_it_takes() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["type"] == "object"
    assert {key: value["items"]["$ref"] for key, value in schema["properties"].items()} == {
        "networks": "#/$defs/Network",
        "sandboxes": "#/$defs/Sandbox",
    }
    assert {"Network", "Sandbox", "Bridge", "HostNetwork", "Container", "NoNetwork", "PublishedPort"} <= set(
        schema["$defs"]
    )


def test_the_json_schema_takes_ports_in_dockers_syntax() -> None:
    value = {"$ref": "#/$defs/PublishedPort"}
    written = {"type": "integer", "minimum": 1, "maximum": 65535}
    assert json_schema()["$defs"]["Bridge"]["properties"]["publish"]["items"] == {
        "anyOf": [{"type": "string"}, written, value]
    }
    assert Bridge.model_json_schema(mode="serialization")["properties"]["publish"]["items"] == value


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ('{"kind": "bridge", "publish": ["8088:80", 53]}', Bridge(publish=["8088:80", 53])),
        ('{"kind": "container", "sandbox": "db"}', Container(sandbox="db")),
        ('{"kind": "none"}', NoNetwork()),
    ],
)
def test_a_mode_is_read_from_json(text: str, mode: Any) -> None:
    assert Sandbox.model_validate_json(f'{{"name": "web", "mode": {text}}}').mode == mode
