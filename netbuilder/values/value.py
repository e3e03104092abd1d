"""Values: frozen, equal by what they hold, checked when they are made; read back from JSON as they were or not at all.

A field is declared by its annotation, as in a dataclass. What an annotation takes is worked out when the first value of
a class is made, so that a program pays only for those that it uses. Of `Annotated` each part beyond the type is a
function that gives the value back, or raises ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, Union, dataclass_transform, get_args, get_origin
from typing import get_type_hints as hints

from netbuilder.errors import shown
from netbuilder.values.names import valid_interface, valid_mac, valid_name, valid_path

Reader = Callable[[Any], Any]
"""Gives the value of a field for what was given, or for its form in JSON; ValueError if it is neither."""

_REQUIRED = object()
_FIELDS: dict[type, dict[str, tuple[Reader, Any]]] = {}
_KEPT = 1 << 14  # of texts that were checked
_PLAIN = frozenset((str, int, bool))
_ADDRESSES = IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Value:
    """A value. Its fields are given by name; an address may be given as text, and a value by its fields."""

    def __init__(self, /, **given: Any) -> None:
        kept = self.__dict__
        try:
            for name, (read, default) in fields(type(self)).items():
                value = given.pop(name, default)
                if value is _REQUIRED:
                    raise ValueError("is missing")
                kept[name] = value if value is default else read(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        if given:
            unknown = next(iter(given))
            raise ValueError(f"{type(self).__name__} has no field {shown(unknown)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: it is a value")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted: it is a value")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in self.__dict__.items() if value != fields(type(self))[name][1])
        return f"{type(self).__name__}({', '.join(told)})"

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    def as_json(self) -> dict[str, Any]:
        """The value as a JSON object."""
        return {name: plain(value) for name, value in self.__dict__.items()}

    @classmethod
    def from_json(cls, item: Any) -> Self:
        """The value that `as_json` wrote.

        Raises:
            ValueError: If it is not one: a field is missing, unknown or not valid.
        """
        if not isinstance(item, dict):
            raise ValueError(f"{shown(str(item))} is no {cls.__name__}")
        return cls(**item)


def fields(kind: type[Value]) -> dict[str, tuple[Reader, Any]]:
    """The fields of a class of values, in order: what reads each, and its default."""
    known = _FIELDS.get(kind)
    if known is None:
        known = _FIELDS[kind] = _declared(kind)
    return known


def _declared(kind: type[Value]) -> dict[str, tuple[Reader, Any]]:
    declared = (
        (name, annotation)
        for name, annotation in hints(kind, include_extras=True).items()
        if get_origin(annotation) is not ClassVar
    )
    return {name: (_reader(annotation), getattr(kind, name, _REQUIRED)) for name, annotation in declared}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Value):
        return value.as_json()
    return [*map(plain, value)] if isinstance(value, tuple) else str(value)


# What an annotation takes


def _reader(annotation: Any) -> Reader:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _checked(*arguments)
    if origin in (Union, UnionType):
        return _one_of(arguments)
    if origin is tuple:
        return _many(_reader(arguments[0]))
    if origin is Literal:
        return _literal(arguments)
    if annotation in _ADDRESSES:
        return _address(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return lambda given: given if isinstance(given, annotation) else annotation.from_json(given)
    return _text if annotation is str else _exactly(annotation)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise _wrong(given, str)
    return given if type(given) is str else str(given)


def _exactly(kind: type) -> Reader:
    def read(given: Any) -> Any:
        if type(given) is not kind:  # a bool is an int, and an interface with its prefix an address
            raise _wrong(given, kind)
        return given

    return read


def _checked(kind: Any, *checks: Reader) -> Reader:
    def check(given: Any) -> Any:
        for one in checks:
            given = one(given)
        return given

    first = _reader(kind)
    if kind is not str:
        return lambda given: check(first(given))
    known = lru_cache(_KEPT)(check)  # names come again and again
    return lambda given: known(_text(given))


def _one_of(kinds: tuple[Any, ...]) -> Reader:
    readers = [_reader(kind) for kind in kinds if kind is not NoneType]
    takes_none = NoneType in kinds

    def read(given: Any) -> Any:
        if given is None and takes_none:
            return None
        for reader in readers[:-1]:
            try:
                return reader(given)
            except ValueError:
                continue
        return readers[-1](given)

    return read


def _many(one: Reader) -> Reader:
    def read(given: Any) -> tuple[Any, ...]:
        if not isinstance(given, list | tuple):
            raise _wrong(given, list)
        return tuple(map(one, given))

    return read


def _literal(choices: tuple[Any, ...]) -> Reader:
    def read(given: Any) -> Any:
        if not isinstance(given, str) or given not in choices:
            raise ValueError(f"{shown(str(given))} is none of {', '.join(map(repr, choices))}")
        return given

    return read


def _address(kind: Any) -> Reader:
    known = lru_cache(_KEPT)(kind)

    def read(given: Any) -> Any:
        if type(given) is kind:
            return given
        if not isinstance(given, str):
            raise _wrong(given, kind)
        return known(given)

    return read


def _wrong(given: Any, kind: type) -> ValueError:
    return ValueError(f"{shown(str(given))} is no {kind.__name__}")


# What fields are made of


def matching(pattern: str) -> Reader:
    """Takes a text that is of this pattern from end to end."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{shown(text)} is not of the form {pattern}")
        return text

    return check


def _port(number: int) -> int:
    if not 1 <= number <= 65535:
        raise ValueError(f"{number} is not a valid port")
    return number


Name = Annotated[str, valid_name]
InterfaceName = Annotated[str, valid_interface]
Mac = Annotated[str, valid_mac]
NamespacePath = Annotated[str, valid_path]
Port = Annotated[int, _port]
GatewayMode = Literal["nat", "nat-unprotected", "routed", "isolated"]
"""What the host does between a subnet and the rest of the world, in Docker's words."""
