# SPDX-License-Identifier: GPL-2.0-only
"""Who goes first, and when a push stops: a bad module must not reach a whole fleet.

Of each artifact, the first nodes that would load it are its canaries. The others
wait until all canaries have it proven; if one fails, none of them is begun.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from toa_fleet.carriers.base import Session
from toa_fleet.errors import FAILED, REFUSED, NodeHeld, NodeRefused
from toa_fleet.rollout import NodeReport, Tell

_TICK = 0.25


@dataclass
class _Trial:
    """How far an artifact's canaries are."""

    under_way: list[str] = field(default_factory=list)
    passed: int = 0
    failed: str = ""


class Canaries:
    """Lets nodes begin, or holds them; shared by the threads of one push.

    Parameters:
        count: canaries of each artifact; 0: all nodes begin at once.
        max_failures: nodes that may fail before no other is begun; None: any number.
        patience: seconds to wait for canaries, which have limits of their own.

    Example:
        >>> canaries = Canaries(1, None, 330.0)
        >>> report = canaries.run("fedcba9876543210", session, deploy, tell)
    """

    def __init__(self, count: int, max_failures: Optional[int], patience: float) -> None:
        self._count = count
        self._max_failures = max_failures
        self._patience = patience
        self._changed = threading.Condition()
        self._trials: dict[str, _Trial] = {}
        self._failures = 0

    def run(
        self, artifact: str, session: Session, deploy: Callable[[], NodeReport], tell: Tell
    ) -> NodeReport:
        """Deploy when it is this node's turn.

        Raises:
            NodeHeld: it was not begun; why is in the detail. Also when the session is
                abandoned meanwhile.
            NodeError: what ``deploy`` raised.
        """
        with self._changed:
            trial = self._trials.setdefault(artifact, _Trial())
            canary = self._begin(trial, session, tell)
            if canary:
                trial.under_way.append(session.host.name)
        outcome = FAILED
        try:
            report = deploy()
            outcome = report.outcome
            return report
        except NodeRefused:
            outcome = REFUSED
            raise
        finally:
            with self._changed:
                self._end(trial, session.host.name, canary, outcome)
                self._changed.notify_all()

    def _begin(self, trial: _Trial, session: Session, tell: Tell) -> bool:
        """Wait for this node's turn; whether it is a canary."""
        told = ""
        give_up = time.monotonic() + self._patience
        while True:
            self._check(trial, session)
            if trial.passed >= self._count:
                return False
            if len(trial.under_way) + trial.passed < self._count:
                return True
            waiting_for = ", ".join(trial.under_way)
            if waiting_for != told:
                tell(f"waiting for the canary {waiting_for}")
                told = waiting_for
            if time.monotonic() > give_up:
                raise NodeHeld(
                    f"not begun: the canary {waiting_for} has not ended",
                    "look there first; then run the same again",
                )
            # Nothing wakes us when the session is abandoned.
            self._changed.wait(_TICK)

    def _check(self, trial: _Trial, session: Session) -> None:
        if session.abandoned:
            raise NodeHeld("not begun: the push was interrupted", "run the same again to go on")
        if trial.failed:
            raise NodeHeld(
                f"not begun: the canary {trial.failed} failed with this artifact",
                "mend that first, or leave that node out; then run the same again",
            )
        if self._max_failures is not None and self._failures >= self._max_failures:
            raise NodeHeld(
                f"not begun: {self._failures} failed, --max-failures is {self._max_failures}",
                "mend those first, or leave them out; then run the same again",
            )

    def _end(self, trial: _Trial, host: str, canary: bool, outcome: str) -> None:
        if outcome == FAILED:
            self._failures += 1
        if not canary:
            return
        trial.under_way.remove(host)
        if outcome == FAILED:
            trial.failed = host
        # One that the node itself refused proves nothing: another takes its place.
        elif outcome != REFUSED:
            trial.passed += 1
