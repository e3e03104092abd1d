"""What we made and what we owe: SQLite under /run/netbuilder, one file for each host namespace.

The kernel is the truth of what is; this is the truth of whose it is. Two tables of the same shape: `made`, what stands
because of us, and `intents`, what a call has begun. An intent is committed before the first step and is gone after the
last one, so one that is still there belongs to a call that was killed: calls wait for each other at a lock that the
kernel takes from a dead process, and whoever gets it next takes the intent back.

The book itself is locked for as long as it is read or written, by flock(2) too. SQLite's own locks belong to a process
and are noted in its memory: a fork takes the notes along and not the locks, and would then read and write without any.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netbuilder.errors import NetbuilderError
from netbuilder.ledger import Ledger
from netbuilder.receipts import Receipt
from netbuilder.resolved import Ground, ResolvedNetwork, ResolvedSandbox
from netbuilder.units import ORDER, Key, Unit

DIRECTORY = Path("/run/netbuilder")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS made (kind TEXT, name TEXT, resolved TEXT, receipts TEXT, PRIMARY KEY (kind, name));
CREATE TABLE IF NOT EXISTS intents (kind TEXT, name TEXT, receipts TEXT, PRIMARY KEY (kind, name));
"""


def _named(error: sqlite3.Error | OSError) -> Exception:
    """Errors of the book itself, such as a full /run, say where it is. What only lacks a privilege is the caller's."""
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return error
    return NetbuilderError(
        f"{DIRECTORY} can't be used, where netbuilder keeps what it made ({error})",
        f"see that there is room (df {DIRECTORY}) and that the files in it are whole",
    )


class Store:
    """The book of one host namespace. Belongs to one thread, as SQLite's connections do."""

    def __init__(self, host: int, directory: Path = DIRECTORY) -> None:
        """Open the book of the namespace with this cookie, or begin one."""
        book = directory / f"{host:x}.db"
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._lock = os.open(book.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._book = os.open(book, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._db = sqlite3.connect(f"{book.as_uri()}?vfs=unix-none", uri=True, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise _named(error) from error
        try:
            with self._open_book():
                # /run is memory: nothing in it outlives the machine, so nothing is gained by waiting for a disk.
                self._db.executescript("PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF;" + _SCHEMA)
        except BaseException:
            self.close()
            raise
        self._ledger: Ledger | None = None
        self._version = -1

    def close(self) -> None:
        """Close the book."""
        self._db.close()
        os.close(self._book)
        os.close(self._lock)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes this host for the length of a `with` block."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextmanager
    def _open_book(self) -> Iterator[sqlite3.Connection]:
        """Nobody else reads or writes for the length of a `with` block."""
        fcntl.flock(self._book, fcntl.LOCK_EX)
        try:
            yield self._db
        except (sqlite3.Error, OSError) as error:
            raise _named(error) from error
        finally:
            fcntl.flock(self._book, fcntl.LOCK_UN)

    def ledger(self) -> Ledger:
        """What is taken, read anew if another process has written since."""
        with self._open_book() as book:
            (version,) = book.execute("PRAGMA data_version").fetchone()
            if self._ledger is None or version != self._version:
                self._ledger, self._version = _ledger(book), version
        return self._ledger

    def forget(self) -> None:
        """The ledger in memory has been changed and does not tell what is made: read it anew next time."""
        self._ledger = None

    def receipts(self, key: Key) -> list[Receipt] | None:
        """What was done for a unit; None for one that does not stand because of us."""
        with self._open_book() as book:
            row = book.execute("SELECT receipts FROM made WHERE kind = ? AND name = ?", key).fetchone()
        return _receipts(row[0]) if row else None

    def keys(self) -> list[Key]:
        """Every unit that stands because of us."""
        with self._open_book() as book:
            return [Key(*row) for row in book.execute("SELECT kind, name FROM made ORDER BY rowid")]

    def unfinished(self) -> dict[Key, list[Receipt]]:
        """What calls that were killed had begun."""
        with self._open_book() as book:
            rows = book.execute("SELECT kind, name, receipts FROM intents ORDER BY rowid").fetchall()
        return {Key(kind, name): _receipts(receipts) for kind, name, receipts in rows}

    def begin(self, intents: dict[Key, list[Receipt]], strike: bool = False) -> None:
        """Commit what is about to be done, or with `strike` taken back: such units no longer count as made."""
        with self._transaction() as book:
            book.executemany(
                "INSERT OR REPLACE INTO intents VALUES (?, ?, ?)",
                [(*key, _json(receipts)) for key, receipts in intents.items()],
            )
            if strike:
                book.executemany("DELETE FROM made WHERE kind = ? AND name = ?", list(intents))

    def finish(self, new: Iterable[Unit] = (), changed: Iterable[tuple[Unit, list[Receipt]]] = ()) -> None:
        """The intents are carried out: new units stand with the receipts of their intents, changed ones with these."""
        with self._transaction() as book:
            book.executemany(
                "INSERT INTO made SELECT kind, name, ?, receipts FROM intents WHERE kind = ? AND name = ?",
                [(unit.resolved.model_dump_json(), *unit.key) for unit in new],
            )
            book.executemany(
                "UPDATE made SET resolved = ?, receipts = ? WHERE kind = ? AND name = ?",
                [(unit.resolved.model_dump_json(), _json(receipts), *unit.key) for unit, receipts in changed],
            )
            book.execute("DELETE FROM intents")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._open_book() as book:
            book.execute("BEGIN")
            try:
                yield book
                book.execute("COMMIT")
            except BaseException:
                if book.in_transaction:  # on some errors SQLite has rolled it back itself
                    book.execute("ROLLBACK")
                raise


def _ledger(book: sqlite3.Connection) -> Ledger:
    ledger = Ledger()
    rows: dict[str, list[str]] = {kind: [] for kind in ORDER}
    for kind, resolved in book.execute("SELECT kind, resolved FROM made ORDER BY rowid"):
        rows[kind].append(resolved)
    for resolved in rows["rules"]:
        ledger.ground = Ground.model_validate_json(resolved)
    for resolved in rows["network"]:
        ledger.add_network(ResolvedNetwork.model_validate_json(resolved))
    for resolved in rows["sandbox"]:
        ledger.add_sandbox(ResolvedSandbox.model_validate_json(resolved))
    return ledger


def _json(receipts: list[Receipt]) -> str:
    return json.dumps([receipt.to_json() for receipt in receipts])


def _receipts(text: str) -> list[Receipt]:
    return [Receipt.from_json(item) for item in json.loads(text)]
