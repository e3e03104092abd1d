"""The database of one host namespace: its file, its locks, its version.

Whoever only looks does not wait for a call that is at work: the host has a lock, for as long as a call takes, and the
database one of its own, for as long as a transaction takes. Both are flock(2), which the kernel takes from a dead
process. SQLite's own locks belong to a process and are noted in its memory: a fork takes the notes along and not the
locks, and would then read and write without any.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netbuilder.engine.removal import Records
from netbuilder.engine.salvage import quoted_name, salvage, tables
from netbuilder.errors import NetbuilderError

DIRECTORY = Path("/run/netbuilder")
VERSION = 2
"""Of the tables and what is in them; the first had none."""

_SCHEMA = f"""
CREATE TABLE units (kind TEXT, name TEXT, resolved TEXT, records TEXT, PRIMARY KEY (kind, name));
CREATE TABLE intents (kind TEXT, name TEXT, records TEXT, PRIMARY KEY (kind, name));
PRAGMA user_version = {VERSION};
"""
TAKE_BACK = "take everything back: netbuilder down --all"


class Database:
    """The database of one host namespace. Belongs to one thread, as SQLite's connections do."""

    def __init__(self, host: int, directory: Path = DIRECTORY) -> None:
        """Open the database of the namespace with this cookie, or begin one."""
        self.path = directory / f"{host:x}.db"
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._host_lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._lock = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._db = sqlite3.connect(f"{self.path.as_uri()}?vfs=unix-none", uri=True, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise _named(self.path, error) from error
        self._db.text_factory = lambda text: text.decode(errors="replace")
        _open_databases.add(self)
        # Of the host: the same network with another /run has other sandboxes.
        self.identity = self.path.name, os.fstat(self._lock).st_dev
        self._is_ours_alone = False
        try:
            with self.opened() as db:
                # /run is memory: nothing in it outlives the machine, so nothing is gained by waiting for a disk.
                db.executescript("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF;")
                if not tables(db):
                    db.executescript(_SCHEMA)
                self._read_version(db)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database."""
        _open_databases.discard(self)
        self._db.close()
        self.let_go()

    def let_go(self) -> None:
        """Close the files of the locks; they are free once nobody has them open, as a fork of a killed process does."""
        os.close(self._lock)
        os.close(self._host_lock)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block."""
        fcntl.flock(self._host_lock, fcntl.LOCK_EX)
        self._is_ours_alone = True
        try:
            with self.opened() as db:
                self._read_version(db)
            yield
        finally:
            self._is_ours_alone = False
            fcntl.flock(self._host_lock, fcntl.LOCK_UN)

    @contextmanager
    def opened(self, to_write: bool = False) -> Iterator[sqlite3.Connection]:
        """The connection, for the length of a `with` block in which nobody else writes, nor reads if `to_write`."""
        if self._is_ours_alone and not to_write:  # only who holds the host's lock writes
            with _named_errors(self.path):
                yield self._db
            return
        with _named_errors(self.path):
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            try:
                if not to_write:
                    self._read_version(self._db)
                yield self._db
            finally:
                fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _read_version(self, db: sqlite3.Connection) -> None:
        """Anew each time: another program may have begun the database anew, or brought it to its own version."""
        (self.version,) = db.execute("PRAGMA user_version").fetchone()

    def check_version(self) -> None:
        """Refuse what another version wrote.

        Raises:
            NetbuilderError: If it did.
        """
        if self.version != VERSION:
            raise NetbuilderError(
                f"{self.path}, where netbuilder keeps what it made, was written by another version of netbuilder"
                f" (format {self.version or 1}; this one's is {VERSION})",
                f"use that version, or {TAKE_BACK}",
            )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing of what is written in a `with` block."""
        with self.opened(to_write=True) as db:
            db.execute("BEGIN")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # on some errors SQLite has rolled it back itself
                    db.execute("ROLLBACK")
                raise

    # What another version wrote, or nobody can read

    def salvage(self) -> tuple[Records, list[str]]:
        """All that says how to take something back, whatever wrote it, and what of it cannot be understood."""
        with self.opened() as db:
            return salvage(db)

    def start_over(self) -> None:
        """Begin an empty database of this version; nothing is owed any more."""
        with self.transaction() as db:
            for table in tables(db):
                db.execute(f"DROP TABLE {quoted_name(table)}")
            for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):  # executescript() would commit first
                db.execute(statement)
        self.version = VERSION


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _named(path, error) from error


def _named(path: Path, error: sqlite3.Error | OSError) -> Exception:
    """Errors of the database itself, such as a full /run, say where it is. A lacking privilege is the caller's."""
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return error
    return NetbuilderError(
        f"{path}, where netbuilder keeps what it made, can't be used ({error})",
        f"see that there is room (df {path.parent}); a file that is no database has to be removed, and by hand what it"
        " told of: ip netns del NAME, ip link del BRIDGE, nft delete table inet netbuilder",
    )


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _let_go_in_a_fork() -> None:
    """A child would hold its parent's locks for as long as it lives, even if the parent is killed."""
    for database in list(_open_databases):
        database.let_go()
    _open_databases.clear()


os.register_at_fork(after_in_child=_let_go_in_a_fork)
