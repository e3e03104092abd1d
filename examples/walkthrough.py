"""A guided tour of Docker's four network modes, on a throw-away host with another machine next to it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from narrate import Shell, another_machine, check, quote, say, show, tell, title

from netbuilder import Bridge, Container, Host, HostNetwork, Network, NoNetwork, Sandbox

DOCKER0 = Network(name="bridge")
WEB = Sandbox(name="web", mode=Bridge(publish=["8088:80"]))
FETCH_BY_HOST, FETCH_LOCALHOST = "python3 talk.py fetch 192.0.2.1 8088", "python3 talk.py fetch 127.0.0.1 80"
CALL_MACHINE = "python3 talk.py ask 192.0.2.2 9000"
DUMPS = {
    "namespaces": "ip netns list",
    "interfaces": "ip -details -oneline link | sed 's/<.*> //; s/ state [A-Z]* / /'",
    "addresses": "ip -4 -oneline address",
    "routes": "ip -4 route show table all",
    "rules": "nft list ruleset",
    "settings": "sysctl -a --pattern '^net[.](ipv4|ipv6|bridge)[.]' 2>/dev/null",
}


def tour() -> None:
    """The whole tour; it stops with an error at the first claim that is not so."""
    title("A tour of Docker's four network modes")
    say("""Everything here happens on a throw-away host, `Host.isolated()`: your machine is not touched. The word before
    the # says where a command is typed. What has a ✓ was tried, and is so.""")
    say("""Four things make it all. A network namespace has interfaces, routes and ports of its own: think of a room. A
    veth pair connects two namespaces, with an end in each: a cable. A bridge has the ends of many veth pairs for its
    ports: a switch. And a published port leads from a port of the host to one inside: a door.""")
    with Host.isolated() as host, TemporaryDirectory() as pages:
        on_host = Shell(host, "host")
        say("To have somebody to talk to, there is another machine: a second namespace, connected to the host's eth0.")
        on_machine = another_machine(on_host)
        before = dump(host)
        build_docker0(host)
        bridge_mode(host, on_host, on_machine, Path(pages))
        container_mode(host)
        host_mode(host, on_machine)
        none_mode(host, on_host, on_machine)
        whose_is_whose(host, on_host)
        read_the_rules(on_host)
        remove_all(host, on_host, on_machine, before)


def build_docker0(host: Host) -> None:
    """The network, then the first sandbox on it."""
    title("1  docker0 is created")
    say("""`host.apply(Network(name="bridge"))` makes what every Docker host has. Its steps, as you would type them, and
    why (the rules themselves come in part 7):""")
    host.apply(DOCKER0, watch=show)
    say('A sandbox on it: `host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))`.')
    plan = host.apply(WEB, watch=show).plan
    check(f"{len(plan)} steps; asked for once more, nothing is left to do", not host.diff(DOCKER0, WEB))


def bridge_mode(host: Host, on_host: Shell, on_machine: Shell, pages: Path) -> None:
    """In by the published port; neighbours by the bridge."""
    title("2  bridge mode: a namespace connected to docker0")
    say("""In web we start a web server, on its own port 80. The other machine knows only the host, and its port 8088.
    (`talk.py` lies next to this tour: `fetch` and `ask` call an address and a port, `listen` answers.)""")
    page, log = pages / "index.html", pages / "log"
    page.write_text("Hello from web!\n")
    with log.open("w") as file:
        Shell(host["web"], "web").start("python3 -u -m http.server 80", cwd=pages, stderr=file)
    check(
        "a rule in PREROUTING sent it on to 172.17.0.2:80 (DNAT)",
        on_machine(FETCH_BY_HOST) == page.read_text(),
    )
    say("The server's log tells who came. DNAT rewrites where a packet goes, not where it is from:")
    quote(log.read_text())
    check("the other machine, by its own address", log.read_text().startswith("192.0.2.2 "))
    say("The host itself gets there, too. Its own packets pass OUTPUT instead of PREROUTING; the rule is the same.")
    check("reached by OUTPUT", on_host("python3 talk.py fetch 127.0.0.1 8088") == page.read_text())
    say("A neighbour is on the same bridge, so no port has to be published, and no address is rewritten.")
    host.apply(Sandbox(name="neighbour"))
    in_neighbour = Shell(host["neighbour"], "neighbour")
    in_neighbour.start("python3 talk.py listen neighbour 9000")
    check("it reaches web", in_neighbour("python3 talk.py fetch 172.17.0.2 80") == page.read_text())
    answer = Shell(host["web"], "web")(f"python3 talk.py ask {host['neighbour'].address} 9000")
    check("and web reaches it, under its own address", answer == "this is neighbour; you call from 172.17.0.2\n")


def container_mode(host: Host) -> None:
    """Two sandboxes in one namespace."""
    title("3  container mode: another sandbox's namespace")
    say('`Sandbox(name="helper", mode=Container(sandbox="web"))` shares web\'s namespace.')
    changes = host.apply(Sandbox(name="helper", mode=Container(sandbox="web")))
    check("0 steps: the namespace is there", not changes.plan)
    check("web's localhost is its localhost", "web" in Shell(host["helper"], "helper")(FETCH_LOCALHOST))
    check("the neighbour's is not", "refused" in Shell(host["neighbour"], "neighbour").fails(FETCH_LOCALHOST))


def host_mode(host: Host, on_machine: Shell) -> None:
    """The host's own namespace."""
    title("4  host mode: no namespace of its own")
    say('`Sandbox(name="app", mode=HostNetwork())` is in the host\'s: what listens in it, listens on the host.')
    changes = host.apply(Sandbox(name="app", mode=HostNetwork()))
    check("0 steps: there is nothing to do", not changes.plan)
    Shell(host["app"], "app").start("python3 talk.py listen app 8080")
    check("reached on the host's own port", "this is app" in on_machine("python3 talk.py ask 192.0.2.1 8080"))


def none_mode(host: Host, on_host: Shell, on_machine: Shell) -> None:
    """Bridge mode, put together by hand."""
    title("5  none mode: an empty namespace, connected by hand")
    say('`Sandbox(name="box", mode=NoNetwork())` has a loopback and nothing else.')
    host.apply(Sandbox(name="box", mode=NoNetwork()), watch=show)
    on_machine.start("python3 talk.py listen machine 9000")
    in_box = Shell(host["box"], "box")
    check("it reaches nothing", "unreachable" in in_box.fails(CALL_MACHINE))
    say("So we add a veth pair between docker0 and the box, an address, and a default route.")
    on_host("ip link add veth-box master docker0 type veth peer name eth0 netns box")
    on_host("ip link set veth-box up && ip -n box link set eth0 up")
    on_host("ip -n box address add 172.17.0.99/16 dev eth0")
    on_host("ip -n box route add default via 172.17.0.1 dev eth0")
    check("the other machine answers: it was called by the host (MASQUERADE)", "from 192.0.2.1" in in_box(CALL_MACHINE))


def whose_is_whose(host: Host, on_host: Shell) -> None:
    """The two ends of each veth pair know each other's number."""
    title("6  Whose veth is whose?")
    say("""Names prove nothing; but each end of a veth pair knows the other's number, its index, and as that is unique
    only within its namespace, also the id of the namespace it is in. `host.links()` matches them:""")
    pairs = host.links()
    for pair in pairs:
        quote(
            f"{pair.veth:12} number {pair.ifindex}, in {pair.bridge}   is {pair.sandbox}'s {pair.interface}, "
            f"number {pair.peer_ifindex} in namespace {pair.netnsid}"
        )
    check("three sandboxes on docker0, three veth pairs", [one.sandbox for one in pairs] == ["box", "neighbour", "web"])
    ports = {link["ifname"] for link in on_host.look("ip -json link show master docker0")}
    check("and docker0 has no other ports", ports == {one.veth for one in pairs})


def read_the_rules(on_host: Shell) -> None:
    """The rules that did it."""
    title("7  Which rule did what?")
    say("What came in by port 8088: one look-up in a map. With a thousand ports it is still one look-up.")
    on_host("nft list chain inet netbuilder published | grep publish_any4")
    inside = on_host("nft list map inet netbuilder publish_any4 | grep elements")
    check("port 8088 of the host is port 80 of web", "tcp . 8088 : 172.17.0.2 . 80" in inside)
    say("What went out from the box: it came from docker0's subnet and left by another interface, as the host.")
    on_host("nft list chain inet netbuilder postrouting_from_bridge | grep masqueraded4")
    masqueraded = on_host("nft list set inet netbuilder masqueraded4 | grep elements")
    check("docker0's subnet is in the set", '"docker0" . 172.17.0.0/16' in masqueraded)
    say("""All the rules. A chain with a hook stands at one point of a packet's path: prerouting as it arrives, output
    where the host itself sends it, forward as it passes through, postrouting as it leaves. The other chains are jumped
    to. The rules never change; the sets and maps that they look things up in do.""")
    on_host("nft -t list table inet netbuilder | sed -n '/chain/,$p' | head -n -1")


def remove_all(host: Host, on_host: Shell, on_machine: Shell, before: dict[str, str]) -> None:
    """Every step knows how to undo itself."""
    title("8  Everything removed")
    say("What we added by hand, we delete by hand; the rest is netbuilder's: `host.destroy_all()`.")
    on_host("ip link del veth-box")
    host.destroy_all()
    after = dump(host)
    for what, text in before.items():
        check(f"{what} as before (lines: {len(text.splitlines())})", after[what] == text)
    check("port 8088 is nobody's again", "refused" in on_machine.fails(FETCH_BY_HOST))
    say("That was all. To go on: `examples/01_namespace.py`, and your own throw-away host, `Host.isolated()`.")


def dump(host: Host) -> dict[str, str]:
    """What there is on a host, as text; without what settles by itself after a while, such as IPv6 addresses."""
    return {
        what: host.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
        for what, command in DUMPS.items()
    }


if __name__ == "__main__":
    tell(tour)
