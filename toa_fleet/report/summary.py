# SPDX-License-Identifier: GPL-2.0-only
"""The result of a command as a value: what every way of showing it shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

from toa_fleet import errors
from toa_fleet.audit import Assessment
from toa_fleet.errors import FAILED, HELD, REFUSED, ToaError
from toa_fleet.journal import Entry
from toa_fleet.rollout import DONE, INTERRUPTED, NodeReport


@dataclass(frozen=True)
class Row:
    """One node: its report, and what the command made of it."""

    report: NodeReport
    assessment: Optional[Assessment] = None
    last: Optional[Entry] = None

    @property
    def built(self) -> bool:
        """Whether a build brought something new (it changes the store, not the node)."""
        return self.report.word == "built" and self.report.outcome == DONE


@dataclass(frozen=True)
class Summary:
    """A command's result.

    Attributes:
        seconds: how long all of it took.
        warnings: what could not be used, one line each.
        error: what stopped the command as a whole, if anything.
    """

    command: str
    rows: Sequence[Row] = ()
    dry_run: bool = False
    interrupted: bool = False
    seconds: float = 0.0
    warnings: Sequence[str] = ()
    error: Optional[ToaError] = field(default=None)

    @property
    def exit_status(self) -> int:
        """0 only when every node is as it should be; see ``toa-fleet --help``."""
        if self.error:
            return self.error.exit_status
        outcomes = {row.report.outcome for row in self.rows}
        if self.interrupted or INTERRUPTED in outcomes:
            return errors.EXIT_INTERRUPTED
        if outcomes & {FAILED, HELD}:
            return errors.EXIT_FAILED
        if REFUSED in outcomes or self._short_of_carried():
            return errors.EXIT_REFUSED
        return errors.EXIT_OK

    def counts(self) -> dict[str, int]:
        """Number of nodes by outcome."""
        return dict(Counter(row.report.outcome for row in self.rows))

    def _short_of_carried(self) -> bool:
        if self.command != "audit":
            return False
        return any(row.assessment and not row.assessment.good for row in self.rows)
