# SPDX-License-Identifier: GPL-2.0-only
"""Carry one job out on many nodes side by side. Nothing here prints or decides.

Each node in work has a thread of its own, at most ``parallel`` of them. The
main thread makes the sessions, hands events on, and gives up on a node whose
phase is over its limit even if its thread cannot be woken: one node that hangs
never holds the others up.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Callable, Optional, Union

from toa_fleet.carriers.base import Session
from toa_fleet.errors import FAILED, HELD, NodeError, NodeRefused, ToaError
from toa_fleet.facts import NodeFacts
from toa_fleet.fingerprint import Difference
from toa_fleet.inventory import Host
from toa_fleet.plan import Decision
from toa_fleet.text import one_line

#: Outcomes besides ``refused``, ``held`` and ``failed`` (toa_fleet.errors).
READ = "read"
DONE = "done"
UNCHANGED = "unchanged"
PLANNED = "planned"
INTERRUPTED = "interrupted"


#: Seconds past its limit after which a thread that does not end is left behind.
_GRACE = 5.0
#: Seconds that an interrupt waits for the closed sessions' last words.
_FAREWELL = 2.0
_TICK = 0.25


@dataclass(frozen=True)
class NodeReport:
    """How it went with one node.

    Attributes:
        host: the node's name.
        outcome: ``read``, ``done``, ``unchanged``, ``planned``, ``refused``, ``held``,
            ``failed`` or ``interrupted``.
        word: class word of a refusal or failure, else of what was done.
        detail, hint: for the reader, printable.
        facts: what the node said of itself, when it did.
        decision: the plan's, for a push.
        artifact: id of the artifact concerned; empty: none.
        differences, gates: of a refusal.
        values: keys of the last answer.
        seconds: how long it took.
    """

    host: str
    outcome: str
    word: str = ""
    detail: str = ""
    hint: str = ""
    facts: Optional[NodeFacts] = None
    decision: Optional[Decision] = None
    artifact: str = ""
    differences: tuple[Difference, ...] = ()
    gates: tuple[tuple[str, str], ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @classmethod
    def of_error(
        cls,
        host: str,
        error: ToaError,
        facts: Optional[NodeFacts] = None,
        decision: Optional[Decision] = None,
    ) -> NodeReport:
        """The report of a node that ended with an error."""
        refused = error if isinstance(error, NodeRefused) else None
        return cls(
            host,
            error.outcome if isinstance(error, NodeError) else FAILED,
            error.word,
            error.detail,
            error.hint,
            facts,
            decision,
            artifact=decision.artifact if decision else "",
            differences=refused.differences if refused else (),
            gates=refused.gates if refused else (),
        )


@dataclass(frozen=True)
class Event:
    """Something that happened to a node: ``kind`` is ``start``, ``phase`` or
    ``end``; an end brings the report."""

    host: str
    kind: str
    text: str = ""
    report: Optional[NodeReport] = None


Tell = Callable[[str], None]
Job = Callable[[Session, Tell], NodeReport]
OnEvent = Callable[[Event], None]


class Rollout:
    """Runs jobs.

    Parameters:
        open_session: makes a node's session, in the main thread.
        parallel: most nodes in work at once.
        on_event: called in the main thread, in the order of things.

    After :meth:`run`, ``interrupted`` tells whether Ctrl-C cut it short.

    Example:
        >>> reports = Rollout(carrier.session, 32, print).run(hosts, job)
    """

    def __init__(
        self,
        open_session: Callable[[Host], Session],
        parallel: int,
        on_event: OnEvent = lambda event: None,
    ) -> None:
        self._open_session = open_session
        self._parallel = parallel
        self._on_event = on_event
        self._news: queue.SimpleQueue[_News] = queue.SimpleQueue()
        self._working: dict[str, _Work] = {}
        self._reports: dict[str, NodeReport] = {}
        self.interrupted = False

    def run(self, hosts: Sequence[Host], job: Job) -> list[NodeReport]:
        """Run a job on every host; returns their reports in the hosts' order.

        A job raises NodeError for its node; anything else that it raises
        fails that node too, and the others go on.
        """
        waiting = iter(hosts)
        try:
            while self._start_more(waiting, job) or self._working:
                self._hear(_TICK)
                self._give_up_on_stuck()
        except KeyboardInterrupt:
            self.interrupted = True
            self._wind_up(hosts)
        return [self._reports[host.name] for host in hosts]

    def _start_more(self, waiting: Iterable[Host], job: Job) -> bool:
        while len(self._working) < self._parallel:
            host = next(iter(waiting), None)
            if host is None:
                return False
            self._start(host, job)
        return True

    def _start(self, host: Host, job: Job) -> None:
        self._on_event(Event(host.name, "start"))
        try:
            session = self._open_session(host)
        except NodeError as error:
            self._finish(NodeReport.of_error(host.name, error))
            return
        work = _Work(host, session, job, self._news)
        self._working[host.name] = work
        work.thread.start()

    def _hear(self, timeout: float) -> None:
        try:
            news = self._news.get(timeout=timeout)
        except queue.Empty:
            return
        # A thread that was left behind may speak up later: too late.
        if self._working.get(news.host) is not news.work:
            return
        if isinstance(news.content, NodeReport):
            self._finish(news.content)
        else:
            self._on_event(Event(news.host, "phase", news.content))

    def _finish(self, report: NodeReport) -> None:
        self._working.pop(report.host, None)
        self._reports[report.host] = report
        self._on_event(Event(report.host, "end", report=report))

    def _give_up_on_stuck(self) -> None:
        for work in [work for work in self._working.values() if work.session.overdue(_GRACE)]:
            work.abandon()
            self._finish(
                NodeReport(
                    work.host.name,
                    FAILED,
                    "timeout",
                    "the connection hangs and cannot be ended",
                    "is an ssh-agent waiting for you? Run the same again later",
                    seconds=work.elapsed(),
                )
            )

    def _wind_up(self, hosts: Sequence[Host]) -> None:
        for work in list(self._working.values()):
            work.abandon()
        end = time.monotonic() + _FAREWELL
        while self._working and time.monotonic() < end:
            self._hear(_TICK)
        for host in hosts:
            if host.name not in self._reports:
                self._finish(_interrupted(host.name, host.name in self._working))


@dataclass(frozen=True)
class _News:
    work: _Work
    content: Union[str, NodeReport]

    @property
    def host(self) -> str:
        return self.work.host.name


class _Work:
    """One node in work, and its thread."""

    def __init__(
        self, host: Host, session: Session, job: Job, news: queue.SimpleQueue[_News]
    ) -> None:
        self.host = host
        self.session = session
        self._job = job
        self._news = news
        self._started = time.monotonic()
        self.thread = threading.Thread(target=self._run, name=f"toa-fleet {host.name}", daemon=True)

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def abandon(self) -> None:
        """Wait for this node no longer. Its thread ends soon, or is stuck for good."""
        self.session.abandoned = True
        self.session.close()

    def _run(self) -> None:
        report = self._report()
        if self.session.abandoned and report.outcome in (FAILED, HELD):
            report = _interrupted(self.host.name, report.outcome == FAILED)
        self._news.put(_News(self, replace(report, seconds=round(self.elapsed(), 3))))

    def _report(self) -> NodeReport:
        try:
            with self.session as session:
                return self._job(session, self._tell)
        except ToaError as error:
            return NodeReport.of_error(self.host.name, error)
        # A bug of ours must not take the other nodes down with it.
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return NodeReport(
                self.host.name,
                FAILED,
                "bug",
                one_line(f"{type(error).__name__} in {place.name}, line {place.lineno}: {error}"),
                "please report this",
            )

    def _tell(self, text: str) -> None:
        self._news.put(_News(self, text))


def _interrupted(host: str, begun: bool) -> NodeReport:
    detail = "interrupted while at work there" if begun else "interrupted before it began"
    hint = "see with toa-fleet status; run the same again to go on"
    return NodeReport(host, INTERRUPTED, INTERRUPTED, detail, hint)
