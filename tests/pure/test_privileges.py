"""Who may not build networks is told what is missing, and how to get it; nothing here asks the kernel."""

from __future__ import annotations

import errno

import pytest

from netbuilder.errors import PrivilegeError
from netbuilder.kernel import advice, privileges, user_namespace

NET, SYS = 1 << 12, 1 << 21
ALL = (1 << 41) - 1


class Process:
    """What the kernel would say of the calling process; it stands in for `Path` and `os` too."""

    capabilities = ALL
    threads = 1
    refusal: OSError | None = None
    moved = False
    mounts = ""

    def __call__(self, path: str) -> Process:
        self.path = path
        return self

    def read_text(self, errors: str = "strict") -> str:
        if self.path == "/proc/thread-self/mountinfo":
            return self.mounts
        assert self.path == "/proc/thread-self/status"
        return f"Name:\tpython\nCapPrm:\t{ALL:016x}\nCapEff:\t{self.capabilities:016x}\nCapBnd:\t{ALL:016x}\n"

    def listdir(self, path: str) -> list[str]:
        assert path == "/proc/self/task"
        return [str(number) for number in range(self.threads)]

    def become_root(self) -> None:
        if self.refusal:
            raise self.refusal
        self.moved = True


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    process = Process()
    monkeypatch.setattr(privileges, "Path", process)
    monkeypatch.setattr(privileges, "os", process)
    monkeypatch.setattr(advice, "start_isolated", lambda: "START")
    monkeypatch.setattr(advice, "allow_namespaces", lambda: "ALLOW")
    monkeypatch.setattr(advice, "_HAVE_THREADS", ())
    monkeypatch.setattr(privileges, "check_network", lambda: None)
    monkeypatch.setattr(user_namespace, "enter", process.become_root)
    return process


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        (ALL, []),
        (NET | SYS, []),
        (ALL & ~NET, ["CAP_NET_ADMIN"]),
        (NET, ["CAP_SYS_ADMIN"]),
        (0, ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]),
    ],
)
def test_what_is_missing_is_named(process: Process, capabilities: int, missing: list[str]) -> None:
    process.capabilities = capabilities
    assert privileges.missing_capabilities() == missing
    if not missing:
        privileges.check_privileges()
        return
    with pytest.raises(PrivilegeError, match=f"takes {' and '.join(missing)}, which this process lacks") as caught:
        privileges.check_privileges()
    assert caught.value.hint == "use sudo; or without root, on a throw-away host: Host.isolated(); or START"


def test_a_process_that_has_all_it_needs_does_not_move(process: Process) -> None:
    process.threads = 2
    privileges.become_root()
    assert not process.moved


def test_a_process_with_one_thread_moves(process: Process) -> None:
    process.capabilities = 0
    privileges.become_root()
    assert process.moved


def test_a_process_with_threads_cannot_move(process: Process) -> None:
    process.capabilities, process.threads = 0, 2
    with pytest.raises(PrivilegeError, match="only a process with one thread") as caught:
        privileges.become_root()
    assert caught.value.hint == "make the host before any thread is started; or START"
    assert not process.moved


@pytest.mark.parametrize(("number", "name"), [(errno.EPERM, "EPERM"), (errno.ENOSPC, "ENOSPC"), (None, "")])
def test_where_it_is_forbidden_it_is_told_how_to_allow_it(process: Process, number: int | None, name: str) -> None:
    process.capabilities = 0
    process.refusal = OSError(number, "no") if number else OSError("no")
    with pytest.raises(PrivilegeError, match=rf"does not let an ordinary user .* \({name}\)") as caught:
        privileges.become_root()
    assert caught.value.hint == "use sudo; or ALLOW"


def test_in_a_chroot_it_is_told_what_is_missing() -> None:
    error = privileges.refused(OSError(errno.EINVAL, "Invalid argument"))
    assert str(error) == "there can be no throw-away host here, as / is not a mount (EINVAL)"
    assert "mount --bind" in error.hint


ROOT = "21 1 8:1 / / rw,relatime {tags}- ext4 /dev/root rw\n"
RUN = "22 21 0:20 / /run rw {tags}- tmpfs tmpfs rw\n"
PINS = "23 22 0:20 /netns /run/netns rw {tags}- tmpfs tmpfs rw\n"
SHARED, SLAVE, BOTH, PRIVATE = "shared:1 ", "master:1 ", "shared:2 master:1 ", ""


@pytest.mark.parametrize(
    ("mounts", "follows"),
    [
        ([(ROOT, SHARED)], False),
        ([(ROOT, PRIVATE)], False),
        ([(ROOT, SLAVE)], True),
        ([(ROOT, BOTH)], False),
        ([(ROOT, SLAVE), (RUN, PRIVATE)], False),  # a /run of its own, as on a throw-away host
        ([(ROOT, SHARED), (RUN, SLAVE)], True),
        ([(ROOT, SLAVE), (RUN, SLAVE), (PINS, SHARED)], False),
        ([(ROOT, SHARED), (RUN, SHARED), (PINS, SLAVE)], True),
        ([(ROOT, SLAVE), (RUN, SHARED), (RUN, SLAVE)], True),  # the last one is on top
        ([], False),
    ],
)
def test_where_mounts_follow_others_a_pin_would_be_seen_nowhere_else(
    process: Process, mounts: list[tuple[str, str]], follows: bool
) -> None:
    process.mounts = "".join(line.format(tags=tags) for line, tags in mounts)
    if not follows:
        privileges.check_mounts()
        return
    with pytest.raises(PrivilegeError, match="this process sees mounts of its own") as caught:
        privileges.check_mounts()
    assert caught.value.hint == "enter the network alone: nsenter --net=/run/netns/NAME netbuilder up"
