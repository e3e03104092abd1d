"""A process that changes a host and is killed while it does: `python -m tests.kernel.mortal`.

It is told on standard input, a line each, what to do and ahead of which effect on the kernel or the store to die;
each time a child of it does so, which spares a start of Python. It answers "killed", or "lived" once all is done.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from netbuilder import Host, Network, Sandbox
from netbuilder.engine.store import Store
from netbuilder.kernel import namespaces, neighbours, netlink, nft, offloads, sysctl

EFFECTS = (
    (netlink.Netlink, "ask"),
    (nft.Nft, "run"),
    (namespaces, "add"),
    (namespaces, "attach"),
    (namespaces, "unpin"),
    (sysctl, "write"),
    (offloads, "write"),
    (Store, "begin"),
    (Store, "begin_removal"),
    (Store, "start_over"),
    (Store, "finish"),
)
"""Every way in which netbuilder changes something."""

Act = Literal["apply", "destroy", "take_down", "connect", "disconnect"]
Mortal = Callable[[Act, int], bool]


@contextmanager
def mortal(host: Host, *specs: Network | Sandbox) -> Iterator[Mortal]:
    """Somebody on a host who does something and dies ahead of an effect; says whether they died."""
    program = [sys.executable, "-m", "tests.kernel.mortal", pickle.dumps(specs).hex()]
    root = str(Path(__file__).parents[2])
    with host.popen(program, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        orders, answers = process.stdin, process.stdout

        def do(act: Act, at: int) -> bool:
            orders.write(f"{act} {at}\n")
            orders.flush()
            answer = answers.readline()
            assert answer in ("killed\n", "lived\n"), answer
            return answer == "killed\n"

        yield do
        orders.close()
        assert process.wait(10) == 0


def _main(specs: tuple[Network | Sandbox, ...]) -> None:
    neighbours.INTERVAL = 0.01  # it is tried hundreds of times
    for line in sys.stdin:
        act, at = line.split()
        child = os.fork()
        if child == 0:
            _die_at(int(at))
            host = Host.current()
            if act == "destroy":
                host.destroy_all()
            elif act in ("connect", "disconnect"):  # the last of the specs, and the first
                getattr(host[specs[-1].name], act)(specs[0].name)
            else:
                getattr(host, act)(*specs)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print({-signal.SIGKILL: "killed", 0: "lived"}.get(os.waitstatus_to_exitcode(status), "failed"), flush=True)


def _die_at(effect: int) -> None:
    left = iter(range(effect, -1, -1))

    def count() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            count()
            return function(*args, **kwargs)

        return wrapped

    for owner, name in EFFECTS:
        setattr(owner, name, deadly(getattr(owner, name)))


if __name__ == "__main__":
    _main(pickle.loads(bytes.fromhex(sys.argv[1])))
