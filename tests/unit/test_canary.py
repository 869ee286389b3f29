# SPDX-License-Identifier: GPL-2.0-only
"""Canaries and the bound on failures, with deployments that are stand-ins."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Optional

import pytest

from toa_fleet.canary import Canaries
from toa_fleet.carriers.base import Session
from toa_fleet.errors import BrokenAnswer, NodeHeld, NodeRefused, ToaError
from toa_fleet.inventory import parse_host
from toa_fleet.rollout import DONE, NodeReport
from unit.stand_ins import session


def _session(host: str) -> Session:
    return session(parse_host(host))


class StandInFleet:
    """Nodes whose deployments end when and as the test says, and who has begun."""

    def __init__(self, canaries: int, max_failures: Optional[int] = None, patience: float = 60.0):
        self.canaries = Canaries(canaries, max_failures, patience)
        self.begun: list[str] = []
        self.told: list[str] = []
        self._changed = threading.Condition()
        self._ends: dict[str, Optional[ToaError]] = {}

    def run(self, one: Session, artifact: str = "a") -> NodeReport:
        host = one.host.name
        return self.canaries.run(artifact, one, lambda: self._deploy(host), self._tell)

    def push(self, host: str, artifact: str = "a") -> str:
        """The node's outcome, as a rollout would report it."""
        try:
            return self.run(_session(host), artifact).outcome
        except ToaError as error:
            return NodeReport.of_error(host, error).outcome

    def end(self, host: str, error: Optional[ToaError] = None) -> None:
        with self._changed:
            self._ends[host] = error
            self._changed.notify_all()

    def wait_for(self, count: int, words: Sequence[str]) -> None:
        """Until so many WORDS were heard; a test that would wait for ever fails."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(words) >= count, timeout=20), words

    def _tell(self, text: str) -> None:
        with self._changed:
            self.told.append(text)
            self._changed.notify_all()

    def _deploy(self, host: str) -> NodeReport:
        with self._changed:
            self.begun.append(host)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: host in self._ends, timeout=20)
        error = self._ends[host]
        if error:
            raise error
        return NodeReport(host, DONE)


BROKEN = BrokenAnswer("no proof")


def test_the_others_wait_until_the_canary_is_proven() -> None:
    fleet = StandInFleet(1)
    with ThreadPoolExecutor(4) as threads:
        canary = threads.submit(fleet.push, "n0")
        fleet.wait_for(1, fleet.begun)
        others = [threads.submit(fleet.push, f"n{number}") for number in (1, 2, 3)]
        fleet.wait_for(3, fleet.told)
        assert fleet.begun == ["n0"]
        assert set(fleet.told) == {"waiting for the canary n0"}
        for number in range(4):
            fleet.end(f"n{number}")
        assert canary.result() == "done"
        assert [each.result() for each in others] == ["done"] * 3


def test_when_the_canary_fails_nobody_else_is_begun() -> None:
    fleet = StandInFleet(1)
    with ThreadPoolExecutor(2) as threads:
        canary = threads.submit(fleet.push, "n0")
        fleet.wait_for(1, fleet.begun)
        waiting = threads.submit(fleet.push, "n1")
        fleet.wait_for(1, fleet.told)
        fleet.end("n0", BROKEN)
        assert canary.result() == "failed"
        assert waiting.result() == "held"
    with pytest.raises(NodeHeld, match="the canary n0 failed with this artifact"):
        fleet.run(_session("n2"))
    assert fleet.begun == ["n0"]


def test_each_artifact_has_canaries_of_its_own() -> None:
    fleet = StandInFleet(1)
    fleet.end("bad", BROKEN)
    fleet.end("good")
    assert fleet.push("bad", "a") == "failed"
    assert fleet.push("good", "b") == "done"


def test_a_canary_that_the_node_refused_is_replaced() -> None:
    fleet = StandInFleet(1)
    fleet.end("n0", NodeRefused("its kernel changed"))
    fleet.end("n1", BROKEN)
    assert [fleet.push(host) for host in ("n0", "n1", "n2")] == ["refused", "failed", "held"]


def test_all_of_several_canaries_have_to_pass() -> None:
    fleet = StandInFleet(2)
    with ThreadPoolExecutor(3) as threads:
        canaries = [threads.submit(fleet.push, host) for host in ("n0", "n1")]
        fleet.wait_for(2, fleet.begun)
        waiting = threads.submit(fleet.push, "n2")
        fleet.wait_for(1, fleet.told)
        fleet.end("n0")
        fleet.wait_for(2, fleet.told)
        assert fleet.told[1] == "waiting for the canary n1"
        fleet.end("n1", BROKEN)
        assert waiting.result() == "held"
        assert sorted(each.result() for each in canaries) == ["done", "failed"]


def test_no_other_is_begun_once_too_many_failed() -> None:
    fleet = StandInFleet(0, max_failures=2)
    for host in ("n1", "n3"):
        fleet.end(host, BROKEN)
    for host in ("n0", "n2", "n4"):
        fleet.end(host)
    outcomes = [fleet.push(f"n{number}") for number in range(5)]
    assert outcomes == ["done", "failed", "done", "failed", "held"]


def test_without_canaries_and_bound_all_are_begun() -> None:
    fleet = StandInFleet(0)
    for number in range(3):
        fleet.end(f"n{number}", BROKEN)
    assert [fleet.push(f"n{number}") for number in range(3)] == ["failed"] * 3


def test_a_canary_that_never_ends_holds_nobody_for_ever() -> None:
    fleet = StandInFleet(1, patience=0.05)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(fleet.push, "n0")
        fleet.wait_for(1, fleet.begun)
        with pytest.raises(NodeHeld, match="the canary n0 has not ended"):
            fleet.run(_session("n1"))
        fleet.end("n0")


def test_who_waits_is_let_go_when_the_push_is_interrupted() -> None:
    fleet, waiting = StandInFleet(1), _session("n1")
    with ThreadPoolExecutor(2) as threads:
        canary = threads.submit(fleet.push, "n0")
        fleet.wait_for(1, fleet.begun)
        held = threads.submit(fleet.run, waiting)
        fleet.wait_for(1, fleet.told)
        waiting.abandoned = True
        with pytest.raises(NodeHeld, match="interrupted"):
            held.result(timeout=20)
        fleet.end("n0")
        assert canary.result() == "done"
