"""Settings inside sandboxes, by a procfs of our own where the kernel lets us have one."""

from __future__ import annotations

import os

import pytest

from netbuilder import Bridge, Host, Sandbox
from netbuilder.kernel import namespaces, sysctl
from tests.kernel.helpers import shell


@pytest.mark.parametrize("refused", [False, True])
def test_a_sandbox_gets_its_own_settings(host: Host, refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if refused:
        monkeypatch.setattr(namespaces, "mount_detached", lambda kind: None)
    keys = ("net/ipv4/ip_unprivileged_port_start", "net/ipv6/conf/eth0/disable_ipv6")
    look = "; ".join(f"cat /proc/sys/{key}" for key in keys)
    here = [sysctl.read(key) for key in keys]
    host.apply(*(Sandbox(name=name, mode=Bridge()) for name in ("web", "db")))
    shell(host["db"], f"echo 1024 > /proc/sys/{keys[0]}")
    assert [shell(host[name], look).split() for name in ("web", "db")] == [["0", "1"], ["1024", "1"]]
    (fact,) = (step.command() for plan in host.missing().values() for step in plan)
    assert fact == "ip netns exec db sysctl -q -w net/ipv4/ip_unprivileged_port_start=0"
    assert [sysctl.read(key) for key in keys] == here


def test_the_procfs_is_a_new_one_before_it_gets_slow() -> None:
    procfs = sysctl.Procfs()
    seen, kept = [], []  # what is kept open keeps its device number
    for _ in range(100):
        path, directory = procfs.path("net/ipv4/ip_forward")
        assert directory is not None, "refused on this machine"
        assert os.stat(path, dir_fd=directory).st_size == 0
        seen.append(os.fstat(directory).st_dev)
        kept.append(os.dup(directory))
    procfs.close()
    for one in kept:
        os.close(one)
    assert len(set(seen)) == 2
    assert os.stat("/proc").st_dev not in seen
