"""What another version of netbuilder left: its store is refused, and taken back; its table is exchanged, in use."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from netbuilder import Bridge, Container, Host, NetbuilderError, Network, NoNetwork, Sandbox, StepError, firewall
from netbuilder.engine.journal import VERSION
from netbuilder.kernel import nft
from netbuilder.steps import ExchangeTable
from tests.kernel.helpers import SOON, Lan, call, picture, shell

LAB = Network(name="lab", subnet="10.9.0.0/24")
OTHER = Network(name="other", subnet="10.8.0.0/24", internal=True)
WEB = Sandbox(name="web", mode=Bridge(network="lab", publish=["8088:80", "5353:53/udp", "127.0.0.1:9090:80"]))
DB = Sandbox(name="db", mode=Bridge(network="other"))
MATE = Sandbox(name="mate", mode=Container(sandbox="web"))
BARE = Sandbox(name="bare", mode=NoNetwork())
MAC = "02:00:00:00:00:01"
ALL = (LAB, OTHER, WEB, DB, MATE, BARE)


Change = Callable[[Path], object]


def rewrite(host: Host, change: Change) -> None:
    """Change the store of a host, as another program would."""
    host._call(lambda: change(host._engine.store.path))


def lines_of(path: Path) -> list[list[str]]:
    """What stands, a line each."""
    stands: dict[tuple[str, str], list[str]] = {}
    if not path.exists():
        return []
    for word, *fields in (line.split("\t") for line in path.read_text().splitlines()[1:] if line):
        if word == "stands":
            stands[fields[0], fields[1]] = [word, *fields]
    return list(stands.values())


def write(path: Path, lines: list[list[str]], version: int = VERSION) -> None:
    path.write_text("\n".join((f"netbuilder store, format {version}", "", *map("\t".join, lines), "", "")))


def edited(name: str, change: Callable[[Any], Any], field: int = 4) -> Change:
    """One unit with another JSON: of what it was resolved to, or of its records."""

    def edit(path: Path) -> None:
        lines = lines_of(path)
        for line in lines:
            if line[2] == name:
                new = change(json.loads(line[field]))
                line[field] = new if isinstance(new, str) else json.dumps(new)
        write(path, lines)

    return edit


def versioned(version: int) -> Change:
    return lambda path: write(path, lines_of(path), version)


@pytest.fixture
def again(host: Host) -> Iterator[Callable[[], Host]]:
    """Opens the host anew, as another program would."""
    hosts: list[Host] = []

    def make() -> Host:
        hosts.append(host._call(Host.current))
        return hosts[-1]

    yield make
    for one in hosts:
        one.close()


def database(path: Path, script: str) -> sqlite3.Connection:
    path.unlink()
    db = sqlite3.connect(path)
    db.executescript(script)
    return db


def as_of_the_first_version(path: Path) -> None:
    """As 0.1.0 wrote it: a database of other tables, no version, kinds and fields that are gone."""
    lines = lines_of(path)
    script = """
        CREATE TABLE made (kind TEXT, name TEXT, resolved TEXT, receipts TEXT, PRIMARY KEY (kind, name));
        CREATE TABLE intents (kind TEXT, name TEXT, receipts TEXT, PRIMARY KEY (kind, name));
    """
    with closing(database(path, script)) as db, db:
        for _, kind, name, _, resolved, records in lines:
            items = json.loads(records)
            for item in items:
                if item["step"] == "AddTable":
                    item["was_router"] = False
                if item["step"] == "AddBridge":
                    item["mac"] = "02:42:0a:09:00:01"
            kind = "rules" if kind == "firewall" else kind
            db.execute("INSERT INTO made VALUES (?, ?, ?, ?)", (kind, name, resolved, json.dumps(items)))


def as_of_the_last_database(path: Path) -> None:
    """As version 3 wrote it, with a journal beside it that is empty."""
    lines = lines_of(path)
    script = """
        CREATE TABLE units (kind TEXT, name TEXT, resolved TEXT, records TEXT, PRIMARY KEY (kind, name));
        CREATE TABLE intents (kind TEXT, name TEXT, records TEXT, PRIMARY KEY (kind, name));
        PRAGMA user_version = 3;
    """
    with closing(database(path, script)) as db, db:
        for _, kind, name, number, resolved, records in lines:
            row = kind, name, resolved, records, int(number)
            db.execute("INSERT INTO units (kind, name, resolved, records, rowid) VALUES (?, ?, ?, ?, ?)", row)
    path.with_name(f"{path.name}-journal").touch()


def as_of_a_later_version(path: Path) -> None:
    """A version that knows other words and fields, and what belongs to several things."""
    lines = lines_of(path)
    for line in lines:
        line[-1] = json.dumps([{**item, "since": 7} for item in json.loads(line[-1])])
        line.insert(4, "labels")
    write(path, [*lines, ["moment", "7"], ["stirs", "sandbox", "web", "[]"]], VERSION + 1)


with_a_field_less = edited("web", lambda one: {name: value for name, value in one.items() if name != "namespace"})
with_a_field_more = edited("lab", lambda one: one | {"color": "red"})
with_no_json = edited("db", lambda one: "{")


FOREIGN = [as_of_the_first_version, as_of_the_last_database, as_of_a_later_version]
UNREADABLE = [with_a_field_less, with_a_field_more, with_no_json]


@pytest.mark.parametrize("change", FOREIGN + UNREADABLE)
def test_a_store_that_cannot_be_used_says_so_and_is_taken_back(
    host: Host, again: Callable[[], Host], change: Change
) -> None:
    before = picture(host)
    host.apply(*ALL)
    stands = picture(host)
    rewrite(host, change)
    other = again()
    for use in (other.sandboxes, lambda: other.apply(BARE), lambda: other.diff(*ALL), lambda: other.destroy("web")):
        with pytest.raises(NetbuilderError, match=r"^/run/netbuilder/[0-9a-f]+\.db, where netbuilder keeps") as caught:
            use()
        assert "netbuilder down --all" in caught.value.hint
    assert picture(host) == stands
    removed = other.destroy_all()
    assert {change.name for change in removed} == {"lab", "other", "web", "db", "mate", "bare"}
    assert picture(host) == before
    other.apply(*ALL)
    assert not other.diff(*ALL)


def test_the_error_names_both_versions(host: Host, again: Callable[[], Host]) -> None:
    rewrite(host, versioned(99))
    with pytest.raises(NetbuilderError, match=rf"format 99; this one's is {VERSION}\)"):
        again().sandboxes()


@pytest.mark.parametrize(
    "item",
    [
        {"step": "AddTunnel", "name": "tun0", "before": None},
        {"step": "SetUp", "dev": "../../etc", "before": None},
        {"no": "step"},
        7,
        {"step": "AddNamespace", "name": "../../etc/passwd", "before": None},
        {
            "step": "AddVeth",
            "name": "v",
            "bridge": "b",
            "peer": "x" * 70_000,
            "netns": "web",
            "mac": "02:00:00:00:00:01",
        },
        {"step": "AddElement", "set": "publish_any4", "key": "icmp . 80", "data": "10.9.0.2 . 80", "before": None},
        {"step": "AddElement", "set": "bridges", "key": "999999", "before": None},
        {"step": "SetMtu", "dev": "eth0", "mtu": 1400, "before": "1; rm"},
        {"step": "Undo", "undone_step": {"step": "AddNamespace", "name": "zz"}, "before": None},
    ],
)
def test_a_record_that_is_not_understood_stops_nothing(
    host: Host, again: Callable[[], Host], caplog: pytest.LogCaptureFixture, item: object
) -> None:
    before = picture(host)
    host.apply(*ALL)

    rewrite(host, edited("web", lambda records: [*records, item], field=5))
    other = again()
    with pytest.raises(NetbuilderError, match=r"can't be read .*'sandbox' 'web'"):
        other.apply(WEB)
    other.destroy_all()
    assert picture(host) == before
    assert "not taken back, as this version of netbuilder does not know it: sandbox 'web': " in caplog.text


@pytest.mark.parametrize("before", ["a:b", "99999999999999"])
@pytest.mark.parametrize("key", ["net/ipv4", "net/ipv4/route/flush", "net/ipv4/ip_forward/x"])
def test_a_record_that_makes_no_sense_stops_nothing(
    host: Host, again: Callable[[], Host], before: str, key: str
) -> None:
    as_it_was = picture(host)
    host.apply(*ALL)
    items = [
        {"step": "SetMtu", "netns": "web", "dev": "eth0", "mtu": 1500, "before": before},
        {"step": "SetSysctl", "key": key, "value": "1", "before": None},
    ]

    ghost = ["stands", "network", "ghost", "7", "{}", json.dumps(items)]
    rewrite(host, lambda path: write(path, [*lines_of(path), ghost]))
    again().destroy_all()
    assert picture(host) == as_it_was


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT); INSERT INTO more (kind) VALUES ('x')",
        "CREATE TABLE more (kind TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID; INSERT INTO more VALUES ('a', 'b')",
        'CREATE TABLE "a""b" (kind TEXT, name TEXT, records TEXT)',
        "INSERT INTO units VALUES (NULL, NULL, NULL, NULL)",
        "INSERT INTO units VALUES ('sandbox', CAST(x'ff' AS TEXT), '{}', '[]')",
        f"INSERT INTO units VALUES ('tunnel', 'x', '{{}}', '{'[' * 100_000}')",
    ],
)
def test_a_database_of_another_shape_is_taken_back(host: Host, again: Callable[[], Host], change: str) -> None:
    before = picture(host)
    host.apply(*ALL)

    def spoil(path: Path) -> None:
        as_of_the_last_database(path)
        with closing(sqlite3.connect(path)) as db:
            db.executescript(f"{change}; PRAGMA user_version = 99")

    rewrite(host, spoil)
    with pytest.raises(NetbuilderError, match="format 99"):
        again().sandboxes()
    again().destroy_all()
    assert picture(host) == before
    host.apply(*ALL)
    assert not host.diff(*ALL)


@pytest.mark.parametrize(
    "line",
    [
        ["stands", "sandbox", "x"],
        ["stands", "tunnel", "x", "7", "{}", "[]"],
        ["stands", "sandbox", "x", "-7", "{}", "[]"],
        ["stands", "sandbox", "x", "9" * 5000, "{}", "[]"],
        ["stands", "sandbox", "\udcff", "7", "{}", "[]"],
        ["stands", "sandbox", "x", "7", "{}", "[" * 100_000],
        ["begin", "sandbox", "x", "[" * 100_000],
        ["begin", "sandbox", "x", "{}"],
        ["begin", "sandbox"],
        ["gone"],
        ["end", "sandbox"],
        ["\x1b[31m"],
        ["\x00" * 100],
    ],
)
@pytest.mark.parametrize("version", [VERSION, VERSION + 1])
def test_a_line_that_is_none_is_told_and_stops_no_taking_back(
    host: Host, again: Callable[[], Host], line: list[str], version: int
) -> None:
    before = picture(host)
    host.apply(*ALL)

    def spoil(path: Path) -> None:
        write(path, lines_of(path), version)
        with path.open("ab") as file:
            file.write("\t".join(line).encode(errors="surrogateescape") + b"\n\n")

    rewrite(host, spoil)
    with pytest.raises(NetbuilderError, match="where netbuilder keeps what it made") as caught:
        again().apply(*ALL)
    assert str(caught.value).isprintable()
    again().destroy_all()
    assert picture(host) == before
    host.apply(*ALL)
    assert not host.diff(*ALL)


@pytest.mark.parametrize("end", ["", "\n"])
def test_what_was_cut_short_was_not_written(host: Host, again: Callable[[], Host], end: str) -> None:
    """As a kill leaves it; who writes next cuts it off, and who reads meanwhile never sees it."""
    host.apply(LAB, WEB)
    other = again()

    def cut(path: Path) -> None:
        with path.open("a") as file:
            file.write("gone\tsandbox\tweb\nbegin\tnetwork\tlab\t[" + end)

    rewrite(host, cut)
    assert "web" in other and "web" in again() and "web" in host
    assert not host.diff(LAB, WEB)
    other.apply(BARE)
    assert set(host) == set(other) == set(again()) == {"web", "bare"}
    assert host._call(lambda: host._engine.store.path.read_text()).endswith("\nend\n\n")


def test_a_store_does_not_grow_for_good(host: Host, again: Callable[[], Host]) -> None:
    """What has been overtaken goes, other handles follow, and numbers stay."""
    host.apply(LAB, WEB)
    other, path, number = again(), host._engine.store.path, host["web"].number
    size = host._call(lambda: path.stat().st_size)
    inodes = set()
    for _ in range(60):
        host.apply(BARE, Sandbox(name="more", mode=Bridge(network="lab")))
        assert set(other) == {"web", "bare", "more"}
        host.destroy("bare", "more")
        inodes.add(host._call(lambda: path.stat().st_ino))
    assert len(inodes) > 1
    assert host._call(lambda: path.stat().st_size) < size + (1 << 16) + (1 << 14)
    for one in (host, other, again()):
        assert set(one) == {"web"}
        assert one["web"].number == number
    assert not other.diff(LAB, WEB)


def test_a_file_of_another_program_is_left_alone(host: Host, again: Callable[[], Host]) -> None:
    for text in ("# notes\n", "netbuilder store, format x\n\n", "netbuilder store, for", "\n\n"):
        rewrite(host, lambda path, text=text: path.write_text(text))  # type: ignore[misc]
        with pytest.raises(NetbuilderError, match="it is no store of netbuilder's") as caught:
            again()
        assert caught.value.hint
        assert host._call(lambda: host._engine.store.path.read_text()) == text


def test_a_version_is_looked_at_each_time(host: Host, again: Callable[[], Host]) -> None:
    other = again()
    host.apply(*ALL)
    rewrite(host, versioned(99))
    for one in (host, other):
        with pytest.raises(NetbuilderError, match="format 99"):
            one.apply(BARE)
    other.destroy_all()
    host.apply(*ALL)
    assert not other.diff(*ALL)


def test_what_no_name_can_be_is_not_read_back(host: Host, again: Callable[[], Host]) -> None:
    host.apply(*ALL)
    rewrite(host, edited("web", lambda one: one | {"name": "a\x1b[31m"}))
    with pytest.raises(NetbuilderError, match="can't be read") as caught:
        again().sandboxes()
    assert str(caught.value).isprintable()


# The table


def table_of(version: int) -> str:
    """The table as another version might have it: a set of another type, one less, a chain and a rule more."""
    (comment,) = firewall.outline()[""]
    text = firewall.ruleset().replace(comment, f"netbuilder ruleset {version}")
    text = text.replace("set gateways4 { type ipv4_addr; }", "set gateways4 { type ipv4_addr . ifname; }")
    text = text.replace("ip daddr @gateways4", "ip daddr . iifname @gateways4")
    text = re.sub(r"\t.*(set |@)made_router .*\n", "", text)
    return text.replace("\tchain output {", '\tchain theirs { drop comment "of another time"; }\n\tchain output {')


def exchange(host: Host, version: int) -> None:
    """Put another version's table in the place of ours, with what it had to know."""
    elements = """
    add element inet netbuilder bridges { "BRIDGE" }
    add element inet netbuilder icc { "BRIDGE" . "BRIDGE" }
    add element inet netbuilder gateways4 { 10.9.0.1 . "BRIDGE" }
    add element inet netbuilder subnets4 { "BRIDGE" . 10.9.0.0/24 }
    add element inet netbuilder publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }
    """.replace("BRIDGE", host.networks()[0].bridge)
    text = f"delete table inet netbuilder\n{table_of(version)}{elements}"
    host.run(["nft", "-f", "-"], input=text, text=True, check=True)


@pytest.mark.parametrize("version", [1, 2, 99])
def test_a_table_of_another_version_is_exchanged_with_its_elements(
    lan: Lan, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """In one transaction, whatever the call is about; what was published stays so, and open connections go on."""
    host = lan.host
    host.apply(*ALL)
    ours, before = shell(host, "nft list table inet netbuilder"), picture(host)
    with host["web"].socket() as server, lan.machine.socket() as client:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", 80))
        server.listen()
        client.settimeout(5)
        client.connect((lan.HOST, 8088))
        connection, _ = server.accept()
        exchange(host, version)
        assert shell(host, "nft list table inet netbuilder") != ours
        assert [type(step) for step in host.diff(*ALL).plan] == [ExchangeTable]
        transactions: list[str] = []
        run = nft.Nft.run
        monkeypatch.setattr(nft.Nft, "run", lambda self, text: transactions.append(text) or run(self, text))
        changes = host.apply(BARE)  # which has nothing to do with it
        assert len(transactions) == 1
        assert [(one.kind, one.action) for one in changes if one.action != "unchanged"] == [("firewall", "updated")]
        with connection:
            connection.sendall(b"still here")
            assert client.recv(100) == b"still here"
    assert shell(host, "nft list table inet netbuilder") == ours
    assert picture(host) == before
    assert not host.diff(*ALL)
    assert call(lan.machine, (lan.HOST, 8088), host["web"], 80, "tcp") == lan.MACHINE
    assert call(lan.machine, ("10.9.0.2", 80), host["web"], 80, "tcp", SOON) is None


def test_the_script_of_an_exchange_runs(host: Host) -> None:
    host.apply(*ALL)
    ours = shell(host, "nft list table inet netbuilder")
    exchange(host, 7)
    script = host.diff(*ALL).script()
    assert script.count("nft -f") == 1
    shell(host, script)
    assert shell(host, "nft list table inet netbuilder") == ours
    assert not host.diff(*ALL)


def test_an_exchange_that_fails_leaves_the_other_table(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(LAB, WEB)
    exchange(host, 2)
    theirs = shell(host, "nft list table inet netbuilder")
    with monkeypatch.context() as patch, pytest.raises(StepError, match="nft -f"):
        patch.setattr(ExchangeTable, "_text", lambda step: "delete table inet netbuilder\nadd rule inet no_such x drop")
        host.apply(LAB, WEB)
    assert shell(host, "nft list table inet netbuilder") == theirs
    host.apply(LAB, WEB)
    assert not host.diff(LAB, WEB)


def test_a_table_of_another_version_goes_with_everything(host: Host) -> None:
    before = picture(host)
    host.apply(*ALL)
    exchange(host, 2)
    host.destroy_all()
    assert picture(host) == before


def test_a_table_of_another_version_without_a_store_is_exchanged(host: Host, again: Callable[[], Host]) -> None:
    """Under a table of ours the host is a router because of us: it does not count as one for that."""
    host.apply(LAB)
    exchange(host, 1)
    shell(host, "rm -rf /run/netbuilder")
    other = again()
    other.apply(LAB, WEB)
    assert not other.diff(LAB, WEB)
    assert "ipv4" in shell(host, "nft list set inet netbuilder made_router")


def test_the_rules_are_what_nft_reads(host: Host) -> None:
    shell(host, f"nft -c -f - <<'EOF'\n{firewall.ruleset()}EOF")
