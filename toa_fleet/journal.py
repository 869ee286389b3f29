# SPDX-License-Identifier: GPL-2.0-only
"""The journal: who changed which node when, and how it ended. SQLite.

It remembers; it never decides. A push is not held up or failed by it: callers
catch :class:`LocalError` and say that the history has a gap.
"""

from __future__ import annotations

import getpass
import os
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from toa_fleet.errors import LocalError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY,
    started REAL NOT NULL,      -- seconds since the epoch, this machine's clock
    ended REAL,                 -- empty: it was killed
    operator TEXT NOT NULL,
    command TEXT NOT NULL,
    exit_status INTEGER
);
CREATE TABLE IF NOT EXISTS results (
    run INTEGER NOT NULL REFERENCES runs(id),
    at REAL NOT NULL,
    host TEXT NOT NULL,
    outcome TEXT NOT NULL,
    word TEXT NOT NULL,
    artifact TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS results_by_host ON results(host, at);
PRAGMA user_version = 1;
"""
#: How long another toa-fleet may hold the file, in seconds.
_BUSY = 10.0


@dataclass(frozen=True)
class Entry:
    """One node's result in one run; ``at`` in seconds since the epoch."""

    at: float
    operator: str
    command: str
    host: str
    outcome: str
    word: str
    artifact: str
    fingerprint: str
    detail: str


@dataclass(frozen=True)
class Result:
    """How one node ended; ``at`` in seconds since the epoch."""

    host: str
    outcome: str
    word: str = ""
    artifact: str = ""
    fingerprint: str = ""
    detail: str = ""
    at: float = field(default_factory=time.time)


class Journal:
    """The history of changes, in one file.

    Parameters:
        path: the file; made when it is first written.

    Each method opens the file anew: runs last minutes, and a lock held over
    them would stop the next operator.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, command: str) -> int:
        """Note that a run starts; returns its number.

        Raises:
            LocalError: the file cannot be written (as do all methods here).
        """
        with self._open() as base:
            cursor = base.execute(
                "INSERT INTO runs (started, operator, command) VALUES (?, ?, ?)",
                (time.time(), _operator(), command),
            )
            return int(cursor.lastrowid or 0)

    def record(self, run: int, results: Sequence[Result]) -> None:
        """Note how some nodes ended, all of them in one write."""
        rows = [
            (
                run,
                one.at,
                one.host,
                one.outcome,
                one.word,
                one.artifact,
                one.fingerprint,
                one.detail,
            )
            for one in results
        ]
        with self._open() as base:
            base.executemany("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def end(self, run: int, exit_status: int) -> None:
        """Note that a run is over."""
        with self._open() as base:
            base.execute(
                "UPDATE runs SET ended = ?, exit_status = ? WHERE id = ?",
                (time.time(), exit_status, run),
            )

    def last_change(self, host: str) -> Optional[Entry]:
        """The newest entry that says that a host was changed, or None."""
        if not self.path.exists():
            return None
        with self._open() as base:
            row = base.execute(
                "SELECT at, operator, command, host, outcome, word, artifact, fingerprint, detail"
                " FROM results JOIN runs ON runs.id = results.run"
                " WHERE host = ? AND outcome = 'done' ORDER BY at DESC, results.rowid DESC LIMIT 1",
                (host,),
            ).fetchone()
        return Entry(*row) if row else None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        base = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            base = sqlite3.connect(self.path, timeout=_BUSY)
            if base.execute("PRAGMA user_version").fetchone()[0] < 1:
                base.executescript(_SCHEMA)
            with base:
                yield base
        except (sqlite3.Error, OSError) as error:
            raise LocalError(
                f"the journal {self.path} cannot be used: {error}",
                "nothing else depends on it; make room or move the file away",
            ) from error
        finally:
            if base is not None:
                base.close()


def _operator() -> str:
    # Under sudo the person is the one who called it.
    try:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
