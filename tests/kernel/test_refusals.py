"""What can't be is refused before the kernel is touched, with the place in the spec and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netbuilder import (
    Bridge,
    Container,
    Host,
    HostNetwork,
    NetbuilderError,
    Network,
    NoNetwork,
    NotFound,
    Plan,
    PublishedPort,
    Sandbox,
    SpecError,
)
from tests.kernel.helpers import picture

LAB = Network(name="lab", subnet="10.9.0.0/24")
TINY = Network(name="tiny", subnet="10.9.0.0/30")
SMALL = Network(name="small", subnet="10.9.0.0/29")
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80"]))


def on(network: str, name: str = "one", **options: Any) -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network=network, **options))


REFUSED: dict[str, tuple[tuple[Network | Sandbox, ...], str, str]] = {
    "a network given twice": ((LAB, LAB), "network lab", "twice"),
    "a sandbox given twice": ((LAB, WEB, WEB), "sandbox web", "twice"),
    "an undeclared network": ((on("nowhere"),), "network nowhere", "not declared"),
    "two networks of one subnet": ((LAB, SMALL), "network small.subnet", "overlaps 10.9.0.0/24 of network lab"),
    "two networks of one bridge": (
        (Network(name="a", bridge="b0"), Network(name="b", bridge="b0")),
        "network b.bridge",
        "is the bridge of network a",
    ),
    "an address outside": ((LAB, on("lab", address="10.8.0.2")), "sandbox one.mode.address", "outside 10.9.0.0/24"),
    "the first address": ((LAB, on("lab", address="10.9.0.0")), "sandbox one.mode.address", "reserved"),
    "the last address": ((LAB, on("lab", address="10.9.0.255")), "sandbox one.mode.address", "reserved"),
    "the gateway's address": ((LAB, on("lab", address="10.9.0.1")), "sandbox one.mode.address", "the gateway of"),
    "an address given twice": (
        (LAB, on("lab", address="10.9.0.7"), on("lab", "two", address="10.9.0.7")),
        "sandbox two.mode.address",
        "taken by sandbox one",
    ),
    "a full /30": ((TINY, on("tiny"), on("tiny", "two")), "sandbox two.mode.address", "every address of 10.9.0.0/30"),
    "a full /29": ((SMALL, *(on("small", f"n{n}") for n in range(6))), "sandbox n5.mode.address", "full"),
    "a port given twice": (
        (LAB, WEB, on("lab", publish=["8088:8080"])),
        "sandbox one.mode.publish[0]",
        "8088:8080/tcp is published by sandbox web",
    ),
    "a port given twice by one": (
        (LAB, on("lab", publish=["80:80", "80:81"])),
        "sandbox one.mode.publish[1]",
        "published by sandbox one",
    ),
    "a port on one address and on all": (
        (LAB, WEB, on("lab", publish=["127.0.0.1:8088:80"])),
        "sandbox one.mode.publish[0]",
        "published by sandbox web",
    ),
    "a container of nothing": (
        (Sandbox(name="log", mode=Container(sandbox="gone")),),
        "sandbox log.mode",
        "no sandbox gone",
    ),
    "a container of itself": (
        (Sandbox(name="log", mode=Container(sandbox="log")),),
        "sandbox log.mode",
        "log -> log",
    ),
    "containers in a circle": (
        tuple(Sandbox(name=name, mode=Container(sandbox=of)) for name, of in (("a", "b"), ("b", "c"), ("c", "a"))),
        "sandbox a.mode",
        "a -> b -> c -> a",
    ),
}


@pytest.mark.parametrize(("specs", "field", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_never_be(host: Host, specs: tuple[Network | Sandbox, ...], field: str, words: str) -> None:
    before = picture(host)
    for ask in (host.plan, host.diff, host.apply):
        with pytest.raises(SpecError) as caught:
            ask(*specs)
        assert caught.value.field == field
        assert words in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
    assert picture(host) == before
    assert host.sandboxes() == host.networks() == ()
    host.apply(LAB, WEB)
    assert host.diff(LAB, WEB).plan == Plan()


def test_what_clashes_with_what_stands(host: Host) -> None:
    host.apply(LAB, WEB)
    before = picture(host)
    for specs, words in (
        ((on("lab", address=str(host["web"].address)),), "taken by sandbox web"),
        ((on("lab", publish=["8088:90"]),), "published by sandbox web"),
        ((SMALL,), "overlaps"),
        ((Network(name="other", bridge=host.networks()[0].bridge),), "is the bridge of network lab"),
    ):
        with pytest.raises(SpecError, match=words):
            host.apply(*specs)
    assert picture(host) == before
    assert [sandbox.name for sandbox in host.sandboxes()] == ["web"]


def test_a_small_network_has_room_for_what_fits(host: Host) -> None:
    host.apply(TINY, on("tiny"))
    assert str(host["one"].address) == "10.9.0.2"
    host.apply(Network(name="eight", subnet="10.8.0.0/29"), *(on("eight", f"n{n}") for n in range(5)))
    with pytest.raises(SpecError, match="full"):
        host.apply(on("eight", "n5"))
    host.destroy("n2")
    host.apply(on("eight", "n5"))
    assert str(host["n5"].address) == "10.8.0.4"


# In use


def test_what_others_live_on_is_not_destroyed(host: Host) -> None:
    host.apply(LAB, WEB, *(Sandbox(name=name, mode=Container(sandbox="web")) for name in ("log", "trace")))
    before = picture(host)
    for name, users in (("lab", "web"), ("web", "log, trace")):
        with pytest.raises(SpecError, match=f"in use by {users}"):
            host.destroy(name)
    with pytest.raises(SpecError, match="in use by trace"):
        host.destroy("web", "log")
    assert picture(host) == before
    assert len(host.sandboxes()) == 3


@pytest.mark.parametrize("order", [("lab", "web", "log"), ("log", "web", "lab"), ("web", "lab", "log")])
def test_all_together_are_destroyed_in_any_order(host: Host, order: tuple[str, ...]) -> None:
    before = picture(host)
    host.apply(LAB, WEB, Sandbox(name="log", mode=Container(sandbox="web")))
    host.destroy(*order)
    assert picture(host) == before


def test_one_after_the_other(host: Host) -> None:
    before = picture(host)
    host.apply(LAB, WEB, Sandbox(name="log", mode=Container(sandbox="web")))
    for name in ("log", "web"):
        host[name].destroy()
        assert name not in host
    host.destroy(LAB)
    assert picture(host) == before


def test_a_name_that_a_sandbox_and_a_network_share(host: Host) -> None:
    host.apply(Network(name="web"), Sandbox(name="web", mode=Bridge(network="web")))
    host.destroy("web")
    assert "web" not in host
    assert [network.name for network in host.networks()] == ["web"]
    host.destroy("web")
    assert not host.networks()


def test_the_namespace_of_container_mode(host: Host) -> None:
    """A chain of them ends in the namespace of the first, and so does host mode."""
    host.apply(
        Sandbox(name="c", mode=Container(sandbox="b")),
        Sandbox(name="b", mode=Container(sandbox="a")),
        Sandbox(name="a", mode=NoNetwork()),
        Sandbox(name="on-host", mode=Container(sandbox="top")),
        Sandbox(name="top", mode=HostNetwork()),
    )
    assert [host[name].namespace for name in "abc"] == [host["a"].namespace] * 3
    assert host["on-host"].namespace is None
    host.apply(Sandbox(name="d", mode=Container(sandbox="c")))
    assert host["d"].namespace == host["a"].namespace


def test_what_is_not_there(host: Host) -> None:
    for ask in (lambda: host["web"], lambda: host.destroy("web"), lambda: host.destroy(LAB), lambda: host.destroy(WEB)):
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.hint
    assert "web" not in host
    host.destroy_all()


# Hostile words

HOSTILE = [
    "",
    " ",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "web\n",
    "web\x00",
    "web;reboot",
    "web$(reboot)",
    "`reboot`",
    "we'b",
    'we"b',
    "we\\b",
    "-rf",
    "--help",
    "web{",
    "}",
    "*",
    "@bridges",
    "väb",
    "\u202eweb",
    "x" * 10_000,
    None,
    7,
    b"web",
    ["web"],
]
FIELDS = {
    "network name": lambda text: Network(name=text),
    "network bridge": lambda text: Network(name="lab", bridge=text),
    "network subnet": lambda text: Network(name="lab", subnet=text),
    "network gateway": lambda text: Network(name="lab", subnet="10.9.0.0/24", gateway=text),
    "sandbox name": lambda text: Sandbox(name=text),
    "sandbox network": lambda text: Sandbox(name="web", mode=Bridge(network=text)),
    "sandbox address": lambda text: Sandbox(name="web", mode=Bridge(address=text)),
    "sandbox mac": lambda text: Sandbox(name="web", mode=Bridge(mac=text)),
    "sandbox port": lambda text: Sandbox(name="web", mode=Bridge(publish=[text])),
    "sandbox port's address": lambda text: PublishedPort(sandbox_port=80, host_ip=text),
    "sandbox of container mode": lambda text: Sandbox(name="log", mode=Container(sandbox=text)),
    "sandbox namespace": lambda text: Sandbox(name="web", namespace=text),
}
MEANS_SOMETHING = {
    ("network bridge", None),
    ("network subnet", None),
    ("network gateway", None),
    ("sandbox address", None),
    ("sandbox mac", None),
    ("sandbox namespace", None),
    ("sandbox port", 7),
    ("sandbox port's address", None),
    ("sandbox namespace", 7),
    ("sandbox namespace", "/etc/passwd"),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text)[:20])
def test_hostile_words_are_no_spec(field: str, text: Any) -> None:
    if isinstance(text, list) or (field, text) not in MEANS_SOMETHING:
        with pytest.raises(ValidationError) as caught:
            FIELDS[field](text)
        assert len(str(caught.value.errors()[0]["msg"])) < 300


@pytest.mark.parametrize("word", ["accept", "drop", "table", "masquerade", "dnat", "up", "all", "default", "lo"])
def test_words_of_the_rules_are_no_bridges(word: str) -> None:
    with pytest.raises(ValidationError):
        Network(name="lab", bridge=word)


@pytest.mark.parametrize(
    "word", ["accept", "drop", "table", "masquerade", "dnat", "up", "all", "default", "lo", "-1", "0"]
)
def test_words_of_the_rules_as_names(host: Host, word: str) -> None:
    """Where a name is no interface's, they are as good as any other; a name that begins with a dash is none."""
    if word.startswith("-"):
        with pytest.raises(ValidationError):
            Sandbox(name=word)
        return
    before = picture(host)
    specs = Network(name=word), Sandbox(name=word, mode=Bridge(network=word, publish=["8088:80"]))
    host.apply(*specs)
    assert host.diff(*specs).plan == Plan()
    host.destroy_all()
    assert picture(host) == before


@pytest.mark.parametrize("name", ["../../tmp/x", "web;reboot", "x" * 10_000, "web\n", "-n", ".."])
def test_a_spec_made_behind_its_back_is_refused_too(host: Host, name: str) -> None:
    """`model_construct` checks nothing; the steps do."""
    before = picture(host)
    for specs in (
        [Sandbox.model_construct(name=name, mode=NoNetwork(), namespace=None)],
        [LAB.model_copy(update={"bridge": name})],
        [LAB, Sandbox(name="web", mode=Bridge.model_construct(network="lab", mac=name, address=None, publish=()))],
    ):
        with pytest.raises((NetbuilderError, ValueError)):
            host.apply(*specs)
    assert picture(host) == before


@pytest.mark.parametrize("text", [text for text in HOSTILE if isinstance(text, str)], ids=lambda text: repr(text)[:20])
def test_hostile_words_are_no_names_to_look_up(host: Host, text: str) -> None:
    for ask in (host.__getitem__, host.destroy):
        with pytest.raises(NotFound) as caught:
            ask(text)
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()
    assert text not in host
