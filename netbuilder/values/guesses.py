"""What to write in place of a word that is not there: a field or an attribute, as Docker or subprocess calls it.

One table, by class. What is only mistyped needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netbuilder.errors import closest, shown, suggestion

_RUN = {
    "write run([…]), or popen([…]) to let it run": "exec exec_run execute call check_call check_output Popen",
    "write run([…], capture_output=True)": "getoutput output logs",
    "write enter(), in a with statement": "entered attach setns",
    "write socket()": "listen bind open_socket",
}

_ANSWERS: dict[str, dict[str, str]] = {
    "Bridge": {
        'write publish=["8088:80"]': "ports port expose published port_bindings host_port",
        'write address="10.9.0.2"': "ip ipv4 ip_address ipv4_address addr",
        'write address6="fd00:9::2"': "ip6 ipv6 ipv6_address addr6",
        'write mac="02:42:0a:09:00:02"': "mac_address hwaddr lladdr",
        'write endpoints=["front", Endpoint(network="back")]': "networks attachments",
        'write interface="eth0"': "ifname interface_name",
        "it is the sandbox's: Sandbox(name=…, mode=Bridge(…), sysctls=…)": "sysctl routes labels",
        "the name is the sandbox's: Sandbox(name=…, mode=Bridge(…))": "name",
        "it is the network's: Network(…, subnet=…, gateway=…, mtu=…)": "subnet gateway mtu masquerade internal bridge",
    },
    "Endpoint": {
        'write address="10.9.0.2"': "ip ipv4 ip_address ipv4_address addr",
        'write address6="fd00:9::2"': "ip6 ipv6 ipv6_address addr6",
        'write mac="02:42:0a:09:00:02"': "mac_address hwaddr lladdr",
        'write interface="eth1"': "ifname interface_name name",
        "write gw_priority=1": "priority metric gateway_priority",
        "write link_local=[…]": "link_local_ips link_local_ip",
        "ports are the sandbox's: Bridge(endpoints=[…], publish=[…])": "publish ports port",
    },
    "Route": {
        "write dst=…": "destination to subnet network",
        "write via=…": "gateway gw router nexthop",
        "its interface follows from via: leave it out": "dev interface",
    },
    "Container": {"write sandbox=…": "name container service"},
    "HostNetwork": {"in host mode a server is simply on the host's ports: leave it out": "publish ports"},
    "NoNetwork": {"that takes bridge mode: Bridge(publish=[…])": "publish ports"},
    "PublishedPort": {
        "write sandbox_port=…": "port container_port target",
        "write host_port=…": "published",
        "write host_ip=…": "ip address",
        "write protocol=…": "proto type",
    },
    "Sandbox": {
        "write mode=Bridge(publish=[…])": "publish ports port expose",
        "write mode=Bridge(network=…)": "network networks net",
        "write mode=Bridge(address=…)": "address ip ipv4_address",
        "write mode=Bridge(address6=…)": "address6 ip6 ipv6 ipv6_address",
        "write mode=Bridge(endpoints=[…])": "endpoints",
        "write mode=Bridge(mac=…)": "mac mac_address",
        "write mode=…": "network_mode kind",
        "write mode=Container(sandbox=…)": "container sandbox",
        "write namespace=…": "pid netns ns path",
        "sandboxes of one network reach each other: leave it out": "links depends_on",
        "write the files into /etc/netns/NAME/, as for ip netns exec": "dns dns_search extra_hosts hosts resolv_conf",
        "a sandbox has the host's files: run a program in it with host[NAME].run([…])": "image",
        "run a program in it with host[NAME].run([…])": "command cmd args entrypoint program",
    },
    "Network": {
        "write subnet=…": "cidr subnets ipam address ip",
        "write ipv6=True": "enable_ipv6",
        "write ipv4=False, for one without IPv4": "enable_ipv4",
        "write ip_range=…": "range pool",
        "write aux_addresses={NAME: ADDRESS}": "aux_address reserved",
        "write gateway=…": "gw",
        "write host_ipv4=…": "snat snat_ip",
        "write icc=False": "isolate enable_icc",
        "write bridge=…": "bridge_name interface ifname",
        "write masquerade=…": "nat ip_masq enable_ip_masquerade",
        "every network is a bridge: leave it out": "driver",
        "each of Docker's options is a field: bridge, mtu, masquerade, icc, gateway_mode …": "driver_opts options",
        "ports are a sandbox's: Sandbox(…, mode=Bridge(publish=[…]))": "publish ports",
    },
    "Host": _RUN
    | {
        "write apply(*specs)": "up create add deploy ensure update build start",
        "write destroy(NAME), or take_down(*specs)": "down remove rm delete stop kill",
        "write destroy_all()": "prune clear cleanup reset teardown",
        "write sandboxes(), or missing() for what is broken": "ps ls list containers status",
        'write host["NAME"]': "sandbox get container inspect",
        "write networks()": "network bridges",
        "write links()": "veths interfaces",
    },
    "LiveSandbox": _RUN
    | {
        "write address": "ip ip_address ipv4 ipv4_address addr",
        "write mac": "mac_address hwaddr lladdr",
        "write ports": "published port port_bindings",
        "write endpoints: each has its network, bridge and veth": "network networks gateway bridge veth interface mtu",
        "write namespace, which is its path": "netns ns path",
        "write destroy()": "stop kill remove rm delete down close",
        "write host.apply(spec)": "apply update restart up",
        "write host.missing(): what does not hold of it": "status state stats health",
        "each program that popen starts has a pid": "pid pids top ps",
        "write resolved": "attrs inspect config",
    },
}

_TABLE = {
    kind: {word: answer for answer, words in told.items() for word in words.split()} for kind, told in _ANSWERS.items()
}


def instead(kind: type, word: str, known: Iterable[str]) -> str:
    """What to write for a word that a class does not have, of those that it has; or nothing."""
    told = next((_TABLE[one.__name__] for one in kind.__mro__ if one.__name__ in _TABLE), {})
    return told.get(word) or suggestion(word, known) or told.get(closest(word, told), "")


class Answering:
    """Answers with what to write, where an attribute is not there."""

    if not TYPE_CHECKING:  # a type checker would take every attribute to be there

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            if hasattr(kind, name):  # a property failed: let it say why itself
                return object.__getattribute__(self, name)
            public = [one for one in dir(kind) if not one.startswith("_")]
            answer = "" if name.startswith("_") else instead(kind, name, public)
            # With the name, and no object, Python adds no guess of its own.
            raise AttributeError(f"{kind.__name__} has no attribute {shown(name)}{answer and f': {answer}'}", name=name)
