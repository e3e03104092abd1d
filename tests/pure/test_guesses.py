"""Words that others use are answered with what to write, each at its place; and the table says what is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import netbuilder
from netbuilder import Bridge, Container, HostNetwork, LiveSandbox, Network, NotFound, PublishedPort, Sandbox
from netbuilder.host.arguments import program, sandbox_named
from netbuilder.resolve import resolve
from netbuilder.values.guesses import _TABLE, Answering, instead
from netbuilder.values.names import Numbered

KINDS: dict[str, Any] = {name: getattr(netbuilder, name) for name in _TABLE}


def has(kind: type) -> set[str]:
    """What a user may write there: a spec's fields, or a handle's attributes."""
    if issubclass(kind, BaseModel):
        return {*kind.model_fields}
    return {one for one in dir(kind) if not one.startswith("_")} | (
        {"resolved", "host"} if kind is LiveSandbox else set()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_guess_is_no_word_that_is_there(kind: str) -> None:
    assert not _TABLE[kind].keys() & has(KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_to_be_written_is_there(kind: str) -> None:
    for answer in set(_TABLE[kind].values()):
        assert answer.isprintable() and len(answer) < 90
        for word in re.findall(r"(?:^write|, or) (\w+)[=(,]", answer):
            assert word in has(KINDS[kind]) or word in has(netbuilder.Host), answer
        for called, field in re.findall(r"([A-Z]\w+)\([^()]*?(\w+)=", answer):
            assert field in has(getattr(netbuilder, called)), answer


@pytest.mark.parametrize(
    ("kind", "word", "answer"),
    [
        (Bridge, "ports", 'write publish=["8088:80"]'),
        (Bridge, "prots", 'write publish=["8088:80"]'),
        (Bridge, "adress", "did you mean address?"),
        (type("Mine", (Bridge,), {}), "ports", 'write publish=["8088:80"]'),
        (Bridge, "xyz", ""),
        (Bridge, "x" * 1_000_000, ""),
        (HostNetwork, "publish", "in host mode a server is simply on the host's ports: leave it out"),
    ],
)
def test_an_answer(kind: type[BaseModel], word: str, answer: str) -> None:
    assert instead(kind, word, kind.model_fields) == answer


def problems(call: Any, *args: Any, **fields: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        call(*args, **fields)
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


def test_each_unknown_field_is_named_at_its_place_beside_what_else_is_wrong() -> None:
    mode = {"kind": "bridge", "ports": [1], "publish": 8088, "ip": "10.9.0.2", "xyz": 1}
    assert problems(Sandbox, nmae="web", mode=mode, namespace="../x") == {
        "name": "Field required",
        "mode.bridge.publish": problems(Bridge, publish=8088)["publish"],
        "mode.bridge.ports": "'ports' is no field of Bridge: write publish=[\"8088:80\"]",
        "mode.bridge.ip": "'ip' is no field of Bridge: write address=\"10.9.0.2\"",
        "mode.bridge.xyz": "'xyz' is no field of Bridge",
        "namespace": problems(Sandbox, "web", namespace="../x")["namespace"],
        "nmae": "'nmae' is no field of Sandbox: did you mean name?",
    }


def test_in_json_too_and_what_is_hostile_stays_harmless() -> None:
    found = problems(Sandbox.model_validate_json, '{"name": "a", "\\u001b[31m{said}": 1, "publish": 1}')
    assert found["publish"] == "'publish' is no field of Sandbox: write mode=Bridge(publish=[…])"
    assert found[r"\x1b[31m{said}"] == r"'\x1b[31m{said}' is no field of Sandbox"
    assert problems(PublishedPort, port=80)["port"] == "'port' is no field of PublishedPort: write sandbox_port=…"


def test_what_is_told_of_other_fields_is_as_it_was() -> None:
    with pytest.raises(ValidationError) as caught:
        Network("lab", mtu=1, cidr="x", subnet="{error}")  # type: ignore[call-arg]
    mtu, subnet, cidr = sorted(
        caught.value.errors(), key=lambda one: ["mtu", "subnet", "cidr"].index(str(one["loc"][0]))
    )
    assert (mtu["type"], mtu["input"], mtu["ctx"]["ge"]) == ("greater_than_equal", 1, 68)
    assert (subnet["type"], str(subnet["ctx"]["error"])) == ("value_error", "'{error}' is not a valid IPv4 subnet")
    assert subnet["msg"] == "Value error, '{error}' is not a valid IPv4 subnet"
    assert (cidr["type"], cidr["input"]) == ("extra_forbidden", "x")


# Where a name is taken


class Anything:
    name = "lab"


NETWORK = resolve([Network("lab")]).networks[0]


@pytest.mark.parametrize("given", [Network("lab"), NETWORK, "lab"])
def test_a_network_is_taken_for_its_name(given: Any) -> None:
    assert Bridge(given) == Bridge(network="lab")
    assert type(Bridge(given).network) is str


@pytest.mark.parametrize(
    "given", [Path("x/lab"), Anything(), Anything, Bridge("lab"), {"name": "lab"}, None, 7, b"lab"]
)
def test_what_else_has_a_name_is_not(given: Any) -> None:
    kind = type(given).__name__
    assert problems(Bridge, given) == {
        "network": f'Value error, {kind} is no network: write network="NAME", or mode=Container(sandbox=…) to share a'
        " sandbox's own"
    }
    assert problems(Container, given) == {
        "sandbox": f'Value error, {kind} is no sandbox: write sandbox="NAME", or mode=Bridge(network=…) to be on a'
        " network"
    }


def test_nor_is_a_sandbox_for_a_network() -> None:
    assert "Sandbox 'web' is no network: write network=" in problems(Bridge, Sandbox("web"))["network"]
    assert "Network 'lab' is no sandbox: write sandbox=" in problems(Container, Network("lab"))["sandbox"]
    assert "ResolvedNetwork 'lab' is no sandbox: write" in problems(Container, NETWORK)["sandbox"]


def test_a_numbered_name_is_checked_like_any() -> None:
    assert Container(Numbered("web", 7)).sandbox.number == 7  # type: ignore[attr-defined]
    assert "is not a valid name" in problems(Container, Numbered("a b", 7))["sandbox"]
    assert type(Sandbox(Numbered("web", 7)).name) is str
    with pytest.raises(NotFound, match="'lab' is a network, and no sandbox"):
        sandbox_named(NETWORK)


# Attributes and programs


class Handle(Answering):
    """Has one attribute, and one that fails."""

    there = 1

    @property
    def failing(self) -> int:
        raise AttributeError("its own words")


def test_an_attribute_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match=r"^Handle has no attribute 'thera': did you mean there\?$"):
        Handle().thera  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"^Handle has no attribute '_there'$"):
        Handle()._there  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"^its own words$"):
        Handle().failing  # noqa: B018
    assert not hasattr(Handle(), "x")
    assert getattr(Handle(), "x", 7) == 7


@pytest.mark.parametrize(
    ("args", "options", "problem"),
    [
        ("ip addr", {}, r"a program is a list, .*: \['ip', 'addr'\], or \['sh', '-c', 'ip addr'\]"),
        (b"ip addr", {"shell": True}, r"a program is a list, .*: \['ip', 'addr'\], or"),
        (["ip addr"], {"shell": True}, r"leave out shell=True, or write \['sh', '-c', 'COMMAND'\]"),
    ],
)
def test_what_is_for_a_shell_is_refused(args: Any, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        program(args, options)
    assert program(["ip"], {"shell": False}) == ["ip"]
