"""What users write, for a strict type checker: all of it is taken, but for the lines that are marked."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from subprocess import PIPE

from netbuilder import (
    Bridge,
    Changes,
    Container,
    Host,
    HostNetwork,
    LiveSandbox,
    Network,
    NoNetwork,
    Plan,
    PublishedPort,
    Sandbox,
)


def specs() -> list[Network | Sandbox]:
    lab = Network("lab", subnet="10.9.0.0/24", gateway=IPv4Address("10.9.0.9"), mtu=1400, internal=True)
    web = Sandbox(
        "web", mode=Bridge(lab, address="10.9.0.2", publish=["8088:80", 53, PublishedPort(80, host_port=8080)])
    )
    return [
        lab,
        web,
        Network(name="other", subnet=IPv4Network("10.8.0.0/24"), bridge="br9", masquerade=False),
        Sandbox(name="a", mode="none", namespace=Path("/run/netns/a")),
        Sandbox("b", mode=Container(web), namespace=None),
        Sandbox("c", mode=Container(sandbox="web")),
        Sandbox("d", mode=HostNetwork()),
        Sandbox("e", mode=NoNetwork, namespace=1234),
        Sandbox("f", mode=Bridge("lab", address=IPv4Address("10.9.0.3"), mac="02:42:0a:09:00:03")),
    ]


def handles(host: Host) -> str:
    plan: Plan = host.plan(*specs())
    changes: Changes = host.apply(*specs())
    web: LiveSandbox = host["web"]
    address: IPv4Address | None = web.address
    mac: str | None = web.mac
    there: bool = web in host and Sandbox("web") in host and Network("lab") in host and host[web] == web
    mode = Container(web), Bridge(host.networks()[0])
    web.run(["cat"], input="text", capture_output=True)
    web.popen(["cat"], stdin=PIPE)
    host.destroy(web, Network("lab"), "other")
    host.take_down(*specs())
    return f"{plan}{changes}{address}{mac}{there}{mode}{[name.upper() for name in host]}"


def refused(host: Host) -> None:
    Sandbox("web", Bridge())  # type: ignore[call-arg]
    Sandbox(name="web", publish=["8088:80"])  # type: ignore[call-arg]
    Bridge(ports=["8088:80"])  # type: ignore[call-arg]
    Bridge(publish=8088)  # type: ignore[arg-type]
    Bridge(network=Sandbox("web"))  # type: ignore[arg-type]
    Container(sandbox=Network("lab"))  # type: ignore[arg-type]
    HostNetwork(publish=[])  # type: ignore[call-arg]
    host.apply({"name": "web"})  # type: ignore[arg-type]
    host.apply("web")  # type: ignore[arg-type]
    host.apply(host["web"])  # type: ignore[arg-type]
    host[Network("lab")]  # type: ignore[index]
    host["web"].ip  # type: ignore[attr-defined]  # noqa: B018
    host.destroy(*host.networks())  # type: ignore[arg-type]
    host.ps()  # type: ignore[attr-defined]
    Host(host)  # type: ignore[call-arg]
