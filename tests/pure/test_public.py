"""The public names are all there, found when first used; calls take specs alone; and specs are JSON, with a schema."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import netbuilder
from netbuilder import Bridge, Container, HostNetwork, Network, NoNetwork, Sandbox, json_schema
from netbuilder.host.arguments import checked


def declared() -> dict[str, str]:
    """The names that type checkers see, and the module of each."""
    tree = ast.parse(Path(netbuilder.__file__).read_text())
    imports = [node for block in tree.body if isinstance(block, ast.If) for node in block.body]
    return {
        alias.name: str(node.module).removeprefix("netbuilder.")
        for node in imports
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_three_lists_of_public_names_agree() -> None:
    assert netbuilder.__all__ == sorted(netbuilder._HOME)
    assert declared() == netbuilder._HOME


@pytest.mark.parametrize("name", netbuilder.__all__)
def test_a_public_name_is_that_of_its_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(netbuilder), name, raising=False)
    value = getattr(netbuilder, name)
    assert value is getattr(importlib.import_module(f"netbuilder.{netbuilder._HOME[name]}"), name)
    assert vars(netbuilder)[name] is value  # found at once from now on


def test_dir_shows_every_public_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(netbuilder), "Host", raising=False)
    assert set(netbuilder.__all__) <= set(dir(netbuilder))
    assert dir(netbuilder) == sorted(dir(netbuilder))


@pytest.mark.parametrize("name", ["Sandbocks", "_nothing", "__path"])
def test_a_name_that_is_not_there_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"^module 'netbuilder' has no attribute '{name}'$"):
        getattr(netbuilder, name)


# What is handed out

PUBLIC = {name: getattr(netbuilder, name) for name in netbuilder.__all__}
HANDLES = ("Host", "LiveSandbox", "NetworkNamespace", "Changes", "Change", "Plan", "Step", "Undo", "VethPair")


def members(kind: type) -> Iterator[tuple[str, Callable[..., object]]]:
    """The public methods of a class and what its properties are read by; of its bases those that are ours."""
    for base in kind.__mro__:
        if not base.__module__.startswith("netbuilder"):
            continue
        for name, member in vars(base).items():
            public = not name.startswith("_") or name in ("__getitem__", "__iter__", "__enter__")
            found = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if public and inspect.isfunction(found):
                yield name, found


def parts(annotation: Any) -> Iterator[type]:
    """Every class that an annotation names."""
    if isinstance(annotation, list):
        yield from (part for one in annotation for part in parts(one))
    elif arguments := typing.get_args(annotation):
        yield from parts([*arguments])
    elif isinstance(annotation, type):
        yield annotation


def attributes(kind: type) -> Iterator[Any]:
    """The annotations of what a class keeps under a public name of what it is made of."""
    if "__init__" in vars(kind) and not dataclasses.is_dataclass(kind):
        source = inspect.getsource(kind.__init__)  # type: ignore[misc]
        hints = typing.get_type_hints(kind.__init__, localns=PUBLIC)  # type: ignore[misc]
        yield from (hint for name, hint in hints.items() if f"self.{name} = {name}" in source)


def handed_out(name: str) -> set[type]:
    """The types of this package that a public class hands out: by its methods, properties, attributes and fields."""
    kind = PUBLIC[name]
    found = typing.get_type_hints(kind) if "__annotations__" in vars(kind) else {}
    annotations = [annotation for field, annotation in found.items() if not field.startswith("_")]
    annotations += [typing.get_type_hints(method, localns=PUBLIC).get("return") for _, method in members(kind)]
    return {part for part in parts([*annotations, *attributes(kind)]) if part.__module__.startswith("netbuilder")}


INTERNAL = {"Kernel", "Query", "State"}
"""What a step speaks of with the engine."""


@pytest.mark.parametrize("name", HANDLES)
def test_what_is_handed_out_can_be_named(name: str) -> None:
    known = {one.__name__ for one in PUBLIC.values() if isinstance(one, type)}
    assert {one.__name__ for one in handed_out(name)} <= known | (
        INTERNAL if name in ("Plan", "Step", "Undo") else set()
    )


@pytest.mark.parametrize("name", [name for name in netbuilder.__all__ if name.startswith("Resolved")])
def test_what_is_resolved_is_of_types_that_can_be_named(name: str) -> None:
    fields = typing.get_type_hints(PUBLIC[name]).values()
    assert {one for one in parts(fields) if one.__module__.startswith("netbuilder")} <= set(PUBLIC.values())


@pytest.mark.parametrize(
    ("name", "some"),
    [
        ("Host", {"Changes", "LiveSandbox", "Plan", "ResolvedNetwork", "VethPair"}),
        ("LiveSandbox", {"Changes", "Host", "ResolvedEndpoint", "ResolvedPort", "ResolvedSandbox"}),
        ("Changes", {"Change", "Plan"}),
        ("Change", {"Plan"}),
        ("Undo", {"Step"}),
    ],
)
def test_what_is_handed_out_is_found(name: str, some: set[str]) -> None:
    assert {one.__name__ for one in handed_out(name)} >= some


# What is handed to a call


@pytest.mark.parametrize("others", [(), (str,)])
def test_specs_are_taken_as_they_are(others: tuple[type, ...]) -> None:
    handed = (Network(name="lab"), Sandbox(name="web"), *(["web"] if others else []))
    assert checked("host.apply", handed, *others) is handed
    assert checked("host.apply", ()) == ()


@pytest.mark.parametrize(
    ("handed", "others", "problem"),
    [
        ([Network(name="lab")], (), "pass specs one by one: host.apply(*specs)"),
        (iter([]), (str,), "pass specs one by one: host.apply(*specs)"),
        ("lab", (), 'host.apply takes Network or Sandbox, not str: \'lab\'; write Sandbox("web") or Network("lab")'),
        (b"lab", (str,), "host.apply takes Network or Sandbox or str, not bytes: \"b'lab'\""),
        (None, (), "host.apply takes Network or Sandbox, not NoneType: 'None'"),
        (
            NoNetwork(),
            (),
            "host.apply takes Network or Sandbox, not NoNetwork: 'NoNetwork()'; a mode is a sandbox's: "
            'write Sandbox("web", mode=…)',
        ),
    ],
)
def test_what_is_no_spec_is_refused(handed: object, others: tuple[type, ...], problem: str) -> None:
    with pytest.raises(TypeError) as caught:
        checked("host.apply", (Sandbox(name="web"), handed), *others)
    assert str(caught.value) == problem


# JSON

LAB: list[Network | Sandbox] = [
    Network(name="lab", subnet="10.9.0.0/24", gateway="10.9.0.9", mtu=1400, internal=True),
    Sandbox(name="web", mode=Bridge(network="lab", address="10.9.0.2", publish=["8088:80/udp"])),
    Sandbox(name="old", mode=NoNetwork(), namespace="/run/netns/old"),
    Sandbox(name="top", mode=HostNetwork()),
    Sandbox(name="mate", mode=Container(sandbox="web")),
]
SPECS: TypeAdapter[list[Network | Sandbox]] = TypeAdapter(list[Network | Sandbox])


def test_a_list_of_specs_survives_json() -> None:
    assert SPECS.validate_json(SPECS.dump_json(LAB)) == LAB


def refs(schema: Any) -> list[str]:
    """Every reference in a schema."""
    if isinstance(schema, dict):
        return [*([schema["$ref"]] if "$ref" in schema else []), *(ref for one in schema.values() for ref in refs(one))]
    return [ref for one in schema for ref in refs(one)] if isinstance(schema, list) else []


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    schema = json_schema()
    assert {ref.removeprefix("#/$defs/") for ref in refs(schema)} == set(schema["$defs"])


def fits(value: Any, schema: dict[str, Any], defs: dict[str, Any]) -> bool:
    """Whether a value is as a schema says, of what ours say."""
    types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    if "$ref" in schema:
        return fits(value, defs[schema["$ref"].removeprefix("#/$defs/")], defs)
    for word, needed in (("anyOf", (1, 2, 3, 4)), ("oneOf", (1,))):
        if word in schema and sum(fits(value, one, defs) for one in schema[word]) not in needed:
            return False
    if "type" in schema and type(value) is not types[schema["type"]]:
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", "").replace("$", r"\Z"), value):
        return False
    if not isinstance(value, dict):
        return value == schema.get("const", value)
    properties = schema.get("properties", {})
    return value.keys() >= set(schema.get("required", ())) and all(
        fits(inside, properties[name], defs) if name in properties else schema.get("additionalProperties", True)
        for name, inside in value.items()
    )


@pytest.mark.parametrize(
    "mode",
    [
        *(
            "bridge",
            "host",
            "none",
            "container:web",
            "container:",
            "container",
            "hots",
            "",
            "container:a b",
            "HOST",
            "none\n",
        ),
        *(
            {"kind": "bridge"},
            {"kind": "bridge", "network": "lab"},
            {"network": "lab"},
            {"sandbox": "web"},
            {},
            None,
            7,
        ),
        *({"kind": "container", "sandbox": "web"}, {"kind": "container"}, {"kind": "overlay"}, ["host"]),
        *({"kind": "bridge", "network": {"name": "lab"}}, {"kind": "container", "sandbox": {"name": "web"}}),
        *({"kind": "bridge", "network": "a b"}, {"kind": "bridge", "ports": []}, {"kind": "host", "network": "lab"}),
    ],
    ids=json.dumps,
)
def test_the_schema_takes_the_modes_that_are_taken(mode: Any) -> None:
    schema = json_schema()
    document = {"name": "x", "mode": mode}
    try:
        Sandbox.model_validate_json(json.dumps(document))
        taken = True
    except ValidationError:
        taken = False
    assert fits(document, schema["$defs"]["Sandbox"], schema["$defs"]) == taken


@pytest.mark.parametrize("model", [Network, Sandbox, Bridge, HostNetwork, Container, NoNetwork])
def test_the_schema_names_the_fields_of_each_spec(model: Any) -> None:
    described = json_schema()["$defs"][model.__name__]
    assert described["properties"].keys() == model.model_fields.keys()
    assert described["additionalProperties"] is False
    needed = {name for name, field in model.model_fields.items() if field.is_required()}
    assert set(described.get("required", ())) == needed
