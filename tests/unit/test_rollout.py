# SPDX-License-Identifier: GPL-2.0-only
"""Rollouts over sessions that are stand-ins: no network, no node."""

from __future__ import annotations

import threading
import time

import pytest

from toa_fleet.carriers.base import Session
from toa_fleet.errors import BrokenAnswer, LocalError, NodeHeld, Unreachable
from toa_fleet.inventory import Host, parse_host
from toa_fleet.rollout import READ, Event, NodeReport, Rollout, Tell
from unit.stand_ins import StandInSession
from unit.stand_ins import session as _session


def _read(session: Session, tell: Tell) -> NodeReport:
    return NodeReport(session.host.name, READ)


def _hosts(count: int) -> list[Host]:
    return [parse_host(f"node{number}") for number in range(count)]


def test_reports_come_in_the_order_of_the_hosts() -> None:
    def job(session: Session, tell: Tell) -> NodeReport:
        time.sleep(0.02 if session.host.name == "node0" else 0)
        return _read(session, tell)

    reports = Rollout(_session, 8).run(_hosts(20), job)
    assert [report.host for report in reports] == [host.name for host in _hosts(20)]


def test_never_more_nodes_are_at_work_than_allowed() -> None:
    lock, working, most = threading.Lock(), 0, 0

    def job(session: Session, tell: Tell) -> NodeReport:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.005)
        with lock:
            working -= 1
        return _read(session, tell)

    Rollout(_session, 3).run(_hosts(30), job)
    assert most == 3


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Unreachable("gone", "", "hung-up"), "hung-up"),
        (BrokenAnswer("cut"), "answer"),
        (LocalError("disk full"), "local"),
        (ZeroDivisionError("a bug"), "bug"),
    ],
)
def test_an_error_is_its_nodes_own(error: Exception, word: str) -> None:
    def job(session: Session, tell: Tell) -> NodeReport:
        if session.host.name == "node1":
            raise error
        return _read(session, tell)

    reports = Rollout(_session, 2).run(_hosts(3), job)
    assert [report.outcome for report in reports] == ["read", "failed", "read"]
    assert reports[1].word == word


def test_a_session_that_cannot_be_made_fails_its_node_only() -> None:
    def session(host: Host) -> Session:
        if host.name == "node0":
            raise Unreachable("bad entry", "", "ssh")
        return _session(host)

    reports = Rollout(session, 2).run(_hosts(2), _read)
    assert [report.outcome for report in reports] == ["failed", "read"]


def test_a_thread_that_cannot_be_woken_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toa_fleet.rollout._GRACE", 0.1)
    forever = threading.Event()

    def job(session: Session, tell: Tell) -> NodeReport:
        if session.host.name == "node0":
            session.deadline = time.monotonic()
            forever.wait(60)
        return _read(session, tell)

    started = time.monotonic()
    reports = Rollout(_session, 1).run(_hosts(3), job)
    forever.set()
    assert time.monotonic() - started < 5
    assert (reports[0].outcome, reports[0].word) == ("failed", "timeout")
    assert [report.outcome for report in reports[1:]] == ["read", "read"]


def test_events_tell_start_phases_and_end_of_each_node() -> None:
    events: list[Event] = []

    def job(session: Session, tell: Tell) -> NodeReport:
        tell("working")
        return _read(session, tell)

    Rollout(_session, 1, events.append).run(_hosts(2), job)
    for name in ("node0", "node1"):
        kinds = [event.kind for event in events if event.host == name]
        assert kinds == ["start", "phase", "end"]


def test_an_interrupt_closes_the_sessions_and_reports_every_node() -> None:
    sessions: list[StandInSession] = []

    def session(host: Host) -> StandInSession:
        sessions.append(_session(host))
        return sessions[-1]

    def job(session: Session, tell: Tell) -> NodeReport:
        if session.host.name == "node1":
            while not getattr(session, "closed", False):
                time.sleep(0.01)
            raise Unreachable("the socket is closed")
        if session.host.name == "node2":
            while not session.abandoned:
                time.sleep(0.01)
            raise NodeHeld("not begun")
        return _read(session, tell)

    def on_end(event: Event) -> None:
        if event.report and event.report.host == "node0":
            raise KeyboardInterrupt

    rollout = Rollout(session, 3, on_end)
    reports = rollout.run(_hosts(4), job)
    assert rollout.interrupted
    assert [report.outcome for report in reports] == ["read", *["interrupted"] * 3]
    details = [report.detail for report in reports[1:]]
    assert [
        f"interrupted {words}" for words in ("while at work there", *["before it began"] * 2)
    ] == details
    assert all(each.closed for each in sessions if each.host.name == "node1")
