"""nftables, through libnftables. The only importer of its Python bindings.

Text, not JSON: the text is what is shown. One call is one transaction, all or nothing.
"""

from __future__ import annotations

import errno
import os
import re
from functools import lru_cache
from typing import Any

from netbuilder.errors import MissingLibrary

_ERROR_LINE = re.compile(r"Error: (?:Could not process rule: )?(.*)")


class NftError(Exception):
    """A transaction that was refused: the errno, and what nft says."""

    def __init__(self, errno_: int, detail: str) -> None:
        super().__init__(detail)
        self.errno, self.detail = errno_, detail


class Nft:
    """An nftables context in the calling thread's namespace."""

    def __init__(self) -> None:
        self._nft = _bindings().Nftables()

    def close(self) -> None:
        """Free the context, and the socket that would keep its namespace alive: with the last reference it goes."""
        del self._nft

    def run(self, text: str) -> str:
        """Carry out one transaction, or list; returns what nft prints.

        Raises:
            NftError: If nft or the kernel refuses it; nothing of it was done.
        """
        failed, output, error = self._nft.cmd(text)
        if failed:
            raise _explained(error)
        return str(output)

    def list_rules(self) -> str:
        """`nft -a -t list ruleset`: every rule with its number, and no elements; nothing if that is no text.

        Who writes rules without nft can give them names that are none.
        """
        self._nft.set_handle_output(True)
        self._nft.set_terse_output(True)
        try:
            return self.run("list ruleset")
        except (NftError, UnicodeDecodeError):
            return ""


def _explained(error: str) -> NftError:
    match = _ERROR_LINE.search(error)
    detail = match[1] if match else error.strip()
    return NftError(_errno_of(detail), detail)


def _errno_of(detail: str) -> int:
    """libnftables gives the kernel's errno as its text only."""
    return next((number for number in errno.errorcode if os.strerror(number) in detail), errno.EINVAL)


@lru_cache(maxsize=1)
def _bindings() -> Any:
    """The bindings, if the library that they bind is there."""
    import nftables

    try:
        nftables.Nftables()
    except OSError as error:
        raise MissingLibrary(
            f"libnftables is not installed ({error})", "on Debian and Ubuntu: apt install libnftables1"
        ) from None
    return nftables
