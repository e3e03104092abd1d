"""The command line on throw-away hosts: each call is a process of its own, as a user's is."""

from __future__ import annotations

import fcntl
import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from netbuilder import Bridge, Container, Host, Network, Plan, Sandbox
from netbuilder.compose import parse
from tests.benchmarks.counts import counted
from tests.kernel.helpers import missing, picture, shell
from tests.kernel.leftovers import wait_until

NETBUILDER = [sys.executable, "-m", "netbuilder"]

LAB = """
services:
  web: { ports: ["8088:80", "127.0.0.1:9090:90/udp"], networks: [lab] }
  db: { networks: { lab: { ipv4_address: 10.9.0.9, mac_address: "02:42:ab:00:00:09" } } }
  side: { network_mode: "service:web" }
  bare: { network_mode: none }
  onhost: { network_mode: host }
networks:
  lab: { ipam: { config: [ { subnet: 10.9.0.0/24 } ] } }
"""
OTHER = """
services: { alone: { networks: [far] } }
networks: { far: { ipam: { config: [ { subnet: 10.8.0.0/24 } ] } } }
"""
GUESTS = """
services: { guest: { networks: [lab] }, mate: { network_mode: "container:web" } }
networks: { lab: { ipam: { config: [ { subnet: 10.9.0.0/24 } ] } } }
"""
MANY = (
    "services: {" + ", ".join(f"s{number}: {{ networks: [many] }}" for number in range(300)) + "}\n"
    "networks: { many: { ipam: { config: [ { subnet: 10.7.0.0/16 } ] } } }"
)


class Cli:
    """The command line on a host, in a directory with files to name."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, directory
        for name, text in {"compose": LAB, "other": OTHER, "guests": GUESTS, "many": MANY}.items():
            (directory / f"{name}.yaml").write_text(text)

    def __call__(self, *words: str, status: int = 0, **options: Any) -> str:
        """What a call prints that must end with a status; on an error, what it complains of."""
        done = self.host.run([*NETBUILDER, *words], capture_output=True, text=True, cwd=self.directory, **options)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return str(done.stdout if status == 0 else done.stdout + done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A call that runs beside the test."""
        return self.host.popen(
            [*NETBUILDER, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.directory
        )

    def answers(self, *lines: str) -> list[str]:
        """What several calls print, all in one process: Python takes longer to start than they take."""
        code = "import sys, netbuilder.cli\nfor line in sys.argv[1:]: print(end=str(netbuilder.cli.main(line.split())))"
        done = self.host.run([sys.executable, "-c", code, *lines], capture_output=True, text=True, cwd=self.directory)
        assert done.returncode == 0, done.stderr
        return re.findall(r"(.*?)\n0", done.stdout, re.DOTALL)

    def json(self, *words: str) -> Any:
        """What a call prints as JSON."""
        return json.loads(self(*words, "--format", "json"))

    def names(self) -> set[str]:
        """The sandboxes that stand."""
        return {one["name"] for one in self.json("ps")}


@pytest.fixture
def cli(host: Host, tmp_path: Path) -> Cli:
    return Cli(host, tmp_path)


# There and back


def test_up_and_down_leave_the_host_as_it_was(cli: Cli) -> None:
    before = picture(cli.host)
    assert cli("up").splitlines() == [
        " ✔ Network lab  Created",
        " ✔ Sandbox web  Created",
        " ✔ Sandbox db  Created",
        " ✔ Sandbox side  Created",
        " ✔ Sandbox bare  Created",
        " ✔ Sandbox onhost  Created",
    ]
    assert cli("diff") == ""
    assert cli("up") == "nothing to do\n"
    assert cli("down").count("Removed") == 6
    assert cli("down") == "nothing to do\n"
    assert picture(cli.host) == before


def test_up_shows_the_commands_of_the_plan(cli: Cli) -> None:
    plan = [line for line in cli("plan").splitlines()[2:] if line]
    shown = [line for line in cli("up", "-v").splitlines() if line and not line.startswith(" ✔ ")]
    assert shown == plan


def test_the_plan_is_a_script_that_does_it(cli: Cli) -> None:
    plan = cli.host.plan(*parse(LAB).specs)
    shell(cli.host, cli("plan"))
    assert missing(cli.host, plan) == Plan()


def test_diff_prints_what_is_missing_as_a_script_that_repairs_it(cli: Cli) -> None:
    cli("up")
    shell(cli.host, "ip -n web link set eth0 down")
    script = cli("diff", status=1)
    assert script == (
        "#!/bin/sh\nset -eu\n\n"
        "# bring up the inner end\nip -n web link set eth0 up\n\n"
        "# default route: everything else goes via the bridge's address\n"
        "ip -n web route add default via 10.9.0.1 dev eth0\n"
    )
    shell(cli.host, script)
    assert cli("diff") == ""


def test_diff_takes_back_what_a_changed_file_no_longer_asks_for(cli: Cli) -> None:
    cli("up")
    file = cli.directory / "compose.yaml"
    file.write_text(LAB.replace('"8088:80", ', ""))
    gone = "nft 'delete element inet netbuilder publish_any4 { tcp . 8088 }'"
    script = cli("diff", status=1)
    assert [line for line in script.splitlines()[2:] if line and not line.startswith("# ")] == [gone]
    assert gone in cli("up", "-v")
    assert cli("diff") == ""


def test_diff_tells_of_sandboxes_that_take_no_commands(cli: Cli) -> None:
    (cli.directory / "host.yaml").write_text("services: { app: { network_mode: host } }")
    note = "# sandbox app: to be created, which takes no commands\n"
    assert cli("diff", "-f", "host.yaml", status=1) == note
    cli("up", "-f", "host.yaml")
    assert cli("diff", "-f", "host.yaml") == ""


def test_one_that_shares_with_a_host_mode_sandbox_is_listed(cli: Cli) -> None:
    text = "services: { app: { network_mode: host }, mate: { network_mode: 'service:app' } }"
    (cli.directory / "host.yaml").write_text(text)
    cli("up", "-f", "host.yaml")
    assert "mate  container:app" in cli("ps")


def on_a_terminal(cli: Cli, *words: str, wide: int = 80) -> str:
    """What a call prints on a terminal that is so wide; its standard error too."""
    script = f"stty cols {wide} rows 24; unset COLUMNS; {shlex.join([*NETBUILDER, *words])}"
    call = ["script", "-qec", script, "/dev/null"]
    return str(cli.host.run(call, capture_output=True, text=True, cwd=cli.directory, check=True).stdout)


@pytest.mark.parametrize("words", [["ps"], ["networks"], ["links"]], ids=" ".join)
def test_a_terminal_gets_a_table_that_fits(cli: Cli, words: list[str]) -> None:
    cli("up")
    shell(cli.host, "nft flush chain inet netbuilder forward")
    lines = on_a_terminal(cli, *words).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) > 1
    table, *how_to_mend = cli(*words).split("\n\n")
    assert len(table.splitlines()) == 1 + (1 if words == ["networks"] else 2 if words == ["links"] else 5)
    assert [one.partition(":")[0] for one in how_to_mend] == ([] if words == ["links"] else ["broken"])


def test_a_terminal_shows_progress_and_a_pipe_does_not(cli: Cli) -> None:
    shown = on_a_terminal(cli, "up", "-f", "many.yaml")
    assert "sandbox 1 of 300: s0" in shown
    assert (
        "sandbox"
        not in cli.host.run(
            [*NETBUILDER, "down", "-f", "many.yaml"], capture_output=True, text=True, cwd=cli.directory
        ).stderr
    )
    cli("up", "-f", "many.yaml")
    assert [line.strip() for line in shown.splitlines()[-3:]] == [
        "✔ 1 network  Created",
        "✔ 300 sandboxes  Created",
        "(-v lists them)",
    ]
    assert cli("down", "-f", "many.yaml").splitlines() == [
        " ✔ 300 sandboxes  Removed",
        " ✔ 1 network  Removed",
        "   (-v lists them)",
    ]


def test_up_repairs_what_was_damaged(cli: Cli) -> None:
    cli("up")
    shell(cli.host, "ip -n db address flush dev eth0; nft flush chain inet netbuilder forward")
    assert cli("up").splitlines() == [" ✔ Firewall  Repaired", " ✔ Sandbox db  Repaired"]
    assert cli("up") == "nothing to do\n"


def test_up_changes_what_is_asked_for_otherwise(cli: Cli) -> None:
    cli("up")
    (cli.directory / "compose.yaml").write_text(LAB.replace("8088:80", "8089:80"))
    assert cli("up") == " ✔ Sandbox web  Updated\n"
    (cli.directory / "compose.yaml").write_text(LAB.replace('"8088:80", ', ""))
    assert cli("up") == " ✔ Sandbox web  Updated\n"
    assert [port["host_port"] for port in cli.json("inspect", "web")["ports"]] == [9090]


# More than one file


def test_down_leaves_what_another_file_made(cli: Cli) -> None:
    cli("up", "-f", "other.yaml")
    before = picture(cli.host)
    cli("up")
    cli("down")
    assert picture(cli.host) == before
    assert cli("down", "-f", "other.yaml").splitlines() == [
        " ✔ Sandbox alone  Removed",
        " ✔ Network far  Removed",
    ]


def test_down_names_who_shares_with_one_that_shares_itself(cli: Cli) -> None:
    """The third names the second, and lives in the namespace of the first."""
    (cli.directory / "two.yaml").write_text(
        "services: {first: {network_mode: none}, second: {network_mode: 'service:first'}}"
    )
    (cli.directory / "one.yaml").write_text("services: {third: {network_mode: 'container:second'}}")
    cli("up", "-f", "two.yaml")
    cli("up", "-f", "one.yaml")
    assert cli("down", "-f", "two.yaml").splitlines() == [
        " - Sandbox second  In use by third",
        " - Sandbox first  In use by second, third",
    ]


def test_down_leaves_what_others_use(cli: Cli) -> None:
    cli("up")
    cli("up", "-f", "guests.yaml")
    said = cli("down").splitlines()
    assert " - Sandbox web  In use by mate" in said
    assert " - Network lab  In use by guest, web" in said
    assert cli.names() == {"web", "guest", "mate"}
    cli("down", "-f", "guests.yaml")
    assert cli("down").splitlines() == [" ✔ Sandbox web  Removed", " ✔ Network lab  Removed"]


def test_down_takes_the_default_network_with_its_last_sandbox(cli: Cli) -> None:
    before = picture(cli.host)
    text = "services: { web: { network_mode: bridge } }"
    assert " ✔ Network bridge  Created" in cli("up", "-f", "-", input=text)
    assert " ✔ Network bridge  Removed" in cli("down", "-f", "-", input=text)
    assert picture(cli.host) == before


def test_down_all(cli: Cli) -> None:
    before = picture(cli.host)
    cli("up")
    cli("up", "-f", "other.yaml")
    assert cli("down", "--all").count("Removed") == 8
    assert cli("down", "--all") == "nothing to do\n"
    assert picture(cli.host) == before


# What stands


def test_ps_is_a_table_whose_lines_are_whole(cli: Cli) -> None:
    assert cli("ps") == "no sandboxes on this host yet: netbuilder up makes some\n"
    cli("up")
    heading, *rows = cli("ps").splitlines()
    assert heading.split() == ["NAME", "MODE", "NETWORK", "ADDRESS", "MAC", "PORTS", "NAMESPACE", "STATE"]
    ports = "8088->80/tcp, 127.0.0.1:9090->90/udp"
    wired = ["lab", "10.9.0.2", "02:42:0a:09:00:02", ports, "/run/netns/web", "ok"]
    assert [re.split("  +", row) for row in rows] == [
        ["web", "bridge", *wired],
        ["db", "bridge", "lab", "10.9.0.9", "02:42:ab:00:00:09", "-", "/run/netns/db", "ok"],
        ["side", "container:web", *wired],
        ["bare", "none", "-", "-", "-", "-", "/run/netns/bare", "ok"],
        ["onhost", "host", "-", "-", "-", "-", "the host's", "ok"],
    ]


def test_ps_as_json(cli: Cli) -> None:
    assert cli.json("ps") == []
    cli("up")
    seen = {one["name"]: one for one in cli.json("ps")}
    assert seen["web"] == {
        "name": "web",
        "mode": "bridge",
        "shares": None,
        "namespace": "/run/netns/web",
        "endpoints": [
            {
                "network": "lab",
                "bridge": "br-a51146d38077",
                "veth": "veth18926d6",
                "interface": "eth0",
                "addresses": ["10.9.0.2/24"],
                "link_local": [],
                "gateways": ["10.9.0.1"],
                "gw_priority": 0,
                "mac": "02:42:0a:09:00:02",
                "mtu": None,
            }
        ],
        "ports": [
            {"sandbox_port": 80, "host_port": 8088, "host_ip": "0.0.0.0", "protocol": "tcp"},
            {"sandbox_port": 90, "host_port": 9090, "host_ip": "127.0.0.1", "protocol": "udp"},
        ],
        "waiting": [],
        "state": "ok",
        "broken": None,
    }
    assert seen["side"] == {**seen["web"], "name": "side", "mode": "container", "shares": "web"}
    nothing = {"shares": None, "endpoints": [], "ports": [], "waiting": [], "state": "ok", "broken": None}
    assert seen["bare"] == {"name": "bare", "mode": "none", "namespace": "/run/netns/bare", **nothing}
    assert seen["onhost"] == {"name": "onhost", "mode": "host", "namespace": None, **nothing}


def test_networks_as_json(cli: Cli) -> None:
    assert cli.json("networks") == []
    assert cli("networks") == "no networks on this host yet: netbuilder up makes some\n"
    cli("up")
    cli("up", "-f", "guests.yaml")
    assert cli.json("networks") == [
        {
            "name": "lab",
            "bridge": "br-a51146d38077",
            "adopted": False,
            "subnets": ["10.9.0.0/24"],
            "gateways": ["10.9.0.1"],
            "gateway_modes": ["nat"],
            "mac": "02:42:0a:09:00:01",
            "mtu": None,
            "masquerade": True,
            "internal": False,
            "icc": True,
            "labels": {},
            "sandboxes": ["web", "db", "guest"],
            "state": "ok",
            "broken": None,
        }
    ]


# What is broken

BRIDGE, VETH = "br-a51146d38077", "veth18926d6"
ALL, ON_LAB, ONE = {"web", "side", "db"}, {"web", "side", "db"}, {"web", "side"}


@pytest.mark.parametrize(
    ("damage", "whose", "fact"),
    [
        ("nft flush ruleset", ALL, "the rules, once for all networks"),
        ("nft delete table inet netbuilder", ALL, "the rules, once for all networks"),
        ("nft flush chain inet netbuilder forward", ALL, "the rules, once for all networks"),
        ("echo 0 > /proc/sys/net/ipv4/ip_forward", ALL, "forwarding: "),
        ("nft flush map inet netbuilder publish_any4", ONE, "published port 8088:80/tcp"),
        (f"ip address flush dev {BRIDGE}", ON_LAB, "the bridge's address"),
        (f"ip link set {BRIDGE} down", ON_LAB, "bring up the bridge"),
        (f"ip link del {BRIDGE}", ON_LAB, "the bridge of network lab"),
        (f"echo 0 > /proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet", ON_LAB, "published ports on 127.0.0.0/8"),
        (f"ip link set {VETH} down", ONE, "bring up the host's end"),
        (f"ip link set {VETH} nomaster", ONE, "a veth pair: "),
        (f"ip link set {VETH} type bridge_slave hairpin off", ONE, "let web reach itself"),
        ("ip -n web link set eth0 down", ONE, "bring up the inner end"),
        ("ip -n web link set lo down", ONE, "bring up the loopback"),
        ("ip -n web link del eth0", ONE, "a veth pair: "),
        ("ip -n web route del default", ONE, "default route: "),
        ("ip -n web address flush dev eth0", ONE, "web's address on network lab"),
        ("ip netns exec web sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'", ONE, "no IPv6 inside"),
        ("ip -n bare link set lo down", {"bare"}, "bring up the loopback"),
    ],
)
def test_what_is_broken_is_shown_with_the_first_fact_that_does_not_hold(
    cli: Cli, damage: str, whose: set[str], fact: str
) -> None:
    cli("up")
    shell(cli.host, damage)
    (name, *_) = sorted(whose, reverse=True)
    json_of = ("ps --format json", "networks --format json", f"inspect {name} --format json")
    *told, text, _, repaired = cli.answers(*json_of, f"inspect {name}", "up", "ps --format json")
    sandboxes, (network,), page = map(json.loads, told)
    seen = {one["name"]: one for one in sandboxes}
    assert {name for name, one in seen.items() if one["state"] == "broken"} == whose
    assert all(seen[name]["broken"].startswith(fact) for name in whose)
    assert all(one["broken"] is None for name, one in seen.items() if name not in whose)
    assert (network["state"] == "broken") == (whose is ON_LAB or whose is ALL)
    assert (page["state"], page["broken"]) == ("broken", page["missing"][0]["why"])
    assert f"BROKEN: {page['broken']}" in text
    assert {one["state"] for one in json.loads(repaired)} == {"ok"}


def test_what_runs_well_is_never_broken(cli: Cli) -> None:
    """What is made otherwise than by a step of ours: adopted, by hand, by the script of a plan."""
    shell(cli.host, "ip netns add old && ip link add br-mine type bridge && ip link set br-mine up")
    cli.host.apply(
        Network(name="mine", bridge="br-mine", subnet="10.6.0.0/24"),
        Network(name="vault", internal=True, mtu=1400),
        Sandbox(name="kept", namespace="/run/netns/old", mode=Bridge(network="mine")),
        Sandbox(name="safe", mode=Bridge(network="vault")),
        Sandbox(name="mate", mode=Container(sandbox="safe")),
    )
    cli("up")
    assert {one["name"]: one["state"] for one in cli.json("ps") if one["state"] != "ok"} == {}
    assert {one["state"] for one in cli.json("networks")} == {"ok"}


def test_ps_looks_once_and_waits_for_nobody(cli: Cli) -> None:
    cli("up")
    lock = cli.host._engine.store._journal._host_lock
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert counted(cli.host.missing)["observes"] == 1
        assert cli.names() == {"web", "db", "side", "bare", "onhost"}
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def test_to_look_leaves_no_namespace_open(cli: Cli) -> None:
    cli("up")
    cli.host.missing()
    before = len(list(Path("/proc/self/fd").iterdir()))
    cli.host.missing()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_ps_while_sandboxes_come_and_go_never_fails(cli: Cli) -> None:
    cli("up", "-f", "other.yaml")
    with cli.start("up", "-f", "many.yaml") as up:
        while up.poll() is None:
            assert cli.names() >= {"alone"}
    with cli.start("down", "-f", "many.yaml") as down:
        while down.poll() is None:
            assert {one["name"]: one["state"] for one in cli.json("ps")}["alone"] == "ok"
    assert [one["state"] for one in cli.json("ps")] == ["ok"]


def test_ten_thousand_ports_are_a_range(cli: Cli) -> None:
    text = "services: { media: { ports: ['10000-12999:10000-12999', '10000-12999:10000-12999/udp'] } }"
    cli("up", "-f", "-", input=text)
    ports = "10000-12999->10000-12999/tcp, 10000-12999->10000-12999/udp"
    assert f"  {ports}  " in cli("ps")
    page = cli("inspect", "media")
    assert f"PORTS        {ports}\n" in page
    assert len(page.splitlines()) < 300
    (media,) = cli.json("ps")
    assert media["ports"] == [
        {"sandbox_port": port, "host_port": port, "host_ip": "0.0.0.0", "protocol": protocol}
        for protocol in ("tcp", "udp")
        for port in range(10000, 13000)
    ]


# Some services, and what is none of them


def test_up_and_down_by_name(cli: Cli) -> None:
    before = picture(cli.host)
    assert cli("up", "side").splitlines() == [
        " ✔ Network lab  Created",
        " ✔ Sandbox web  Created",
        " ✔ Sandbox side  Created",
    ]
    assert cli("-f", "compose.yaml", "up", "db", "bare").count("Created") == 2
    assert cli("down", "db").splitlines() == [" ✔ Sandbox db  Removed", " - Network lab  In use by web"]
    assert cli("down", "web").splitlines() == [" - Network lab  In use by web", " - Sandbox web  In use by side"]
    assert cli.names() == {"web", "side", "bare"}
    assert sorted(cli("down", "side", "web", "bare").splitlines()) == [
        " ✔ Network lab  Removed",
        " ✔ Sandbox bare  Removed",
        " ✔ Sandbox side  Removed",
        " ✔ Sandbox web  Removed",
    ]
    assert picture(cli.host) == before


def test_what_was_left_behind_is_named_and_goes_by_name(cli: Cli) -> None:
    cli("up", "-f", "other.yaml")
    cli("up")
    cli("up", "-f", "guests.yaml")
    (cli.directory / "compose.yaml").write_text(LAB.replace("  db:", "  database:"))
    done = cli.host.run([*NETBUILDER, "up", "bare"], capture_output=True, text=True, cwd=cli.directory)
    assert done.stderr.splitlines()[0] == (
        "netbuilder: warning: on this file's networks, and none of its services: db, guest, mate"
    )
    assert cli("down", "db").splitlines()[0] == " ✔ Sandbox db  Removed"
    assert cli.names() == {"web", "side", "bare", "onhost", "guest", "mate", "alone"}
    assert "there is none named 'alone'" in cli("down", "alone", status=2)


def test_a_clash_on_the_host_is_told_in_the_words_of_the_file(cli: Cli) -> None:
    cli("up")
    (cli.directory / "new.yaml").write_text("services:\n  new:\n    ports:\n      - 90\n      - 8088:80\n")
    assert cli("up", "-f", "new.yaml", status=2) == (
        "netbuilder: error: new.yaml:5: services.new.ports[1]: host port 8088:80/tcp is published by sandbox web"
        " already\nnetbuilder: hint: choose another host port\n"
    )


def test_a_namespace_that_is_gone_is_shown_and_made_again(cli: Cli) -> None:
    cli("up", "-f", "other.yaml")
    shell(cli.host, "ip netns del alone")
    assert [one["state"] for one in cli.json("ps")] == ["gone"]
    assert "namespace of alone, is gone\nnetbuilder: hint: " in cli("exec", "alone", "true", status=1)
    assert cli("up", "-f", "other.yaml") == " ✔ Sandbox alone  Repaired\n"
    assert [one["state"] for one in cli.json("ps")] == ["ok"]
    cli("exec", "alone", "true")


def test_inspect_shows_what_rewrites_the_packets(cli: Cli) -> None:
    cli("up")
    page = cli("inspect", "web")
    assert (
        "PACKETS IN   published port 8088:80/tcp: PREROUTING and OUTPUT rewrite its destination to 10.9.0.2:80" in page
    )
    assert "'add element inet netbuilder publish_any4 { tcp . 8088 : 10.9.0.2 . 80 }'" in page
    assert "PACKETS OUT  MASQUERADE" in page
    assert "\nip netns add web\n" in page


def test_inspect_as_json(cli: Cli) -> None:
    cli("up")
    web, side, onhost = (cli.json("inspect", name) for name in ("web", "side", "onhost"))
    assert (web["adopted"], web["missing"]) == (None, [])
    assert [len(web[field]) for field in ("packets_in", "packets_out", "commands")] == [2, 1, 15]
    assert [step["command"] for step in web["commands"][:1]] == ["ip netns add web"]
    assert side == {**web, "name": "side", "mode": "container", "shares": "web", "commands": []}
    assert onhost.keys() == web.keys()
    assert [onhost[field] for field in ("endpoints", "packets_in", "packets_out", "commands")] == [[], [], [], []]


def test_the_help_names_every_field_of_the_json(cli: Cli) -> None:
    cli("up")
    commands = ("ps", "networks", "inspect", "links")
    words = {command: set(re.findall(r"\w+", cli(command, "--help"))) for command in commands}
    (one, *_), web, (pair, *_) = cli.json("ps"), cli.json("inspect", "web"), cli.json("links")
    assert one.keys() | one["endpoints"][0].keys() | one["ports"][0].keys() <= words["ps"]
    assert cli.json("networks")[0].keys() <= words["networks"]
    assert web.keys() - one.keys() <= words["inspect"]
    assert pair.keys() <= words["links"]


def test_links_are_what_the_kernel_says(cli: Cli) -> None:
    assert cli("links") == "no links on this host yet: each sandbox in bridge mode has one\n"
    assert cli.json("links") == []
    cli("up")
    links = {link["sandbox"]: link for link in cli.json("links")}
    assert links.keys() == {"web", "db"}
    for name, link in links.items():
        (outer,) = json.loads(shell(cli.host, f"ip -j link show {link['veth']}"))
        (inner,) = json.loads(shell(cli.host, f"ip -j -n {name} link show {link['interface']}"))
        assert (outer["ifindex"], outer["link_index"], outer["link_netnsid"], outer["master"]) == (
            link["ifindex"],
            inner["ifindex"],
            link["netnsid"],
            link["bridge"],
        )
        assert link["peer_ifindex"] == inner["ifindex"]
    assert cli("links").splitlines()[1].split()[0] == links["db"]["veth"]


@pytest.mark.parametrize("words", [["inspect", "nosuch"], ["exec", "nosuch", "true"]], ids=" ".join)
def test_a_sandbox_that_is_not_there_is_named(cli: Cli, words: list[str]) -> None:
    assert "there is no sandbox 'nosuch' on this host\nnetbuilder: hint: " in cli(*words, status=1)


# Inside


def test_exec_runs_inside(cli: Cli) -> None:
    cli("up")
    assert "10.9.0.2/24" in cli("exec", "web", "--", "ip", "-brief", "address")
    assert "10.9.0.2/24" in cli("exec", "side", "ip", "-brief", "address")
    assert cli("exec", "bare", "ls", "/proc/sys/net/ipv4/conf").split() == ["all", "default", "lo"]
    assert cli("exec", "web", "cat", input="hello") == "hello"


@pytest.mark.parametrize(
    ("program", "status", "said"),
    [
        (["sh", "-c", "exit 7"], 7, ""),
        (["sh", "-c", "kill -9 $$"], -9, ""),
        (["nosuch"], 127, "netbuilder: error: nosuch: command not found\nnetbuilder: hint: "),
        (["/nosuch/program"], 127, "netbuilder: error: /nosuch/program: command not found\n"),
        (["/etc/passwd"], 126, "netbuilder: error: /etc/passwd: can't be run: Permission denied\n"),
        (["/"], 126, "netbuilder: error: /: can't be run: Permission denied\n"),
    ],
)
def test_the_exit_status_of_exec(cli: Cli, program: list[str], status: int, said: str) -> None:
    cli("up", "-f", "-", input="services: { web: { network_mode: none } }")
    assert cli("exec", "web", "--", *program, status=status).startswith(said)


def test_a_program_starts_as_from_a_shell(cli: Cli) -> None:
    """No signal is ignored that was not before, no descriptor is left open."""
    cli("up", "-f", "-", input="services: { web: { network_mode: none } }")
    ignored = next(line for line in cli("exec", "web", "cat", "/proc/self/status").splitlines() if "SigIgn" in line)
    bare = cli.host.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    assert ignored in bare
    plain = cli.host.run(["ls", "/proc/self/fd"], capture_output=True, text=True).stdout
    assert cli("exec", "web", "ls", "/proc/self/fd") == plain


# When it is cut short


def test_after_a_kill_the_next_call_puts_things_right(cli: Cli) -> None:
    before = picture(cli.host)
    with cli.start("up", "-v", "-f", "many.yaml") as process:
        _read_until(process, "ip netns add s20\n")
        process.kill()
    assert cli.names() == set()
    cli("down", "-f", "many.yaml")
    assert picture(cli.host) == before
    cli("up")
    assert cli("diff") == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_takes_back_what_was_begun(cli: Cli, number: signal.Signals) -> None:
    before = picture(cli.host)
    with cli.start("up", "-v", "-f", "many.yaml") as process:
        _read_until(process, "ip netns add s20\n")
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (
        128 + number,
        "netbuilder: interrupted: what was begun is taken back\n",
    )
    assert picture(cli.host) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_of_down_waits_for_its_end(cli: Cli, number: signal.Signals) -> None:
    before = picture(cli.host)
    cli("up")
    lock = cli.host._engine.store._journal._host_lock
    fcntl.flock(lock, fcntl.LOCK_EX)
    with cli.start("down") as process:
        wait_until(lambda: _waits_for_a_lock(process.pid), "down has begun, and waits for its turn")
        process.send_signal(number)
        fcntl.flock(lock, fcntl.LOCK_UN)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (
        128 + number,
        "netbuilder: interrupted: all that was to go is taken back\n",
    )
    assert picture(cli.host) == before


def _waits_for_a_lock(pid: int) -> bool:
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)


def test_a_reader_that_goes_away_takes_back_what_was_begun(cli: Cli) -> None:
    before = picture(cli.host)
    with cli.start("up", "-v", "-f", "many.yaml") as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 141
    assert picture(cli.host) == before


def _read_until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout
    assert any(said == line for said in process.stdout)


def test_two_at_once_do_it_once(cli: Cli) -> None:
    both = [cli.start("up"), cli.start("up")]
    said = sorted(process.communicate()[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert said[1] == "nothing to do\n"
    assert said[0].count("Created") == 6
    assert cli("diff") == ""


def test_two_files_at_once(cli: Cli) -> None:
    both = [cli.start("up"), cli.start("up", "-f", "other.yaml")]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [text.count("Created") for text in said] == [6, 2]
    assert cli.names() == {"web", "db", "side", "bare", "onhost", "alone"}


# Trouble


def test_a_clash_with_the_host_is_a_bad_spec(cli: Cli) -> None:
    with cli.host.socket() as held:
        held.bind(("0.0.0.0", 8088))
        held.listen()
        assert "8088" in cli("up", status=2)
    assert cli.names() == set()


# Live changes, and networks by themselves


def test_a_network_by_itself_in_dockers_words(cli: Cli) -> None:
    before = picture(cli.host)
    options = "--subnet 10.7.0.0/24 --gateway 10.7.0.254 --ip-range 10.7.0.128/25 --aux-address printer=10.7.0.130"
    options += " --subnet fd00:7::/64 --ipv6 --label a=b"
    options += " -o com.docker.network.driver.mtu=1400 -o com.docker.network.bridge.name=br7"
    assert cli("network", "create", *options.split(), "seven") == " ✔ Network seven  Created\n"
    assert "stands already" in cli("network", "create", "seven", status=2)
    cli("up", "-f", "-", input="services: { web: { networks: [seven] } }\nnetworks: { seven: { external: true } }")
    (seen,) = json.loads(cli("network", "inspect", "seven"))
    assert seen == {
        "Name": "seven",
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv4": True,
        "EnableIPv6": True,
        "IPAM": {
            "Driver": "default",
            "Options": {},
            "Config": [
                {
                    "Subnet": "10.7.0.0/24",
                    "IPRange": "10.7.0.128/25",
                    "Gateway": "10.7.0.254",
                    "AuxiliaryAddresses": {"10.7.0.130": "10.7.0.130"},
                },
                {"Subnet": "fd00:7::/64", "Gateway": "fd00:7::1"},
            ],
        },
        "Internal": False,
        "Containers": {
            "web": {
                "Name": "web",
                "MacAddress": "02:42:0a:07:00:80",
                "IPv4Address": "10.7.0.128/24",
                "IPv6Address": "fd00:7::2/64",
            }
        },
        "Options": {"com.docker.network.bridge.name": "br7", "com.docker.network.driver.mtu": "1400"},
        "Labels": {"a": "b"},
    }
    assert cli("network", "ls") == cli("networks")
    assert "is in use by web" in cli("network", "rm", "seven", status=2)
    cli("network", "create", "unused")
    assert "there is nobody to ask" in cli("network", "prune", status=2, input="")
    assert cli("network", "prune", "-f") == " ✔ Network unused  Removed\n"
    cli("down", "--all")
    assert "there is no network 'seven'" in cli("network", "rm", "seven", status=1)
    assert cli("network", "rm", "-f", "seven") == "nothing to do\n"
    assert picture(cli.host) == before


def test_a_sandbox_is_connected_and_its_ports_opened_in_dockers_words(cli: Cli) -> None:
    cli("up")
    cli("network", "create", "--subnet", "10.7.0.0/24", "seven")
    options = "--ip 10.7.0.9 --gw-priority 5 --mac-address 02:00:00:00:00:09 --link-local-ip 169.254.9.9"
    ifname = "com.docker.network.endpoint.ifname=net7"
    said = cli("connect", *options.split(), "--driver-opt", ifname, "seven", "web")
    assert "net7  10.7.0.9 on seven (default route)" in said
    assert shell(cli.host["web"], "ip route show default") == "default via 10.7.0.1 dev net7 \n"
    web = next(one for one in cli.json("ps") if one["name"] == "web")
    assert [one["interface"] for one in web["endpoints"]] == ["eth0", "net7"]
    assert web["endpoints"][1]["link_local"] == ["169.254.9.9/16"]
    assert "is on network seven already" in cli("network", "connect", "seven", "web", status=2)
    assert "7070->70/tcp" in cli("publish", "web", "7070:70")
    said = cli("unpublish", "-v", "web", "70")
    assert "nft 'delete element inet netbuilder publish_any4 { tcp . 7070 }'" in said
    cli("disconnect", "-f", "seven", "web")
    assert "waiting  8088:80/tcp" in cli("network", "disconnect", "lab", "web")
    assert "did you mean lab?" in cli("connect", "lba", "web", status=1)
    assert "8088->80/tcp" in cli("connect", "lab", "web")
    cli("up")
    assert cli("diff") == ""


def test_a_failure_is_one_line_with_a_hint(cli: Cli) -> None:
    shell(cli.host, "mkdir -p /run/netns; mount -t tmpfs -o ro none /run/netns")
    said = cli("up", status=1)
    error, *_ = said.splitlines()
    assert error.startswith("netbuilder: error: 'ip netns add web' failed: EROFS")
    assert cli.names() == set()
    assert cli("diff", "-f", "nosuch.yaml", status=2)


def test_a_terminal_without_a_tick_is_no_reason_to_fail(cli: Cli) -> None:
    text = "services: { web: { network_mode: none } }"
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "ascii"}
    assert cli("up", "-f", "-", input=text, env=env) == " ? Sandbox web  Created\n"


def test_what_a_terminal_would_obey_is_shown_instead(cli: Cli) -> None:
    """A sandbox may call its interfaces as it likes."""
    cli("up")
    cli.host["web"].run(["ip", "link", "set", "eth0", "down"], check=True)
    cli.host["web"].run(["ip", "link", "set", "eth0", "name", "e\x1b[2J\x9b"], check=True)
    printed = cli("links")
    assert "e\\x1b[2J" in printed
    assert "\x1b" not in printed
    assert "\x9b" not in printed
