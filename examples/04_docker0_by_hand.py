"""docker0 by hand: every command typed, then the same from a spec on another host, and the two compared."""

from __future__ import annotations

from textwrap import shorten

from narrate import Shell, check, say, tell, title

from netbuilder import Bridge, Host, Sandbox, firewall

WEB = Sandbox(name="web", mode=Bridge(publish=["8088:80"]))
ADOPTED = Sandbox(name="web", mode=WEB.mode, namespace="/run/netns/web")
VETH = "veth44f13ec"  # Docker takes random digits, netbuilder makes them from the sandbox's name

FACTS = {
    "the bridge": "ip -d link show up dev docker0 | grep -o -e 'link/ether [^ ]*' -e 'alias .*'",
    "its address": "ip -oneline -4 address show docker0",
    "the host's veth end": f"ip -d link show {VETH} | grep -o -e 'master docker0' -e 'hairpin on' -e 'alias .*'",
    "eth0 inside": "ip -n web link show up dev eth0 | grep ether",
    "web's address": "ip -n web -oneline -4 address show eth0",
    "web's routes": "ip -n web route",
    "settings of the host": "sysctl net/ipv4/ip_forward net/ipv4/conf/docker0/route_localnet",
    "IPv6 on the bridge": "sysctl net/ipv6/conf/docker0/disable_ipv6 net/ipv6/conf/docker0/accept_ra",
    "IPv6 inside": "ip netns exec web sysctl net/ipv6/conf/eth0/disable_ipv6",
    "the rules": "nft list table inet netbuilder",
}


def lesson() -> None:
    """Two hosts that end up the same."""
    title("docker0 by hand")
    say("""What does `docker run -p 8088:80` do to the network of a host? Here it is on a throw-away host, command by
    command; only, netbuilder's rules stand in place of Docker's.""")
    with Host.isolated() as by_hand, Host.isolated() as by_spec:
        load_the_rules(by_hand)
        set_up_the_bridge(Shell(by_hand, "host"))
        connect_the_sandbox(Shell(by_hand, "host"))
        find_the_missing_step(by_hand)
        say("Now a second throw-away host, and one line of Python: `host.apply(WEB)`. The two, listing by listing:")
        by_spec.apply(WEB)
        compare(by_hand, by_spec)
        try_both(by_hand, by_spec)


def load_the_rules(host: Host) -> None:
    """Before any bridge is up."""
    say("""First the rules, so that nothing is ever open by accident: one nftables table. Look for `dnat`, by which
    packets come in, and for `masquerade`, by which they go out. What differs from sandbox to sandbox is not in the
    rules, but in the sets and maps that they look things up in.""")
    on_host = Shell(host, "host")
    on_host(f"nft -f - <<'EOF'\n{firewall.ruleset()}EOF")
    say("This host is no router yet. It becomes one for its sandboxes, and for nobody else.")
    on_host("nft add element inet netbuilder made_router { ipv4 }")


def set_up_the_bridge(on_host: Shell) -> None:
    """The network's half: once for all sandboxes on it."""
    say("The bridge. Its alias says whose it is.")
    on_host("ip link add docker0 type bridge")
    on_host("ip link set docker0 alias netbuilder:bridge")
    say("A MAC address of its own: otherwise it is one of its ports', and changes as they come and go.")
    on_host("ip link set docker0 address 02:42:ac:11:00:01")
    say("No IPv6 on the bridge: it is not used, and a sandbox could announce itself as the host's router.")
    on_host("sysctl -w net/ipv6/conf/docker0/disable_ipv6=1")
    on_host("sysctl -w net/ipv6/conf/docker0/accept_ra=0")
    say("The bridge's address, 172.17.0.1: the sandboxes' gateway, by which they reach everything else.")
    on_host("ip address add 172.17.0.1/16 brd + dev docker0")
    on_host("ip link set docker0 up")
    say("""What the rules look up. The rules apply to this bridge; neighbours on it may talk to each other; it has no
    IPv6; only sandboxes reach the gateway's address; what comes in by the bridge has an address of the subnet; and what
    leaves the subnet leaves as the host (MASQUERADE), what the host sends from the gateway's address too.""")
    on_host("nft add element inet netbuilder bridges { docker0 }")
    on_host("nft add element inet netbuilder icc { docker0 . docker0 }")
    on_host("nft add element inet netbuilder without_ipv6 { docker0 }")
    on_host("nft add element inet netbuilder gateways4 { 172.17.0.1 }")
    on_host("nft add element inet netbuilder subnets4 { docker0 . 172.17.0.0/16 }")
    on_host("nft add element inet netbuilder masqueraded4 { docker0 . 172.17.0.0/16 }")
    on_host("nft add element inet netbuilder masqueraded_gateways4 { 172.17.0.1 }")


def connect_the_sandbox(on_host: Shell) -> None:
    """The sandbox's half: a namespace, a veth pair, an address, a default route, and a published port."""
    say("""A network namespace for web, in which low ports and ping take no privilege, as with Docker; and a veth pair:
    one end is a port of docker0, the other is eth0 inside.
    `hairpin` lets web reach itself through its published port; `addrgenmode none` keeps the host's end from giving
    itself an IPv6 address, which is unused.""")
    on_host("ip netns add web")
    on_host("ip netns exec web sysctl -w net/ipv4/ip_unprivileged_port_start=0")
    on_host(f"ip link add {VETH} master docker0 type veth peer name eth0 address 02:42:ac:11:00:02 netns web")
    on_host(f"ip link set {VETH} alias netbuilder:web")
    on_host(f"ip link set {VETH} type bridge_slave hairpin on")
    on_host(f"ip link set {VETH} addrgenmode none")
    on_host(f"ip link set {VETH} up")
    say("Inside: no IPv6, as with Docker; an address; both interfaces up; and the default route.")
    on_host("ip netns exec web sysctl -w net/ipv6/conf/eth0/disable_ipv6=1")
    on_host("ip -n web address add 172.17.0.2/16 brd + dev eth0")
    on_host("ip -n web link set lo up && ip -n web link set eth0 up")
    on_host("ip -n web route add default via 172.17.0.1 dev eth0")
    say("And the published port, `-p 8088:80`: one entry in a map.")
    on_host("nft add element inet netbuilder publish_any4 { tcp . 8088 : 172.17.0.2 . 80 }")
    say("""The host may call it on its own 127.0.0.1 too: with `route_localnet` that leads to the bridge, and the answer
    back; chain raw_prerouting keeps others out.""")
    on_host("sysctl -w net/ipv4/conf/docker0/route_localnet=1")


def find_the_missing_step(host: Host) -> None:
    """What still does not hold."""
    say("""Have we forgotten anything? `host.diff(…)` compares a spec with the kernel and gives the steps that do not
    hold yet. (The spec says `namespace="/run/netns/web"`: a namespace that is there must be adopted explicitly.)""")
    missing = host.diff(ADOPTED).plan
    check("all is there but two steps", len(missing) == 2)
    say("Right: nothing passes from docker0 to another interface unless the kernel is told to forward. So:")
    for step in missing:
        Shell(host, "host")(step.command())
    check("forwarding is on", Shell(host, "host")("sysctl -n net/ipv4/ip_forward") == "1\n")


def compare(by_hand: Host, by_spec: Host) -> None:
    """The same command has to print the same on both hosts."""
    for what, command in FACTS.items():
        here, there = (
            host.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
            for host in (by_hand, by_spec)
        )
        check(f"{what:20} {shorten(here, 90, placeholder=' …')}", here == there)


def try_both(by_hand: Host, by_spec: Host) -> None:
    """Equal listings are one thing, packets another."""
    say("And they behave the same: on both, the host's port 8088 leads to a server on web's port 80.")
    for host, name in (by_hand, "by_hand"), (by_spec, "by_spec"):
        on_host = Shell(host, name)
        on_host.inside("web").start(f"python3 talk.py listen web-{name} 80")
        answer = on_host("python3 talk.py ask 127.0.0.1 8088")
        check(f"reached, {name}", answer == f"this is web-{name}; you call from 172.17.0.1\n")
    say("""Why from 172.17.0.1? The host called from 127.0.0.1, and inside web that is web itself: no answer would come
    back. So MASQUERADE put docker0's own address, the gateway, in the sender's place.""")


if __name__ == "__main__":
    tell(lesson)
