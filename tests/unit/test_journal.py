# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import time
from pathlib import Path

import pytest

from toa_fleet.errors import LocalError
from toa_fleet.journal import Journal, Result


def test_the_last_change_of_a_host_tells_who_when_and_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "alice")
    journal = Journal(tmp_path / "new" / "journal.db")
    assert journal.last_change("node7") is None
    first = journal.begin("push node7")
    journal.record(first, [Result("node7", "failed", "timeout", detail="no answer")])
    journal.end(first, 4)
    assert journal.last_change("node7") is None
    second = journal.begin("push node7 again")
    journal.record(second, [Result("node7", "done", "pushed", "a" * 16, "f" * 16)])
    journal.record(second, [Result("node8", "done")])
    journal.record(second, [Result("node7", "unchanged")])

    entry = journal.last_change("node7")
    assert entry is not None
    assert entry.operator.startswith("alice@")
    assert (entry.command, entry.outcome) == ("push node7 again", "done")
    assert (entry.artifact, entry.fingerprint) == ("a" * 16, "f" * 16)
    assert abs(entry.at - time.time()) < 60


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    one, two = (Journal(tmp_path / "journal.db") for _ in range(2))
    runs = one.begin("push a"), two.begin("push b")
    two.record(runs[1], [Result("b", "done")])
    one.record(runs[0], [Result("a", "done")])
    assert runs[0] != runs[1]
    for host, command in (("a", "push a"), ("b", "push b")):
        entry = one.last_change(host)
        assert entry is not None
        assert entry.command == command


def test_a_journal_that_is_no_database_says_so_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_text("a diary " * 200)
    with pytest.raises(LocalError, match="journal"):
        Journal(path).begin("push")
    assert path.read_text().startswith("a diary")
