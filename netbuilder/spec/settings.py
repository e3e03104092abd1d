"""What is given by name: labels, and settings of the kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from netbuilder.errors import shown
from netbuilder.values.frozen import FrozenDict


def _labels(labels: Mapping[str, str]) -> FrozenDict:
    for key, value in labels.items():
        if not 1 <= len(key) <= 255 or len(value) > 4096 or not (key.isprintable() and value.isprintable()):
            raise ValueError(f"{shown(key)}: a label is a name of up to 255 characters, and text that can be printed")
    return FrozenDict(labels)


Labels = Annotated[dict[str, str], AfterValidator(_labels), Field(default_factory=FrozenDict)]
"""What a network or sandbox is labelled with, by name; netbuilder itself goes by none of them."""

_Any = TypeVar("_Any")
_SYSCTL = re.compile(r"net(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*){2,6}")
INTERFACE_SETTING = re.compile(r"net/(?:ipv4|ipv6|mpls)/(?:conf|neigh)/([^/]+)/")
"""A setting of one interface, which is there once the interface is."""
_SYSCTL_VALUE = re.compile(r"-?[A-Za-z0-9_.]{1,32}(?:[ \t]-?[A-Za-z0-9_.]{1,32}){0,7}")


def _sysctls(given: object) -> object:
    """Settings as `sysctl -w` takes them: the first separator says whether a dot separates or is part of a name."""
    if not isinstance(given, Mapping):
        raise ValueError('sysctls are given by name, like {"net.ipv4.ip_forward": "1"}')
    return FrozenDict({_sysctl_key(key): _sysctl_value(key, value) for key, value in given.items()})


def _sysctl_key(key: object) -> str:
    text = str(key)
    dot, slash = text.find("."), text.find("/")
    if dot >= 0 and (slash < 0 or dot < slash):
        text = text.translate(str.maketrans("./", "/."))
    if not _SYSCTL.fullmatch(text) or len(text) > 120:
        raise ValueError(f"{shown(str(key))} is not a setting of a network namespace, like net.ipv4.ip_forward")
    return text


def _sysctl_value(key: object, value: object) -> str:
    text = str(int(value)) if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int) or not _SYSCTL_VALUE.fullmatch(text):
        raise ValueError(f"{shown(str(key))}: {shown(text)} is not a number, a word or a few of them")
    return text


def once(given: tuple[_Any, ...]) -> tuple[_Any, ...]:
    """What is given once each; ValueError, if anything is twice."""
    for at, one in enumerate(given):
        if one in given[:at]:
            raise ValueError(f"{one} is given twice")
    return given


Sysctls = Annotated[
    dict[str, str], BeforeValidator(_sysctls), AfterValidator(FrozenDict), Field(default_factory=FrozenDict)
]
"""Settings under net of /proc/sys, by their name with slashes: net/ipv4/ip_forward."""
