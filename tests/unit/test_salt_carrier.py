# SPDX-License-Identifier: GPL-2.0-only
"""carriers/salt.py with a stand-in for the master; the real one is in tests/salt."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

import toa_fleet.carriers.salt as carriers_salt
from toa_fleet.artifact import Artifact
from toa_fleet.bundle import plain
from toa_fleet.carriers.salt import Call, Master, SaltCarrier
from toa_fleet.errors import BrokenAnswer, LocalError, NodeError, NoShell, Unreachable, UsageError
from toa_fleet.fingerprint import Fingerprint
from toa_fleet.jobs.push import PushJob
from toa_fleet.node_client import NodeClient
from toa_fleet.plan import Policy
from toa_fleet.rollout import NodeReport, Rollout

Fields = dict[str, str]
PROGRAM = b"register_verb status 60 ''\nregister_verb deploy 300 ''\n"
MINIONS = [f"web{number}" for number in range(40)]


def said(verb: str, **values: str) -> dict[str, Any]:
    """What the minions' module returns for a whole answer."""
    body = "".join(f"{key}={value}\n" for key, value in values.items())
    return {"status": 0, "output": f"begin={verb}\n{body}end=0\n", "noise": ""}


class StandInMaster(Master):
    """Answers from a table, and remembers what was called."""

    def __init__(self, answer: Callable[[str, Call], Any], root: Path) -> None:
        self.calls: list[Call] = []
        self.served: list[list[str]] = []
        self._answer = answer
        self._root = root

    def close(self) -> None:
        pass

    def call(self, call: Call) -> Iterator[dict[str, Any]]:
        self.calls.append(call)
        if "artifact" in call.arguments:
            place = self._root / call.arguments["artifact"][len("salt://") :]
            self.served.append(sorted(path.name for path in place.iterdir()))
        minions = call.target if call.target_type == "list" else MINIONS
        yield {"minions": minions, "file_roots": [str(self._root)]}
        for minion in minions:
            yield {"minion": minion, "value": self._answer(minion, call)}


def push_to_all(
    artifact: Artifact, fields: Fields, root: Path, proven: bool = True, canaries: int = 0
) -> tuple[StandInMaster, list[NodeReport]]:
    """A push to MINIONS, all of which are alike; ROOT is the fileserver's."""
    facts = {**fields, "fingerprint": Fingerprint.of(fields).id, "loaded": "no"}

    def answer(minion: str, call: Call) -> Any:
        if call.arguments["verb"] == "status":
            return said("status", **facts)
        proof = {"proof.build_id": "yes"} if proven else {}
        return said("deploy", changed="yes", build_id=artifact.manifest.build_id, **proof)

    root.mkdir()
    master = StandInMaster(answer, root)
    carrier = SaltCarrier(master)
    hosts = carrier.hosts("web*", "glob", "status", 60)
    job = PushJob(NodeClient(PROGRAM), [artifact], Policy(), canaries=canaries)
    reports = Rollout(carrier.session, len(MINIONS)).run(hosts, job)
    carrier.close()
    return master, reports


def test_a_push_is_a_call_for_all_facts_and_one_for_all_that_get_the_same(
    fields: Fields, artifact_directory: Callable[..., Path], tmp_path: Path
) -> None:
    root = tmp_path / "srv"
    artifact = Artifact.read(artifact_directory(fields))
    master, reports = push_to_all(artifact, fields, root)

    assert {report.outcome for report in reports} == {"done"}, reports[0]
    assert len(master.calls) < 6, "hardly fewer calls than minions"
    assert master.calls[0].target == "web*"
    called = [minion for call in master.calls[1:] for minion in call.target]
    assert sorted(called) == sorted(MINIONS)
    assert master.served[0] == ["manifest", "toa-selftest", "toa.ko"]
    assert list(root.iterdir()) == [], "the artifact stayed on the fileserver"


def test_while_a_call_is_under_way_the_next_requests_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for the call, which may be one that hangs."""
    monkeypatch.setattr(carriers_salt, "_BESIDE", 4.0)
    over = threading.Event()

    def answer(minion: str, call: Call) -> Any:
        if minion == "slow":
            over.wait(60)
        return said("unload", changed="no")

    master = StandInMaster(answer, tmp_path)
    carrier = SaltCarrier(master)
    asked = [carrier.ask("slow", plain(b"", "unload"), 60)]
    deadline = time.monotonic() + 30
    while not master.calls and time.monotonic() < deadline:
        time.sleep(0.05)
    for minion in ("web1", "web2", "web3"):
        asked.append(carrier.ask(minion, plain(b"", "unload"), 60))
        time.sleep(0.5)
    assert all(future.result(30).exit_status == 0 for future in asked[1:])
    assert not asked[0].done()
    assert [call.target for call in master.calls] == [["slow"], ["web1", "web2", "web3"]]
    over.set()
    carrier.close()


def test_a_minion_that_the_master_does_not_know_is_named_at_every_verb(tmp_path: Path) -> None:
    class Knows(StandInMaster):
        def call(self, call: Call) -> Iterator[dict[str, Any]]:
            for line in super().call(call):
                minions = [name for name in line.get("minions", []) if name != "mistyped"]
                yield {**line, "minions": minions} if minions else line

    carrier = SaltCarrier(Knows(lambda minion, call: True, tmp_path))
    hosts = carrier.hosts(["web1", "mistyped"], "list", "", 60)
    assert [host.name for host in hosts] == ["mistyped", "web1"]
    with pytest.raises(Unreachable, match="the master knows no minion of this name"):
        carrier.session(hosts[0]).run(plain(b"", "unload"), 60)
    carrier.close()


@pytest.mark.parametrize("proven", [True, False])
def test_a_canary_is_called_alone_and_the_rest_together_or_not_at_all(
    proven: bool, fields: Fields, artifact_directory: Callable[..., Path], tmp_path: Path
) -> None:
    artifact = Artifact.read(artifact_directory(fields))
    master, reports = push_to_all(artifact, fields, tmp_path / "srv", proven, canaries=1)

    outcomes = sorted(report.outcome for report in reports)
    rest = len(MINIONS) - 1
    assert outcomes == (["done"] * len(MINIONS) if proven else ["failed", *["held"] * rest])
    canary, *others = [call.target for call in master.calls[1:]]
    assert len(canary) == 1
    assert sum(map(len, others)) == (rest if proven else 0)


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("'toa_node.run' is not available.", NoShell, "the minion has no module toa"),
        ("Module 'toa' is not available.", BrokenAnswer, "the minion could not do it: Module"),
        ("ERROR: the fileserver has no salt://x", BrokenAnswer, "could not do it: ERROR"),
        ({"status": None, "output": ""}, Unreachable, "stopped at its time limit"),
        ({"status": "0", "output": "x"}, BrokenAnswer, "the minion's answer is none"),
        (["a", "list"], BrokenAnswer, "could not do it"),
        (None, BrokenAnswer, "could not do it"),
    ],
)
def test_what_is_no_answer_is_a_failure_of_that_minion(
    value: Any, kind: type[NodeError], words: str, tmp_path: Path
) -> None:
    carrier = SaltCarrier(StandInMaster(lambda minion, call: value, tmp_path))
    (host,) = carrier.hosts(["web1"], "list", "status", 60)
    with pytest.raises(kind, match=words), carrier.session(host) as session:
        session.ask(plain(b"", "status"), limit=60)


def test_a_target_without_minions_is_named(tmp_path: Path) -> None:
    carrier = SaltCarrier(StandInMaster(lambda minion, call: True, tmp_path))
    with pytest.raises(UsageError, match=r"no minion answers to the target \[\] \(list\)"):
        carrier.hosts([], "list", "status", 60)


def test_a_python_without_salt_is_named(tmp_path: Path) -> None:
    (tmp_path / "master").touch()
    with pytest.raises(LocalError, match="there is no Salt master here"):
        Master(tmp_path / "nowhere", Path("/bin/true"))
    broken = Master(tmp_path, Path("/bin/false"))
    with pytest.raises(LocalError, match="Salt's client ended without a word"):
        list(broken.call(Call("*", "glob", "test.ping")))
