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
    say("""Three things make it all: a network namespace is a room, with interfaces, routes and ports of its own; a veth
    pair is a cable, its two ends in different rooms; a bridge is a switch that cables are plugged into.""")
    with Host.isolated() as host, TemporaryDirectory() as pages:
        on_host = Shell(host, "host")
        say("To have somebody to talk to, there is another machine: a second namespace, on a cable to the host's eth0.")
        on_machine = another_machine(on_host)
        before = dump(host)
        build_docker0(host)
        bridge_mode(host, on_host, on_machine, Path(pages))
        container_mode(host)
        host_mode(host, on_machine)
        none_mode(host, on_host, on_machine)
        whose_is_whose(host, on_host)
        read_the_rules(on_host)
        take_back(host, on_host, on_machine, before)


def build_docker0(host: Host) -> None:
    """The network, then the first sandbox on it."""
    title("1  docker0 comes into being")
    say("""`host.apply(Network(name="bridge"))` makes what every Docker host has. Its steps, as you would type them, and
    why (the rules themselves come in part 7):""")
    host.apply(DOCKER0, watch=show)
    say('A sandbox on it: `host.apply(Sandbox(name="web", mode=Bridge(publish=["8088:80"])))`.')
    plan = host.apply(WEB, watch=show)
    check(f"{len(plan)} steps; asked for once more, nothing is left to do", not host.diff(DOCKER0, WEB))


def bridge_mode(host: Host, on_host: Shell, on_machine: Shell, pages: Path) -> None:
    """In by the published port; neighbours by the switch."""
    title("2  bridge mode: a room on the switch")
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
    say("A neighbour is on the same switch, so no port has to be published, and no address is rewritten.")
    host.apply(Sandbox(name="neighbour"))
    in_neighbour = Shell(host["neighbour"], "neighbour")
    in_neighbour.start("python3 talk.py listen neighbour 9000")
    check("it reaches web", in_neighbour("python3 talk.py fetch 172.17.0.2 80") == page.read_text())
    answer = Shell(host["web"], "web")(f"python3 talk.py ask {host['neighbour'].address} 9000")
    check("and web reaches it, under its own address", answer == "this is neighbour; you call from 172.17.0.2\n")


def container_mode(host: Host) -> None:
    """A flatmate."""
    title("3  container mode: a flatmate")
    say('`Sandbox(name="helper", mode=Container(sandbox="web"))` moves in with web.')
    check("0 steps: the room is there", not host.apply(Sandbox(name="helper", mode=Container(sandbox="web"))))
    check("web's localhost is its localhost", "web" in Shell(host["helper"], "helper")(FETCH_LOCALHOST))
    check("the neighbour's is not", "refused" in Shell(host["neighbour"], "neighbour").fails(FETCH_LOCALHOST))


def host_mode(host: Host, on_machine: Shell) -> None:
    """No walls at all."""
    title("4  host mode: no room of its own")
    say('`Sandbox(name="app", mode=HostNetwork())` has no walls: what listens in it, listens on the host.')
    check("0 steps: there is nothing to do", not host.apply(Sandbox(name="app", mode=HostNetwork())))
    Shell(host["app"], "app").start("python3 talk.py listen app 8080")
    check("reached on the host's own port", "this is app" in on_machine("python3 talk.py ask 192.0.2.1 8080"))


def none_mode(host: Host, on_host: Shell, on_machine: Shell) -> None:
    """Bridge mode, put together by hand."""
    title("5  none mode: an empty room, wired by hand")
    say('`Sandbox(name="box", mode=NoNetwork())` has a loopback and nothing else.')
    host.apply(Sandbox(name="box", mode=NoNetwork()), watch=show)
    on_machine.start("python3 talk.py listen machine 9000")
    in_box = Shell(host["box"], "box")
    check("it reaches nothing", "unreachable" in in_box.fails(CALL_MACHINE))
    say("So we lay a cable from docker0, give the box an address, and show it the way out.")
    on_host("ip link add veth-box master docker0 type veth peer name eth0 netns box")
    on_host("ip link set veth-box up && ip -n box link set eth0 up")
    on_host("ip -n box address add 172.17.0.99/16 dev eth0")
    on_host("ip -n box route add default via 172.17.0.1")
    check("the other machine answers: it was called by the host (MASQUERADE)", "from 192.0.2.1" in in_box(CALL_MACHINE))


def whose_is_whose(host: Host, on_host: Shell) -> None:
    """The two ends of each cable know each other's number."""
    title("6  Whose cable is whose?")
    say("""Names prove nothing; but each end of a cable knows the other's number, and as a number is unique only within
    its namespace, also the id of the namespace it is in. `host.links()` matches them:""")
    cables = host.links()
    for cable in cables:
        quote(
            f"{cable.veth:12} number {cable.ifindex}, in {cable.bridge}   is {cable.sandbox}'s {cable.interface}, "
            f"number {cable.peer_ifindex} in namespace {cable.netnsid}"
        )
    check("three rooms on the switch, so three cables", [one.sandbox for one in cables] == ["box", "neighbour", "web"])
    ports = {link["ifname"] for link in on_host.look("ip -json link show master docker0")}
    check("and they are all that is plugged into docker0", ports == {one.veth for one in cables})


def read_the_rules(on_host: Shell) -> None:
    """The rules that did it."""
    title("7  Which rule did what?")
    say("What came in by port 8088: one look-up in a map. With a thousand ports it is still one look-up.")
    on_host("nft list chain inet netbuilder published | grep publish_any")
    inside = on_host("nft list map inet netbuilder publish_any | grep elements")
    check("port 8088 of the host is port 80 of web", "tcp . 8088 : 172.17.0.2 . 80" in inside)
    say("What went out from the box: it came from docker0's subnet and left by another interface, as the host.")
    on_host("nft list chain inet netbuilder snat_out | grep leaving")
    leaving = on_host("nft list set inet netbuilder leaving | grep elements")
    check("docker0's subnet is on the list", '"docker0" . 172.17.0.0/16' in leaving)
    say("""All the rules. A chain with a hook stands at one place on a packet's way: prerouting as it arrives, output
    where the host itself sends it, forward as it passes through, postrouting as it leaves. The other chains are jumped
    to. The rules never change; the lists they look into do.""")
    on_host("nft -t list table inet netbuilder | sed -n '/chain/,$p' | head -n -1")


def take_back(host: Host, on_host: Shell, on_machine: Shell, before: dict[str, str]) -> None:
    """Every step knows how to take itself back."""
    title("8  Everything back")
    say("What we wired by hand, we take back by hand; the rest is netbuilder's: `host.destroy_all()`.")
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
