"""What another version of netbuilder left: its store is refused, and taken back; its table is exchanged, in use."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from netbuilder import Bridge, Container, Host, NetbuilderError, Network, NoNetwork, Sandbox, StepError, firewall
from netbuilder.engine.database import VERSION
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


Change = Callable[[sqlite3.Connection], object]


def rewrite(host: Host, change: Change) -> None:
    """Change the store of a host, as another program would."""

    def work() -> None:
        path = host._engine.store.path
        with closing(sqlite3.connect(f"{path.as_uri()}?vfs=unix-none", uri=True)) as db, db:
            change(db)

    host._call(work)


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


def as_of_the_first_version(db: sqlite3.Connection) -> None:
    """As 0.1.0 wrote it: other tables, no version, kinds and fields that are gone."""
    rows = db.execute("SELECT kind, name, resolved, records FROM units").fetchall()
    db.executescript(
        """
        DROP TABLE units; DROP TABLE intents; PRAGMA user_version = 0;
        CREATE TABLE made (kind TEXT, name TEXT, resolved TEXT, receipts TEXT, PRIMARY KEY (kind, name));
        CREATE TABLE intents (kind TEXT, name TEXT, receipts TEXT, PRIMARY KEY (kind, name));
        """
    )
    for kind, name, resolved, records in rows:
        items = json.loads(records)
        for item in items:
            if item["step"] == "AddTable":
                item["was_router"] = False
            if item["step"] == "AddBridge":
                item["mac"] = "02:42:0a:09:00:01"
        kind = "rules" if kind == "firewall" else kind
        db.execute("INSERT INTO made VALUES (?, ?, ?, ?)", (kind, name, resolved, json.dumps(items)))


def as_of_a_later_version(db: sqlite3.Connection) -> None:
    """A version that knows other fields, and what belongs to several things."""
    db.executescript(f"PRAGMA user_version = {VERSION + 1}; ALTER TABLE units ADD COLUMN labels TEXT")
    for kind, name, records in db.execute("SELECT kind, name, records FROM units").fetchall():
        items = [{**item, "since": 7} for item in json.loads(records)]
        db.execute("UPDATE units SET records = ? WHERE kind = ? AND name = ?", (json.dumps(items), kind, name))


def with_a_field_less(db: sqlite3.Connection) -> None:
    db.execute("UPDATE units SET resolved = json_remove(resolved, '$.namespace') WHERE name = 'web'")


def with_a_field_more(db: sqlite3.Connection) -> None:
    db.execute("UPDATE units SET resolved = json_set(resolved, '$.color', 'red') WHERE name = 'lab'")


def with_no_json(db: sqlite3.Connection) -> None:
    db.execute("UPDATE units SET resolved = '{' WHERE name = 'db'")


FOREIGN = [as_of_the_first_version, as_of_a_later_version]
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
    rewrite(host, lambda db: db.executescript("PRAGMA user_version = 99"))
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
        {"step": "AddElement", "set": "publish_any", "key": "sctp . 80", "data": "10.9.0.2 . 80", "before": None},
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

    def spoil(db: sqlite3.Connection) -> None:
        (records,) = db.execute("SELECT records FROM units WHERE name = 'web'").fetchone()
        spoilt = json.dumps([*json.loads(records), item])
        db.execute("UPDATE units SET records = ? WHERE name = 'web'", (spoilt,))

    rewrite(host, spoil)
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

    def spoil(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO units VALUES ('network', 'ghost', '{}', ?)", (json.dumps(items),))

    rewrite(host, spoil)
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
def test_a_store_of_another_shape_is_taken_back(host: Host, again: Callable[[], Host], change: str) -> None:
    before = picture(host)
    host.apply(*ALL)
    rewrite(host, lambda db: db.executescript(f"{change}; PRAGMA user_version = {VERSION + 1}"))
    again().destroy_all()
    assert picture(host) == before
    host.apply(*ALL)
    assert not host.diff(*ALL)


def test_a_version_is_looked_at_each_time(host: Host, again: Callable[[], Host]) -> None:
    other = again()
    host.apply(*ALL)
    rewrite(host, lambda db: db.executescript("PRAGMA user_version = 99"))
    for one in (host, other):
        with pytest.raises(NetbuilderError, match="format 99"):
            one.apply(BARE)
    other.destroy_all()
    host.apply(*ALL)
    assert not other.diff(*ALL)


def test_what_no_name_can_be_is_not_read_back(host: Host, again: Callable[[], Host]) -> None:
    host.apply(*ALL)
    rewrite(host, lambda db: db.execute("UPDATE units SET resolved = json_set(resolved, '$.name', 'a\x1b[31m')"))
    with pytest.raises(NetbuilderError, match="can't be read") as caught:
        again().sandboxes()
    assert str(caught.value).isprintable()


# The table


def table_of(version: int) -> str:
    """The table as another version might have it: a set of another type, one less, a chain and a rule more."""
    text = firewall.ruleset().replace('"netbuilder ruleset 4"', f'"netbuilder ruleset {version}"')
    text = text.replace("set gateways { type ipv4_addr; }", "set gateways { type ipv4_addr . ifname; }")
    text = text.replace("ip daddr @gateways", "ip daddr . iifname @gateways")
    text = re.sub(r"\tset forwarding .*\n", "", text)
    text = text.replace('\t\tmeta nfproto @forwarding accept comment "forwarded as before netbuilder"\n', "")
    return text.replace("\tchain output {", '\tchain theirs { drop comment "of another time"; }\n\tchain output {')


def exchange(host: Host, version: int) -> None:
    """Put another version's table in the place of ours, with what it had to know."""
    elements = """
    add element inet netbuilder bridges { "BRIDGE" }
    add element inet netbuilder icc { "BRIDGE" . "BRIDGE" }
    add element inet netbuilder gateways { 10.9.0.1 . "BRIDGE" }
    add element inet netbuilder subnets { "BRIDGE" . 10.9.0.0/24 }
    add element inet netbuilder publish_any { tcp . 8088 : 10.9.0.2 . 80 }
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
    assert "ipv4" not in shell(host, "nft list set inet netbuilder forwarding")


def test_the_rules_are_what_nft_reads(host: Host) -> None:
    path = Path(firewall.__file__).with_name("ruleset.nft")
    shell(host, f"nft -c -f {path}")
