"""Whether the calling process may build networks, and how it gets there without root."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from netbuilder.errors import PrivilegeError
from netbuilder.kernel import advice, namespaces, user_namespace
from netbuilder.steps import PINS

_HOLDERS = (PINS, "/run", "/")  # the mount that holds the pins is the first of these that is one
_NEEDED = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}  # bits of CapEff (linux/capability.h)


def missing_capabilities() -> list[str]:
    """The capabilities that the calling thread would need and lacks (man 7 capabilities)."""
    status = Path("/proc/thread-self/status").read_text()
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    return [name for name, bit in _NEEDED.items() if not effective >> bit & 1]


def check_privileges() -> None:
    """Refuse, with what to do about it, where the kernel would refuse.

    Raises:
        PrivilegeError: If a capability is missing, or is none on this network.
    """
    missing = missing_capabilities()
    if missing:
        raise PrivilegeError(
            f"building networks on this host takes {' and '.join(missing)}, which this process lacks",
            f"use sudo; or without root, on a throw-away host: Host.isolated(); or {advice.start_isolated()}",
        )
    check_network()


def check_network() -> None:
    """Refuse where the calling thread could not step back into the network it is in, as that is not its root's.

    So it is after `unshare --map-root-user`: root of a user namespace, on a network of another (setns(2)).

    Raises:
        PrivilegeError: If this process is root, but not of this network.
    """
    here = namespaces.open_path(namespaces.HERE)
    try:
        namespaces.setns(here)
    except PermissionError:
        raise PrivilegeError(
            "this process is root in its user namespace only, to which the network that it is on does not belong",
            f"Host.isolated() with run, popen and socket works here; or {advice.start_isolated()}",
        ) from None
    finally:
        os.close(here)


def check_mounts() -> None:
    """Refuse where a pin would be gone with this process: in a mount namespace that follows another one.

    That is what `ip netns exec` runs a program in: what is mounted there is seen nowhere else (mount_namespaces(7)).

    Raises:
        PrivilegeError: If what holds the pins is such a mount.
    """
    if _follows_another(Path("/proc/thread-self/mountinfo").read_text(errors="replace")):
        raise PrivilegeError(
            f"this process sees mounts of its own, as after 'ip netns exec': nobody else would see {PINS} as it does",
            "enter the network alone: nsenter --net=/run/netns/NAME netbuilder up",
        )


def _follows_another(mountinfo: str) -> bool:
    """Whether the mount that holds the pins is a slave and no master (proc(5), mountinfo)."""
    found: dict[str, list[str]] = {}
    for line in mountinfo.splitlines():
        where = line.split(" ", 5)[4]
        if where in _HOLDERS:
            found[where] = line.partition(" - ")[0].split(" ")[6:]
    tags = next((found[where] for where in _HOLDERS if where in found), [])
    kinds = {tag.partition(":")[0] for tag in tags}
    return "master" in kinds and "shared" not in kinds


def become_root() -> None:
    """Without privileges, move this process into a user namespace of its own, in which it has them all.

    For good, and it takes a process with one thread (user_namespaces(7)): a thread cannot do it for itself.

    Raises:
        PrivilegeError: If there are more threads, or the distribution forbids it.
    """
    if not missing_capabilities():
        return
    if len(os.listdir("/proc/self/task")) > 1:
        raise PrivilegeError(
            "without root, only a process with one thread can get a throw-away host, and this one has more",
            advice.without_threads(),
        )
    try:
        user_namespace.enter()
    except OSError as error:
        raise refused(error) from None


def refused(error: OSError) -> PrivilegeError:
    """The error where there can be no throw-away host: ordinary users may not be let have user namespaces."""
    name = errno.errorcode.get(error.errno or 0, "")
    if error.errno == errno.EINVAL:
        return PrivilegeError(
            f"there can be no throw-away host here, as / is not a mount ({name})",
            "in a chroot it has to be one: mount --bind DIR DIR, then chroot DIR",
        )
    return PrivilegeError(
        f"this system does not let an ordinary user have a namespace of their own ({name})",
        f"use sudo; or {advice.allow_namespaces()}",
    )
