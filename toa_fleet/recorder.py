# SPDX-License-Identifier: GPL-2.0-only
"""Writes a run's results into the journal, a second's worth at a time."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import Callable, Optional

from toa_fleet.errors import LocalError
from toa_fleet.journal import Journal, Result
from toa_fleet.rollout import NodeReport
from toa_fleet.text import one_line


class Recorder:
    """Writes results into the journal. A journal that fails is a warning, once.

    Parameters:
        journal: the history.
        words: the command, as it was typed.
        warn: hears of a journal that cannot be written.
    """

    def __init__(self, journal: Journal, words: Sequence[str], warn: Callable[[str], None]) -> None:
        self._journal = journal
        self._warn = warn
        self._run: Optional[int] = None
        self._waiting: list[Result] = []
        self._written = time.monotonic()
        self._try(lambda: self._begin(one_line(shlex.join(words), 1000)))

    def __call__(self, report: NodeReport) -> None:
        """Note how a node ended."""
        facts = report.facts
        self._waiting.append(
            Result(
                report.host,
                report.outcome,
                report.word,
                report.artifact,
                facts.fingerprint.id if facts else "",
                report.detail,
            )
        )
        # A write waits for the disk, and with it wait all nodes: once a second.
        if time.monotonic() - self._written > 1:
            self._write()

    def end(self, exit_status: int) -> None:
        """Note that the run is over."""
        self._write()
        run = self._run
        if run is not None:
            self._try(lambda: self._journal.end(run, exit_status))

    def _write(self) -> None:
        run, waiting = self._run, self._waiting
        self._waiting, self._written = [], time.monotonic()
        if run is not None and waiting:
            self._try(lambda: self._journal.record(run, waiting))

    def _begin(self, words: str) -> None:
        self._run = self._journal.begin(words)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except LocalError as error:
            self._run = None
            self._warn(f"the history has a gap: {error.detail}")
