"""What others take for the same: the CNI plugins, netavark and a Docker Engine, where they are installed.

One sandbox with one published port is added and deleted again, on a throw-away host where the bridge and the rules
that sandboxes share are there already. None of the three makes the namespace itself, so that is not in their time.

    peers.py netbuilder ROUNDS   prints the milliseconds of each round as JSON
    peers.py host NAME ROUNDS    the same for another, on a throw-away host
    peers.py NAME ROUNDS         the same, by a process that is on one already
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dockerd import Dockerd
from measure import HERE, PATIENCE, Failed, fresh, settle, spread

from netbuilder.kernel.privileges import missing_capabilities

ROUNDS = 10
PINS = Path("/run/netns")
CNI_DIRECTORIES = ("/usr/lib/cni", "/usr/libexec/cni", "/opt/cni/bin")
NETAVARK_DIRECTORIES = ("/usr/lib/podman", "/usr/libexec/podman")

Rounds = tuple[list[float], list[float]]
"""Milliseconds of each addition, and of each deletion."""


def timed(action: Callable[[], object]) -> float:
    """Milliseconds that something takes."""
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


def rounds(count: int, add: Callable[[int], object], delete: Callable[[int], object]) -> Rounds:
    """Add and delete, on a host where one sandbox is there from the start to the end."""
    namespaces(count + 1)
    add(0)
    costs = [(timed(lambda at=at: add(at)), timed(lambda at=at: delete(at))) for at in range(1, count + 1)]
    delete(0)
    return [cost for cost, _ in costs], [cost for _, cost in costs]


def namespaces(count: int) -> None:
    """The namespaces, which are made ahead."""
    for at in range(count):
        subprocess.run(["ip", "netns", "add", f"box{at}"], check=True)


def command(program: Path, *args: str, given: dict[str, Any], **environment: str) -> bytes:
    """Run a program that reads JSON, and return what it prints."""
    done = subprocess.run(
        [program, *args], input=json.dumps(given).encode(), capture_output=True, env={**os.environ, **environment}
    )
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).decode(errors="replace").strip()[-300:])
    return done.stdout


# The CNI plugins (https://www.cni.dev/docs/spec)


def cni(count: int) -> Rounds:
    """As a container runtime does it: `bridge`, which asks `host-local` for an address, then `portmap`."""
    directory = find_cni()
    assert directory is not None
    with tempfile.TemporaryDirectory() as state:
        plugins = Cni(directory, state)
        return rounds(count, plugins.add, plugins.delete)


class Cni:
    """A network of two plugins."""

    def __init__(self, directory: Path, state: str) -> None:
        self.directory = directory
        common = {"cniVersion": "0.4.0", "name": "lab"}
        ipam = {
            "type": "host-local",
            "dataDir": state,
            "ranges": [[{"subnet": "10.9.0.0/16"}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        options = {"bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True, "ipam": ipam}
        self.bridge = {**common, "type": "bridge", **options}
        self.portmap = {**common, "type": "portmap", "capabilities": {"portMappings": True}}
        self.results: dict[int, Any] = {}

    def add(self, at: int) -> None:
        """Attach a sandbox and publish its port."""
        self.results[at] = json.loads(self._call("ADD", at, self.bridge))
        self._call("ADD", at, self._with_port(at))

    def delete(self, at: int) -> None:
        """The same, backwards."""
        self._call("DEL", at, self._with_port(at))
        self._call("DEL", at, self.bridge)

    def _with_port(self, at: int) -> dict[str, Any]:
        port = {"hostPort": 10000 + at, "containerPort": 80, "protocol": "tcp"}
        return {**self.portmap, "prevResult": self.results[at], "runtimeConfig": {"portMappings": [port]}}

    def _call(self, verb: str, at: int, config: dict[str, Any]) -> bytes:
        return command(
            self.directory / config["type"],
            given=config,
            CNI_COMMAND=verb,
            CNI_CONTAINERID=f"box{at}",
            CNI_NETNS=str(PINS / f"box{at}"),
            CNI_IFNAME="eth0",
            CNI_PATH=str(self.directory),
        )


def find_cni() -> Path | None:
    """The directory of the plugins."""
    given = os.environ.get("CNI_PATH", "")
    for directory in [*given.split(":"), *CNI_DIRECTORIES]:
        if directory and all(Path(directory, name).is_file() for name in ("bridge", "portmap", "host-local")):
            return Path(directory)
    return None


# netavark (man 1 netavark): what Podman calls


def netavark(count: int) -> Rounds:
    """`netavark setup` and `netavark teardown`; Podman has chosen the address by then."""
    program = find_netavark()
    assert program is not None
    with tempfile.TemporaryDirectory() as state:

        def call(verb: str, at: int) -> None:
            command(program, "--config", state, verb, str(PINS / f"box{at}"), given=netavark_options(at))

        return rounds(count, lambda at: call("setup", at), lambda at: call("teardown", at))


def netavark_options(at: int) -> dict[str, Any]:
    """One sandbox on one network with one published port."""
    network = {
        "name": "lab",
        "id": "1ab" * 21 + "1",
        "driver": "bridge",
        "network_interface": "podman1",
        "subnets": [{"subnet": "10.9.0.0/16", "gateway": "10.9.0.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }
    port = {"host_ip": "", "host_port": 10000 + at, "container_port": 80, "protocol": "tcp", "range": 1}
    return {
        "container_id": f"{at:064x}",
        "container_name": f"box{at}",
        "port_mappings": [port],
        "networks": {"lab": {"interface_name": "eth0", "static_ips": [f"10.9.0.{at + 2}"]}},
        "network_info": {"lab": network},
    }


def find_netavark() -> Path | None:
    """The program, which distributions keep out of PATH."""
    found = shutil.which("netavark", path=os.pathsep.join([os.environ.get("PATH", ""), *NETAVARK_DIRECTORIES]))
    return Path(found) if found else None


# Docker


def docker(count: int) -> Rounds:
    """`docker network connect` and `disconnect` of a running container that publishes a port, by the Engine's API."""
    program = find_dockerd()
    assert program is not None
    with tempfile.TemporaryDirectory() as state, Dockerd(program, Path(state)) as engine:
        engine.create_network("lab", "10.9.0.0/16")
        for at in range(2):
            engine.run(f"box{at}", "lab", 10000 + at)
        costs = []
        for _ in range(count + 1):
            deleted = timed(lambda: engine.disconnect("lab", "box1"))
            costs.append((timed(lambda: engine.connect("lab", "box1")), deleted))
            engine.check_published("box1", 10001)
        return [cost for cost, _ in costs[1:]], [cost for _, cost in costs[1:]]


def find_dockerd() -> Path | None:
    """The Engine."""
    found = shutil.which("dockerd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    return Path(found) if found else None


# netbuilder


def netbuilder(count: int) -> Rounds:
    """The same by netbuilder: `Host.apply` and `Host.destroy` of one sandbox, its namespace included."""
    from netbuilder import Bridge, Host, Network, Sandbox

    def box(at: int) -> Sandbox:
        return Sandbox(name=f"box{at}", mode=Bridge(network="lab", publish=[f"{10000 + at}:80"]))

    host = Host.isolated()
    try:
        host.apply(Network(name="lab", subnet="10.9.0.0/16"), box(0))
        costs = [
            (timed(lambda at=at: host.apply(box(at))), timed(lambda at=at: host.destroy(f"box{at}")))
            for at in range(1, count + 1)
        ]
        host.destroy_all()
    finally:
        host.close()
    return [cost for cost, _ in costs], [cost for _, cost in costs]


# In the process of the benchmark

PEERS: dict[str, tuple[str, Callable[[], Path | None], Callable[[int], Rounds]]] = {
    "cni": ("CNI plugins: bridge, portmap", find_cni, cni),
    "netavark": ("netavark", find_netavark, netavark),
    "docker": ("Docker Engine: network connect", find_dockerd, docker),
}


def compare(quick: bool) -> list[dict[str, Any]]:
    """A row for each, and the first for netbuilder, whose time has the making of the namespace in it."""
    settle()
    ours = {"name": "netbuilder: Host.apply, Host.destroy", "version": None, "status": "measured"}
    return [{**ours, **fresh("peers.py", "netbuilder", 1 if quick else ROUNDS)}, *(_row(name, quick) for name in PEERS)]


def _row(name: str, quick: bool) -> dict[str, Any]:
    title, find, _ = PEERS[name]
    row: dict[str, Any] = {"name": title, "version": None, "add_ms": None, "delete_ms": None}
    status = _why_not(name, find(), quick)
    if status:
        return {**row, "status": status}
    settle()
    try:
        costs = fresh("peers.py", "host", name, 1 if quick else ROUNDS)
    except (Failed, subprocess.SubprocessError) as error:
        return {**row, "status": f"failed: {str(error).splitlines()[-1]}"}
    return {**row, "status": "measured", **costs}


def _why_not(name: str, program: Path | None, quick: bool) -> str | None:
    if program is None:
        return "not installed"
    if name == "docker" and missing_capabilities():
        return "needs root"
    return "left out by --quick" if name == "docker" and quick else None


def host(name: str, count: str) -> dict[str, Any]:
    """Make a throw-away host, and in it call this script again; whatever it starts ends with it."""
    from netbuilder import Host

    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, str(HERE / "peers.py")]
    opened = Host.isolated()
    try:
        done = opened.run([*inside, name, count], capture_output=True, timeout=PATIENCE)
    finally:
        opened.close()
    if done.returncode:
        sys.exit(done.stderr.decode(errors="replace"))
    return dict(json.loads(done.stdout))


def measure(name: str, count: int) -> dict[str, Any]:
    """One peer, in this process, which is on a throw-away host."""
    _, find, run = PEERS[name]
    return {"version": version(name, find()), **figures(run(count))}


def figures(costs: Rounds) -> dict[str, Any]:
    """Both ways, summed up."""
    added, deleted = costs
    return {"add_ms": spread(added), "delete_ms": spread(deleted)}


def version(name: str, program: Path | None) -> str | None:
    """What a program says that it is; the CNI plugins do not all know."""
    if name == "cni" or program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return said.strip().removeprefix("Docker version ").removeprefix("netavark ") or None


if __name__ == "__main__":
    if sys.argv[1] == "host":
        print(json.dumps(host(*sys.argv[2:])))
    elif sys.argv[1] == "netbuilder":
        print(json.dumps(figures(netbuilder(int(sys.argv[2])))))
    else:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
