"""Values that are kept: checked whoever makes them, frozen, and read back from JSON as they were or not at all."""

from __future__ import annotations

import copy
import json
import pickle
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Annotated, Any, ClassVar, Literal

import pytest

from netbuilder.values import Name, Port, Value, matching


class Inner(Value):
    name: Name
    port: Port | None = None


class Outer(Value):
    kinds: ClassVar[int] = 0
    inner: Inner
    all: tuple[Inner, ...] = ()
    address: IPv4Interface | IPv6Interface
    via: IPv4Address | IPv6Address | None = None
    mode: Literal["a", "b"] = "a"
    on: bool = False
    number: int = 0
    text: Annotated[str, matching("[a-z]*")] = ""


INNER = Inner(name="web", port=80)
OUTER = Outer(inner=INNER, all=(INNER, Inner(name="db")), address=IPv4Interface("10.9.0.2/24"))
SIXTH = OUTER.replace(address=IPv6Interface("fd00::2/64"), via=IPv6Address("fd00::1"), mode="b", on=True, text="x")


@pytest.mark.parametrize("one", [INNER, OUTER, SIXTH])
def test_a_value_survives_json_and_copies(one: Value) -> None:
    assert type(one).from_json(json.loads(json.dumps(one.as_json()))) == one
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    assert hash(copy.copy(one)) == hash(one)


def test_an_address_is_of_the_family_that_it_was() -> None:
    assert [type(one.address) for one in (OUTER, SIXTH)] == [IPv4Interface, IPv6Interface]
    assert type(Outer.from_json(SIXTH.as_json()).via) is IPv6Address


@pytest.mark.parametrize(
    ("field", "wrong", "problem"),
    [
        ("inner", {"name": "a b"}, "inner: name: 'a b' is not a valid name"),
        ("inner", {"port": 80}, "inner: name: is missing"),
        ("inner", {"name": "web", "color": 1}, "inner: Inner has no field 'color'"),
        ("inner", "web", "inner: 'web' is no Inner"),
        ("inner", {"name": "web", "port": 70000}, "inner: port: 70000 is not a valid port"),
        ("inner", {"name": "web", "port": True}, "inner: port: 'True' is no int"),
        ("inner", {"name": 7}, "inner: name: '7' is no str"),
        ("all", INNER, "all: .* is no list"),
        ("all", [{}], "all: name: is missing"),
        ("address", "10.9.0.2/33", "address: "),
        ("address", 7, "address: '7' is no IPv6Interface"),
        ("via", IPv4Interface("10.9.0.2/24"), "via: "),
        ("mode", "c", "mode: 'c' is none of 'a', 'b'"),
        ("mode", ["a"], "mode: .* is none of"),
        ("on", 1, "on: '1' is no bool"),
        ("number", True, "number: 'True' is no int"),
        ("number", None, "number: 'None' is no int"),
        ("text", "a\n", "text: .* is not of the form"),
        ("self", 1, "has no field 'self'"),
        ("\x1b[31m", 1, r"has no field '\\x1b"),
    ],
)
def test_what_a_field_does_not_take_is_refused_with_its_name(field: str, wrong: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        Outer.from_json(OUTER.as_json() | {field: wrong})
    assert str(caught.value).isprintable()
    with pytest.raises(ValueError, match=problem):
        OUTER.replace(**{field: wrong}) if field != "self" else Outer.from_json(OUTER.as_json() | {field: wrong})


def test_a_value_is_frozen_and_differs_by_its_class_and_by_its_fields() -> None:
    with pytest.raises(AttributeError, match="it is a value"):
        INNER.name = "db"  # type: ignore[misc]
    with pytest.raises(AttributeError, match="it is a value"):
        del INNER.name
    assert len({INNER, INNER.replace(port=None), OUTER, SIXTH, Inner(name="web", port=80)}) == 4
    assert repr(INNER.replace(port=None)) == "Inner(name='web')"
