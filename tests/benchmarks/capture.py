"""Whether a capture at four interfaces loses packets while the machine is busy with other things.

capture.py [PACKETS_PER_SECOND [SECONDS [BYTES]]]    by default 10,000 for 5 seconds, of 200 and of 1,400 bytes

Another machine sends datagrams to a published port; they pass the host's uplink, the bridge, the host's end of the veth
pair and the sandbox's eth0, and each is recorded four times. Two programs meanwhile do nothing but keep the processors
busy. Prints what was sent, recorded and dropped, whether the file is in the order of time, and the most memory used.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

PORT, HERE, THERE = 8088, "192.0.2.1", "192.0.2.2"
SPIN = [sys.executable, "-c", "while True: pass"]


def send(rate: int, seconds: float, size: int) -> None:
    """Send at a rate, and print how many."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect((HERE, PORT))
        data, sent, began = bytes(size), 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            while sent < passed * rate:
                sender.send(data)
                sent += 1
            time.sleep(0.001)
    print(sent)


def in_order(path: Path) -> bool:
    """Whether each packet of a pcapng file is later than the one ahead of it."""
    times, data, at = [], path.read_bytes(), 0
    while at < len(data):
        kind, size, _, high, low = struct.unpack_from("=5I", data, at)
        if kind == 6:
            times.append(high << 32 | low)
        at += size
    return all(earlier < later for earlier, later in pairwise(times))


def measure(rate: int, seconds: float, size: int) -> dict[str, object]:
    """Record one stream of datagrams."""
    from netbuilder import Bridge, Host, Network, Sandbox

    with Host.isolated() as host, tempfile.TemporaryDirectory() as directory:
        web = Sandbox("web", mode=Bridge(network="lab", publish=[f"{PORT}:80/udp"]))
        host.apply(Network("lab"), web, Sandbox("machine", mode="none"))
        script = f"""
            ip link add eth0 type veth peer name eth0 netns machine
            ip address add {HERE}/24 dev eth0 && ip link set eth0 up
            ip -n machine address add {THERE}/24 dev eth0 && ip -n machine link set eth0 up"""
        host.run(["sh", "-euc", script], check=True)
        with host["web"].socket(kind=socket.SOCK_DGRAM) as sink:
            sink.bind(("", 80))
            file = Path(directory, "packets.pcapng")
            busy = [subprocess.Popen(SPIN) for _ in range(2)]
            try:
                with host.capture("web", file=file, also=["bridge", "veth"], filter="udp and not port 53") as capture:
                    sender = [sys.executable, __file__, "send", str(rate), str(seconds), str(size)]
                    sent = int(host["machine"].run(sender, check=True, capture_output=True, text=True).stdout)
            finally:
                for one in busy:
                    one.kill()
                    one.wait()
            counts = capture.counts.values()
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            return {
                "per second": rate,
                "bytes": size,
                "sent": sent,
                "recorded": [one.packets for one in counts],
                "dropped": [one.dropped for one in counts],
                "in order": in_order(file),
                "MiB at most": memory,
                "load": round(os.getloadavg()[0], 1),
            }


def main() -> None:
    """Measure as asked for."""
    if sys.argv[1:2] == ["send"]:
        send(int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
        return
    given = list(map(int, sys.argv[1:]))
    rate, seconds = [*given, *(10_000, 5)[len(given) :]][:2]
    sizes = given[2:] or [200, 1400]
    for size in sizes:
        print(measure(rate, seconds, size), flush=True)


if __name__ == "__main__":
    main()
