"""What an interface leaves to those behind it, as `ethtool -k` shows it and `ethtool -K` sets it (linux/ethtool.h)."""

from __future__ import annotations

import struct
from array import array

from netbuilder.kernel.netlink import Netlink

_SIOCETHTOOL = 0x8946
_GET = {"tso": 0x1E, "gro": 0x2B}
_SET = {"tso": 0x1F, "gro": 0x2C}


def read(at: Netlink, dev: str, offload: str) -> bool | None:
    """Whether an offload is on; None if there is no such interface."""
    try:
        return bool(_ask(at, dev, _GET[offload], 0))
    except OSError:
        return None


def write(at: Netlink, dev: str, offload: str, on: bool) -> None:
    """Turn an offload on or off."""
    _ask(at, dev, _SET[offload], on)


def _ask(at: Netlink, dev: str, command: int, value: int) -> int:
    asked = array("I", (command, value))
    at.ioctl(_SIOCETHTOOL, struct.pack("16sP16x", dev.encode(), asked.buffer_info()[0]))
    return asked[1]
