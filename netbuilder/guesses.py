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
    "write socket()": "connect listen bind open_socket",
}

_ANSWERS: dict[str, dict[str, str]] = {
    "Bridge": {
        'write publish=["8088:80"]': "ports port expose published port_bindings host_port",
        'write address="10.9.0.2"': "ip ipv4 ip_address ipv4_address addr",
        'write mac="02:42:0a:09:00:02"': "mac_address hwaddr lladdr",
        "the name is the sandbox's: Sandbox(name=…, mode=Bridge(…))": "name",
        "it is the network's: Network(…, subnet=…, gateway=…, mtu=…)": "subnet gateway mtu masquerade internal bridge",
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
        "write gateway=…": "gw",
        "write bridge=…": "bridge_name interface ifname",
        "write masquerade=…": "nat snat ip_masq enable_ip_masquerade",
        "every network is a bridge: leave it out": "driver",
        "write bridge=…, mtu=… or masquerade=…": "driver_opts options",
        "a network has IPv4 alone so far: leave it out": "enable_ipv6 ipv6",
        "neighbours always talk: leave it out": "icc",
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
        "write ports": "publish published port port_bindings",
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
