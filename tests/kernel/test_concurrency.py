"""Many at once: processes, threads and tasks on one host never share an address, a port or a veth pair."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from netbuilder import Bridge, Host, Network, NoNetwork, Plan, Sandbox, SpecError
from tests.kernel.helpers import call, picture, shell
from tests.kernel.leftovers import wait_until

ROOT = str(Path(__file__).parents[2])
LAB = Network(name="lab", subnet="10.9.0.0/24")


def web(name: str) -> Sandbox:
    return Sandbox(name=name, mode=Bridge(network="lab", publish=["80", "53/udp"]))


def start(host: Host, code: str, *args: str) -> subprocess.Popen[str]:
    """Another process on the host that is about to run some Python, and waits for a word."""
    wait = "host = Host.current()\nprint('ready', flush=True)\nsys.stdin.readline()\n"
    program = [sys.executable, "-c", f"import sys\nfrom netbuilder import *\n{wait}{code}", *args]
    process = host.popen(program, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("go\n")
    process.stdin.flush()


def finish(process: subprocess.Popen[str]) -> str:
    """What it prints until it ends."""
    with process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output


def do(host: Host, code: str) -> str:
    """Have another process do something."""
    process = start(host, code)
    go(process)
    return finish(process)


def assert_nothing_is_shared(host: Host, count: int) -> None:
    sandboxes = host.sandboxes()
    endpoints = [endpoint for sandbox in sandboxes for endpoint in sandbox.endpoints]
    ports = [(port.protocol, port.host_ip, port.host_port) for sandbox in sandboxes for port in sandbox.ports]
    assert len(endpoints) == count
    assert len({endpoint.addresses for endpoint in endpoints}) == count
    assert len({endpoint.veth for endpoint in endpoints}) == count
    assert len(set(ports)) == len(ports) == 2 * count


def test_processes(host: Host) -> None:
    code = """
lab = Network(name="lab", subnet="10.9.0.0/24")
for number in range(8):
    host.apply(lab, Sandbox(name=f"{sys.argv[1]}{number}", mode=Bridge(network="lab", publish=["80", "53/udp"])))
"""
    before = picture(host)
    others = [start(host, code, name) for name in ("a", "b", "c")]
    for other in others:
        go(other)
    for number in range(8):
        host.apply(LAB, web(f"d{number}"))
    for other in others:
        finish(other)
    assert_nothing_is_shared(host, 32)
    assert host.diff(LAB, *(web(sandbox.name) for sandbox in host.sandboxes())).plan == Plan()
    host.destroy_all()
    assert picture(host) == before


def test_two_processes_that_ask_for_the_same(host: Host) -> None:
    """Both get it, and it is made once."""
    code = "print(sum(len(host.apply(Sandbox(name=f'same{number}')).plan) for number in range(5)))"
    others = [start(host, code), start(host, code)]
    for other in others:
        go(other)
    steps = sum(int(finish(other)) for other in others)
    assert len(host.sandboxes()) == 5
    alone = int(do(host, code.replace("same", "alone")))
    assert steps == alone + len(host.plan(Network(name="bridge")))


def test_a_process_sees_what_another_has_done(host: Host) -> None:
    host.apply(LAB, web("first"))
    do(host, "host.apply(Sandbox(name='second', mode=Bridge(network='lab', address='10.9.0.3')))")
    assert str(host["second"].address) == "10.9.0.3"
    host.apply(web("third"))
    assert str(host["third"].address) == "10.9.0.4"
    do(host, "host.destroy('second')")
    assert "second" not in host
    host.apply(web("fourth"))
    assert str(host["fourth"].address) == "10.9.0.3"


def test_a_lock_dies_with_its_process(host: Host) -> None:
    """While somebody is at work others wait, and when they are killed the wait is over."""
    code = """
def stop(step):
    print("at work", flush=True)
    sys.stdin.readline()
host.apply(Sandbox(name="theirs", mode=NoNetwork()), watch=stop)
"""
    with start(host, code) as other, ThreadPoolExecutor() as threads:
        assert other.stdout
        go(other)
        assert other.stdout.readline() == "at work\n"
        waiting = threads.submit(host.apply, Sandbox(name="ours", mode=NoNetwork()))
        with pytest.raises(TimeoutError):
            waiting.result(0.2)
        other.kill()
        assert [one.name for one in waiting.result(30).units] == ["ours"]
    assert [sandbox.name for sandbox in host.sandboxes()] == ["ours"]
    assert shell(host, "ls /run/netns").split() == ["ours"]


def test_threads(host: Host) -> None:
    before = picture(host)
    with ThreadPoolExecutor(8) as threads:
        plans = list(threads.map(lambda number: host.apply(LAB, web(f"web{number}")), range(24)))
    assert all(plans)
    assert_nothing_is_shared(host, 24)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: host.destroy(f"web{number}"), range(24)))
    host.destroy_all()
    assert picture(host) == before


def test_threads_with_processes_and_sockets(host: Host) -> None:
    """No thread ever finds itself in another's sandbox."""
    host.apply(LAB, *(web(f"web{number}") for number in range(6)))

    def look(number: int) -> None:
        sandbox = host[f"web{number % 6}"]
        assert f" {sandbox.address}/24 " in shell(sandbox, "ip -o -4 address show dev eth0")
        with sandbox.socket() as socket:
            socket.bind((str(sandbox.address), 0))
        assert call(host, (str(sandbox.address), 1000 + number), sandbox, 1000 + number, "tcp") == "10.9.0.1"

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(look, range(36)))


def test_asyncio(new_host: Callable[[], Host]) -> None:
    host = new_host()

    async def build() -> None:
        host.apply(LAB, web("direct"))  # also right inside a running loop
        tasks = (asyncio.to_thread(host.apply, web(f"task{number}")) for number in range(8))
        assert all(await asyncio.gather(*tasks))
        assert host.diff(LAB, web("direct")).plan == Plan()
        assert len(host.links()) == 9
        assert host.run(["true"]).returncode == 0
        host.destroy("direct")

    asyncio.run(build())
    assert_nothing_is_shared(host, 8)


def test_two_hosts_side_by_side(new_host: Callable[[], Host]) -> None:
    """Both with a `web`, on the same port and the same address, and neither sees the other."""
    one, two = new_host(), new_host()
    spec = Sandbox(name="web", mode=Bridge(publish=["8088:80"]))
    one.apply(spec)
    two.apply(spec)
    assert one["web"].address == two["web"].address
    assert shell(one["web"], "readlink /proc/self/ns/net") != shell(two["web"], "readlink /proc/self/ns/net")
    for host in (one, two):
        assert call(host, ("127.0.0.1", 8088), host["web"], 80, "tcp") == "172.17.0.1"
    two.destroy_all()
    assert "web" in one
    assert "web" not in two
    assert call(one, ("127.0.0.1", 8088), one["web"], 80, "tcp") == "172.17.0.1"


def test_the_callers_thread_never_moves(host: Host) -> None:
    here = Path("/proc/thread-self/ns/net").readlink()
    host.apply(Sandbox(name="box", mode=NoNetwork()))
    assert Path("/proc/thread-self/ns/net").readlink() == here
    assert shell(host, "readlink /proc/self/ns/net").strip() != str(here)


def test_to_enter_moves_one_thread(host: Host) -> None:
    host.apply(Sandbox(name="box", mode=NoNetwork()))
    there = shell(host["box"], "readlink /proc/self/ns/net").strip()
    here = str(Path("/proc/thread-self/ns/net").readlink())
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def visit() -> None:
        with host["box"].enter():
            seen.append(str(Path("/proc/thread-self/ns/net").readlink()))
            seen.append(
                subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, text=True).stdout.strip()
            )
            inside.set()
            leave.wait(10)
        seen.append(str(Path("/proc/thread-self/ns/net").readlink()))

    visitor = threading.Thread(target=visit)
    visitor.start()
    wait_until(inside.is_set, "the visitor is inside")
    assert str(Path("/proc/thread-self/ns/net").readlink()) == here
    assert host.run(["true"]).returncode == 0
    leave.set()
    visitor.join()
    assert seen == [there, there, here]


def test_to_enter_and_fail_leads_back_out(host: Host) -> None:
    host.apply(Sandbox(name="box", mode=NoNetwork()))
    here = Path("/proc/thread-self/ns/net").readlink()
    with pytest.raises(ZeroDivisionError), host["box"].enter():
        raise ZeroDivisionError
    assert Path("/proc/thread-self/ns/net").readlink() == here


def test_an_error_on_one_thread_leaves_the_others_alone(host: Host) -> None:
    host.apply(LAB)

    def build(number: int) -> bool:
        try:
            host.apply(Sandbox(name=f"web{number}", mode=Bridge(network="lab" if number % 2 else "nowhere")))
        except SpecError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(build, range(16))) == [bool(number % 2) for number in range(16)]
    assert len(host.sandboxes()) == 8
    assert len({sandbox.address for sandbox in host.sandboxes()}) == 8


FORKED = """
import multiprocessing, sys
from netbuilder import *

def child(turn, done):
    host = Host.current()
    turn.wait()
    host.apply(Sandbox(name="child"))
    done.set()
    host.close()

fork = multiprocessing.get_context("fork")
turn, done = fork.Event(), fork.Event()
host = Host.current()
host.apply(Sandbox(name="parent"))
process = fork.Process(target=child, args=(turn, done))
process.start()
import time; time.sleep(0.3)
host.close()
turn.set()
done.wait()
process.join()
with Host.current() as host:
    host.apply(Sandbox(name="next"))
    print(*(str(sandbox.address) for sandbox in host.sandboxes()))
    host.destroy_all()
"""


def test_a_forked_process_has_the_same_book(host: Host) -> None:
    """SQLite's locks do not survive a fork, and its parent's last connection takes more along than its own."""
    done = host.run([sys.executable, "-c", FORKED], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("172.17.0.2 172.17.0.3 172.17.0.4\n", "")


LOOKING = """
from netbuilder import *
while True:
    with Host.current() as host:
        host.networks(), host.sandboxes(), host.plan(Sandbox(name="w"))
"""


def test_looking_never_meets_a_state_half_made(host: Host) -> None:
    code = "for _ in range(25): host.apply(Network(name='lab'), Sandbox(name='w')); host.destroy_all()"
    other = start(host, code)
    with host.popen([sys.executable, "-c", LOOKING], cwd=ROOT, stderr=subprocess.PIPE, text=True) as looker:
        go(other)
        finish(other)
        looker.terminate()
        assert looker.stderr
        assert looker.stderr.read() == ""
