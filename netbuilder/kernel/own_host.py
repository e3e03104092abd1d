"""A process that is a host of its own, with all that it starts: what `netbuilder isolated` makes of itself."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from netbuilder.kernel import namespaces, privileges
from netbuilder.kernel.mounts import own_sys
from netbuilder.kernel.netlink import Netlink
from netbuilder.kernel.rtnetlink import set_link


def become() -> None:
    """Make this process root of a host of its own: an empty network with a loopback, an empty /run.

    For good, and it takes a process with one thread. With root's rights no user namespace is made.

    Raises:
        PrivilegeError: If the system does not let an ordinary user do that.
    """
    _keep_user()
    privileges.become_root()
    try:
        namespaces.isolate()
        own_sys()
    except OSError as error:
        raise privileges.refused(error) from None
    network = Netlink()
    network.tell([set_link("lo", up=True)])
    network.close()
    _renew_runtime_directory()


def _keep_user() -> None:
    """Say whose process it is, where the environment does not: afterwards its user would be taken for root.

    pytest would use root's directory under /tmp, and IPython root's home, and both may not write there.
    """
    uid = os.getuid()
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        os.environ.setdefault("LOGNAME", str(uid))
    else:
        os.environ.setdefault("LOGNAME", user.pw_name)
        os.environ.setdefault("HOME", user.pw_dir)


def _renew_runtime_directory() -> None:
    """XDG_RUNTIME_DIR leads into /run as a rule: an empty one, so that what is said to be there is."""
    directory = Path(os.path.normpath(os.environ.get("XDG_RUNTIME_DIR", "/")))
    if directory.is_relative_to("/run"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
