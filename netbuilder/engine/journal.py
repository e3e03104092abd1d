"""The file of one host namespace: a text that only grows, and the lock of whoever changes the host.

After a header come paragraphs, each ended by an empty line. A paragraph is a transaction, added by one write(2): what
follows the last empty line was cut short by a kill, or is about to be written; nobody reads it, and the next who writes
cuts it off. Where more of the text has been overtaken than still counts, it is written anew beside the old one and put
in its place (rename(2)). So whoever only looks needs no lock, and never waits for a call that is at work.

A lock is a flock(2), which the kernel takes from a dead process.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from netbuilder.engine.ledger import Line, lines
from netbuilder.errors import NetbuilderError

DIRECTORY = Path("/run/netbuilder")
VERSION = 4
"""Of the text and what is in it. Up to 3 it was a database of SQLite's; the first had no version."""

TAKE_BACK = "take everything back: netbuilder down --all"

_SQLITE = b"SQLite format 3\x00"
_HEADER = re.compile(rb"netbuilder store, format ([0-9]{1,9})\n\n")
_ITS_VERSION = slice(60, 64)  # user_version (sqlite.org/fileformat.html)
_LARGE = 1 << 16  # bytes from which on it is worth to write it anew


class Journal:
    """The file, as one process sees it. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin one with the first transaction.

        Raises:
            NetbuilderError: If it is another program's, or the directory cannot be used.
        """
        self.path = path
        self.version = VERSION
        self.is_database = False  # of the versions before this text
        self._file = -1
        self._end = 0  # of the last whole paragraph that was read or written
        self._seen: tuple[int, int, int] | None = None
        with _named_errors(path):
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._host_lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _open_journals.add(self)
        # Of the host: the same network with another /run has other sandboxes.
        self.identity = path.name, os.fstat(self._host_lock).st_dev

    def close(self) -> None:
        """Close the file."""
        _open_journals.discard(self)
        self._close_file()
        self.let_go()

    def let_go(self) -> None:
        """Close the file of the lock; it is free once nobody has it open, as a fork of a killed process does."""
        os.close(self._host_lock)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block."""
        fcntl.flock(self._host_lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._host_lock, fcntl.LOCK_UN)

    # What is read

    def read(self) -> tuple[bool, list[Line]]:
        """What was added since the last time; whether it is another text, so that all that was read before is void."""
        with _named_errors(self.path):
            try:
                seen = _mark(os.stat(self.path))
            except FileNotFoundError:
                was_there, self.version = self._file >= 0, VERSION
                self._close_file()
                return was_there, []
            if seen == self._seen:
                return False, []
            anew = self._seen is None or seen[0] != self._seen[0] or seen[1] < self._end or not self._is_of_version()
            if anew:
                self._open()
            return anew, self._rest() if self.is_current else []

    @property
    def is_current(self) -> bool:
        """Whether it is of this version."""
        return self.version == VERSION and not self.is_database

    def whole(self) -> str:
        """All of the text that is in whole paragraphs, whatever version wrote it; nothing of a database."""
        with _named_errors(self.path):
            if self._file < 0 or self.is_database:
                return ""
            text = os.pread(self._file, os.fstat(self._file).st_size, 0)
            return text[: text.rfind(b"\n\n") + 2].decode(errors="replace")

    def _open(self) -> None:
        self._close_file()
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        head = os.pread(self._file, 64, 0)
        header = _HEADER.match(head)
        if header:
            self._end, self.version = header.end(), int(header[1])
        elif head.startswith(_SQLITE):
            self.is_database, self.version = True, int.from_bytes(head[_ITS_VERSION], "big") or 1
        else:
            self._close_file()
            raise OSError(errno.EINVAL, "it is no store of netbuilder's")

    def _is_of_version(self) -> bool:
        header = _HEADER.match(os.pread(self._file, 64, 0))
        return header is not None and int(header[1]) == self.version

    def _rest(self) -> list[Line]:
        self._seen = _mark(os.fstat(self._file))
        text = os.pread(self._file, self._seen[1] - self._end, self._end)
        whole = text[: text.rfind(b"\n\n") + 2] if b"\n\n" in text else b""
        self._end += len(whole)
        return lines(whole.decode(errors="replace"))

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._end, self._seen, self.is_database = -1, 0, None, False

    # What is written, by who has the lock and has read all

    def is_overgrown(self, length: int) -> bool:
        """Whether it is worth to write it anew, where so much of the text still counts."""
        return self._end > max(_LARGE, 2 * length)

    def write(self, added: Iterable[Line]) -> None:
        """Add a paragraph: all of it, or on an error nothing."""
        if self._file < 0:
            self.write_anew(added)
            return
        text = _paragraph(added)
        with _named_errors(self.path):
            try:
                if os.fstat(self._file).st_size > self._end:  # what was cut short
                    os.ftruncate(self._file, self._end)
                _write(self._file, text)
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(self._file, self._end)
                raise
            self._end += len(text)
            self._seen = _mark(os.fstat(self._file))

    def write_anew(self, whole: Iterable[Line]) -> None:
        """Put another text in the place of whatever is there."""
        new = self.path.with_suffix(".new")
        text = f"netbuilder store, format {VERSION}\n\n".encode() + _paragraph(whole)
        with _named_errors(self.path):
            self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                _write(file, text)
                os.rename(new, self.path)
            except BaseException:
                os.close(file)
                new.unlink(missing_ok=True)
                raise
            self._close_file()
            self._file, self._end, self.version = file, len(text), VERSION
            self._seen = _mark(os.fstat(file))
            self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)  # of a database in its place


def _paragraph(added: Iterable[Line]) -> bytes:
    text = "".join("\t".join(line) + "\n" for line in added)
    return f"{text}\n".encode(errors="replace") if text else b""


def _write(file: int, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]


def _mark(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Errors of the file itself, such as a full /run, say where it is. A lacking privilege is the caller's."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise NetbuilderError(
            f"{path}, where netbuilder keeps what it made, can't be used ({error.strerror})",
            f"see that there is room (df {path.parent}); a file that is no store has to be removed, and by hand what it"
            " told of: ip netns del NAME, ip link del BRIDGE, nft delete table inet netbuilder",
        ) from error


_open_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _let_go_in_a_fork() -> None:
    """A child would hold its parent's locks for as long as it lives, even if the parent is killed."""
    for journal in list(_open_journals):
        journal.let_go()
    _open_journals.clear()


os.register_at_fork(after_in_child=_let_go_in_a_fork)
