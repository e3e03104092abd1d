"""A Docker Engine on a throw-away host, spoken to by its API, with one image: a program of a few bytes that waits."""

from __future__ import annotations

import http.client
import io
import json
import os
import platform
import socket
import struct
import subprocess
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

START = 60.0  # seconds until the Engine answers
CGROUPS, CGROUP = Path("/sys/fs/cgroup"), "netbuilder-benchmark"

# for (;;) pause(); for x86-64, and for (;;) ppoll(0, 0, 0, 0); for ARM
CODE = {
    "x86_64": (62, bytes.fromhex("b822000000 0f05 ebf7")),
    "aarch64": (183, bytes.fromhex("000080d2 010080d2 020080d2 030080d2 280980d2 010000d4 faffff17")),
}


def waiter() -> bytes:
    """A static ELF program that does nothing, for ever (man 5 elf)."""
    machine, code = CODE[platform.machine()]
    base, head = 0x400000, 64 + 56
    size = head + len(code)
    elf = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + head, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    return elf + struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000) + code


def image() -> bytes:
    """A root file system with that program in it, as a tar archive."""
    archive, program = io.BytesIO(), waiter()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("wait")
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return archive.getvalue()


class Connection(http.client.HTTPConnection):
    """HTTP by a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("docker")
        self.path = path

    def connect(self) -> None:
        """Connect to it."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Dockerd:
    """The Engine, from its start to its end."""

    def __init__(self, program: Path, state: Path) -> None:
        self.socket, self.log = state / "docker.sock", state / "log"
        _keep_the_machine_as_it_is()
        data, run, pid = ("--data-root", state / "data"), ("--exec-root", state / "run"), ("--pidfile", state / "pid")
        options = [*data, *run, *pid, "--host", f"unix://{self.socket}", "--bridge", "none", "--log-level", "error"]
        options += ["--cgroup-parent", f"/{CGROUP}", "--exec-opt", "native.cgroupdriver=cgroupfs"]  # not systemd's
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([program, *map(str, options)], stdout=log, stderr=log)

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dockerd does not start: {self.log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        self.call("POST", "/images/create?fromSrc=-&repo=waiter", image(), "application/x-tar")
        return self

    def __exit__(self, *error: object) -> None:
        for container in self.call("GET", "/containers/json?all=1"):
            self.call("DELETE", f"/containers/{container['Id']}?force=1")
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for left in [*CGROUPS.glob(CGROUP), *CGROUPS.glob(f"*/{CGROUP}")]:
            left.rmdir()

    def _answers(self) -> bool:
        with suppress(OSError):
            self.call("GET", "/version")
            return True
        return False

    def call(self, verb: str, path: str, body: object = None, kind: str = "application/json") -> Any:
        """One request of the API."""
        connection = Connection(self.socket)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(verb, path, data, {"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{verb} {path}: {text.decode(errors='replace')}")
        return json.loads(text) if text.startswith((b"{", b"[")) and kind == "application/json" else None

    def create_network(self, name: str, subnet: str) -> None:
        """`docker network create`."""
        self.call("POST", "/networks/create", {"Name": name, "IPAM": {"Config": [{"Subnet": subnet}]}})

    def run(self, name: str, network: str, port: int) -> None:
        """`docker run -d --network NETWORK -p PORT:80`."""
        ports = {"80/tcp": [{"HostPort": str(port)}]}
        config = {"Image": "waiter", "Cmd": ["/wait"], "ExposedPorts": {"80/tcp": {}}}
        config["HostConfig"] = {"NetworkMode": network, "PortBindings": ports}
        self.call("POST", f"/containers/create?name={name}", config)
        self.call("POST", f"/containers/{name}/start")

    def connect(self, network: str, container: str) -> None:
        """`docker network connect`."""
        self.call("POST", f"/networks/{network}/connect", {"Container": container})

    def disconnect(self, network: str, container: str) -> None:
        """`docker network disconnect`."""
        self.call("POST", f"/networks/{network}/disconnect", {"Container": container})

    def check_published(self, container: str, port: int) -> None:
        """Make sure that a container's port is open on the host."""
        bound = self.call("GET", f"/containers/{container}/json")["NetworkSettings"]["Ports"].get("80/tcp") or []
        if str(port) not in [one["HostPort"] for one in bound]:
            raise RuntimeError(f"{container} does not publish port {port}")


def _keep_the_machine_as_it_is() -> None:
    """Hide what the Engine would change for all of the machine: a quota of keys, and AppArmor's profiles."""
    keys, apparmor = "/proc/sys/kernel/keys", "/sys/module/apparmor/parameters/enabled"
    subprocess.run(["mount", "--bind", "--options", "ro", keys, keys], check=True)
    if os.path.exists(apparmor):
        subprocess.run(["mount", "--bind", "/dev/null", apparmor], check=True)
