# SPDX-License-Identifier: GPL-2.0-only
"""On a real master with real minions, whose nodes are trees: the orchestration,
``toa-fleet --carrier salt``, and the beacon with its reactor.

``TOA_SALT_ESTATE=0`` leaves it out; it takes about half of these tests' time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import salt_versions
from masters import MASTERS_USER, Estate
from node_trees import RELEASE

from toa_fleet.fingerprint import HARD_FIELDS

NAMES = ["a1", "a2", "alone", "watched"]


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """With --json: what it says of each node, by name."""
        found = {node["host"]: node for node in json.loads(self.out)["nodes"]}
        assert found, self
        return found


@pytest.fixture(scope="module", params=salt_versions.versions())
def estate(request: pytest.FixtureRequest) -> Iterator[Estate]:
    if os.environ.get("TOA_SALT_ESTATE") == "0":
        pytest.skip("NO MASTER: TOA_SALT_ESTATE=0")
    if not shutil.which("gcc") or not shutil.which("make"):
        pytest.skip("NO gcc or make")
    try:
        beacons = {"watched": [{"interval": 1}]}
        estate = Estate(request.param, NAMES, beacons)
    except salt_versions.NoSalt as why:
        pytest.skip(f"NO SALT {request.param}: {why}")
    estate.trees["a2"].give_headers()
    for number, name in enumerate(("alone", "watched"), 13):
        estate.trees[name].write("etc/os-release", f"ID=debian\nVERSION_ID={number}\n")
    with estate:
        estate.salt("*", "saltutil.sync_all")
        yield estate


class TestOrchestration:
    def test_only_those_build_that_may(self, estate: Estate) -> None:
        (result,) = estate.orchestrate(target="a2", builders="a1").values()
        assert result["result"] is False
        assert "no minion of this fingerprint may and can build" in result["comment"]
        assert not any(estate.artifacts.iterdir())

    @pytest.mark.every_salt
    def test_one_builds_all_alike_get_it_in_waves_and_the_rest_is_named(
        self, estate: Estate
    ) -> None:
        announced = estate.orchestrate(batch=1, target="a*", test=True)
        assert announced.pop("toa-refused-alone")["result"] is False
        assert {result["result"] for result in announced.values()} == {None}, announced
        assert not any(estate.artifacts.iterdir())

        results = estate.orchestrate(batch=1, target="a*")
        fingerprint = estate.trees["a1"].facts["fingerprint"]
        waves = {name for name in results if "wave" in name}
        assert waves == {name for name in announced if "wave" in name}

        waves = [results[f"toa-wave-{fingerprint}-{number}"] for number in (1, 2)]
        assert all(wave["result"] for wave in waves), results
        numbers = [wave["__run_num__"] for wave in waves]
        assert numbers == sorted(numbers)
        assert (estate.artifacts / fingerprint / "manifest").is_file()
        running = {estate.trees[name].facts["loaded_build_id"] for name in ("a1", "a2")}
        assert len(running) == 1
        assert running != {""}

        refused = results["toa-refused-alone"]
        assert refused["result"] is False
        assert "os_version_id" in refused["comment"] or "none at all" in refused["comment"]
        assert estate.trees["alone"].facts["installed"] == ""

    def test_a_second_time_changes_nothing(self, estate: Estate) -> None:
        results = estate.orchestrate(target="a*")
        served = {key: value for key, value in results.items() if "wave" in key}
        assert served
        assert all(wave["result"] for wave in served.values())
        assert not any("build" in key or "serve" in key for key in results)
        states = [
            state
            for wave in served.values()
            for states in (wave["changes"].get("ret") or {}).values()
            for state in states.values()
        ]
        assert not any(state["changes"] for state in states)

    def test_a_failing_minion_stops_the_waves_behind_it(self, estate: Estate) -> None:
        estate.salt("a*", "toa.unload")
        tree = estate.trees["a1"]
        tree.write("proof-fails", "")
        try:
            results = estate.orchestrate(batch=1, target="a*")
        finally:
            Path(tree.root, "proof-fails").unlink()
        fingerprint = tree.facts["fingerprint"]
        waves = [results[f"toa-wave-{fingerprint}-{number}"]["result"] for number in (1, 2)]
        assert waves == [False, False]
        assert estate.trees["a2"].facts["loaded"] == "no", "the wave behind the failure went out"

    def test_a_target_that_nobody_answers_to_is_a_failure(self, estate: Estate) -> None:
        (result,) = estate.orchestrate(target="nobody*").values()
        assert result["result"] is False
        assert "no minion answers to the target nobody*" in result["comment"]

    def test_what_a_minion_says_goes_into_no_path_and_who_is_silent_is_named(
        self, estate: Estate
    ) -> None:
        tree = estate.trees["watched"]
        program = tree.program.read_text()
        tree.program.write_text(
            "echo begin=fingerprint\necho fingerprint=../../forged\necho gcc=1\n"
            "echo headers=yes\necho kernel_release=6\necho end=0\n"
        )
        try:
            with estate.asleep() as asleep:
                target = {"target": f"watched or {asleep}", "target_type": "compound"}
                results = estate.orchestrate(estate.impatient(), **target)
        finally:
            tree.program.write_text(program)
        assert set(results) == {"toa-refused-watched", f"toa-refused-{asleep}"}, results
        assert not any(result["result"] for result in results.values())
        assert "forged" in results["toa-refused-watched"]["comment"]
        assert "does not answer" in results[f"toa-refused-{asleep}"]["comment"]

    def test_wrong_settings_are_readable_comments(self, estate: Estate) -> None:
        results = estate.orchestrate(batch="many", artifacts="salt://toa", target_type=["glob"])
        assert not any(result["result"] for result in results.values())
        assert sorted(result["comment"] for result in results.values()) == [
            "toa:orchestrate:artifacts must be an absolute path",
            "toa:orchestrate:batch must be a number of minions",
            "toa:orchestrate:target_type must be a word",
        ]


class TestRunner:
    """The same, without the orchestration's states to read."""

    @pytest.mark.every_salt
    def test_it_shows_its_plan_and_carries_it_out(self, estate: Estate) -> None:
        tree = estate.trees["a1"]
        fingerprint = tree.facts["fingerprint"]
        shutil.rmtree(estate.artifacts / fingerprint, ignore_errors=True)
        for name in ("a1", "a2"):
            estate.trees[name].run("remove")

        status, plan = estate.runner("plan", "a*", batch=1)
        assert status == 3
        (group,) = plan["groups"]
        assert group["builder"] == "a2"
        assert (group["fingerprint"], group["waves"]) == (fingerprint, [["a1"], ["a2"]])
        assert set(plan["refused"]) == {"alone"}

        status, announced = estate.runner("roll_out", "a*", batch=1, test=True)
        outcomes = {name: each["outcome"] for name, each in announced["minions"].items()}
        assert (status, outcomes) == (3, {"a1": "planned", "a2": "planned", "alone": "refused"})
        assert tree.facts["installed"] == ""

        status, done = estate.runner("roll_out", "a*", batch=1)
        outcomes = {name: each["outcome"] for name, each in done["minions"].items()}
        assert (status, outcomes) == (3, {"a1": "done", "a2": "done", "alone": "refused"}), done
        assert tree.facts["persistent"] == "yes"
        status, again = estate.runner("roll_out", "a1")
        assert (status, again["minions"]["a1"]["outcome"]) == (0, "unchanged")

    @pytest.mark.every_salt
    def test_a_failure_holds_what_is_behind_it(self, estate: Estate) -> None:
        estate.serve("a1")
        estate.salt("a*", "toa.unload")
        failing = estate.trees["a1"].root / "proof-fails"
        failing.touch()
        try:
            status, told = estate.runner("roll_out", "a1 or a2", "compound", batch=1)
        finally:
            failing.unlink()
        outcomes = {name: each["outcome"] for name, each in told["minions"].items()}
        assert (status, outcomes) == (4, {"a1": "failed", "a2": "held"}), told
        assert "the proof failed" in told["minions"]["a1"]["detail"]

    @pytest.mark.parametrize(
        ("words", "settings", "problem"),
        [
            (["nobody*"], {}, "no minion answers to the target nobody* (glob)"),
            (["a1"], {"bacth": 3}, "toa:orchestrate has `bacth`, which is no setting"),
            (["a1"], {"batch": "0"}, "toa:orchestrate:batch must be a number of minions"),
            (["a1"], {"test": "maybe"}, "test must be True or False, not 'maybe'"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_done(
        self, estate: Estate, words: list[str], settings: dict[str, Any], problem: str
    ) -> None:
        status, told = estate.runner("roll_out", *words, **settings)
        assert (status, told["problems"], told["minions"]) == (2, [problem], {})


def test_grains_target_those_that_can_share_an_artifact(estate: Estate) -> None:
    estate.salt("*", "saltutil.refresh_grains")
    found = estate.salt("*", "grains.get", "toa:fingerprint")
    assert found["a1"] == found["a2"] != found["alone"]


class TestCarrier:
    """``toa-fleet --carrier salt``: one minion that fits, one that does not, one
    on which the proof fails."""

    @pytest.fixture
    def toa_fleet(self, estate: Estate, tmp_path: Path) -> Callable[..., Ran]:
        def run(command: str, *words: str, before: list[str] | None = None) -> Ran:
            done = subprocess.run(
                [
                    *(before or []),
                    *(sys.executable, "-m", "toa_fleet", command, "--carrier", "salt"),
                    *("--store", str(tmp_path / "store"), "--json"),
                    *("--salt-config", str(estate.home / "master")),
                    *("--salt-python", str(estate.python)),
                    *("--salt-file-root", str(estate.home / "served"), *words),
                ],
                capture_output=True,
                text=True,
                timeout=240,
                check=False,
            )
            assert "Traceback" not in done.stderr, done.stderr
            return Ran(done.returncode, done.stdout, done.stderr)

        return run

    @pytest.fixture
    def artifact(self, estate: Estate, artifact_directory: Callable[..., Path]) -> Path:
        facts = estate.trees["a1"].facts
        fields = {field: facts[field] for field in HARD_FIELDS}
        # What a tree does not tell matches anything; a module always has them.
        fields["vermagic"] = f"{RELEASE} SMP preempt mod_unload modversions"
        fields["module_layout"] = "0x12345678"
        return artifact_directory(fields, toa_version="")

    @pytest.mark.every_salt
    def test_who_fits_gets_it_and_each_other_one_is_named(
        self, estate: Estate, toa_fleet: Callable[..., Ran], artifact: Path
    ) -> None:
        failing = estate.trees["a2"].root / "proof-fails"
        for name in ("a1", "a2", "alone"):
            estate.trees[name].run("remove")
        failing.touch()
        words = ("--target", "a1 or a2 or alone", "--target-type", "compound")
        try:
            planned = toa_fleet("push", *words, "--artifact", str(artifact), "--dry-run")
            assert not any(estate.trees[name].facts["installed"] for name in ("a1", "a2"))
            # Any of them would do as the canary: here, none holds the others up.
            pushed = toa_fleet("push", *words, "--artifact", str(artifact), "--canary", "0")
        finally:
            failing.unlink()
        assert [planned.nodes[name]["outcome"] for name in ("a1", "a2", "alone")] == [
            *("planned", "planned", "refused"),
        ]
        assert pushed.status == 4, pushed
        found = pushed.nodes
        assert found["a1"]["outcome"] == "done", pushed
        assert estate.trees["a1"].facts["persistent"] == "yes"
        assert (found["a2"]["outcome"], found["a2"]["class"]) == ("failed", "proof")
        assert "toa-selftest failed" in found["a2"]["detail"]
        assert estate.trees["a2"].facts["loaded"] == "no"
        assert (found["alone"]["outcome"], found["alone"]["class"]) == ("refused", "mismatch")
        assert [each["field"] for each in found["alone"]["mismatch"]] == ["os_version_id"]
        assert not (estate.home / "served" / "toa" / "push").exists(), "left on the fileserver"

        again = toa_fleet("push", "a1", "--artifact", str(artifact))
        assert (again.status, again.nodes["a1"]["outcome"]) == (0, "unchanged"), again
        audited = toa_fleet("audit", *words, "--proof")
        assert (audited.status, set(audited.nodes)) == (3, {"a1", "a2", "alone"}), audited
        removed = toa_fleet("remove", "a1")
        assert (removed.status, removed.nodes["a1"]["outcome"]) == (0, "done"), removed
        assert estate.trees["a1"].facts["installed"] == ""

    @pytest.mark.parametrize("who", ["root", "the master's user"])
    def test_a_master_that_is_not_root_serves_what_either_user_pushes(
        self, estate: Estate, toa_fleet: Callable[..., Ran], artifact: Path, who: str
    ) -> None:
        if not estate.as_master:
            pytest.skip("NOT TESTED: the master's user needs root, and mount namespaces")
        estate.trees["a1"].run("remove")
        # What toa-fleet writes, whoever runs it, however careful their shell is.
        before = ["sh", "-c", 'umask 077 && exec "$@"', "sh"]
        store: list[str] = []
        if who != "root":
            home = estate.home / "of-the-master"
            home.mkdir()
            shutil.copytree(artifact, home / "artifact")
            artifact = home / "artifact"
            for path in (home, artifact, *artifact.iterdir()):
                shutil.chown(path, MASTERS_USER)
            user = ["setpriv", f"--reuid={MASTERS_USER}", "--clear-groups", "env", f"HOME={home}"]
            before = [*estate.as_master, *user, *before]
            store = ["--store", str(home / "store")]
        pushed = toa_fleet("push", "a1", "--artifact", str(artifact), *store, before=before)
        assert (pushed.status, pushed.nodes["a1"]["outcome"]) == (0, "done"), pushed

    def test_minions_that_do_not_answer_or_are_not_known_are_named(
        self, estate: Estate, toa_fleet: Callable[..., Ran]
    ) -> None:
        with estate.asleep() as asleep:
            said = toa_fleet(
                "fingerprint", "a1", asleep, "mistyped", "--salt-config", str(estate.impatient())
            )
        assert said.status == 4, said
        assert {name: node["outcome"] for name, node in said.nodes.items()} == {
            "a1": "read",
            "asleep": "failed",
            "mistyped": "failed",
        }
        assert said.nodes["asleep"]["class"] == "silent"
        assert said.nodes["mistyped"]["class"] == "unknown"

    def test_a_target_that_means_nobody_is_named(self, toa_fleet: Callable[..., Ran]) -> None:
        said = toa_fleet("status", "--target", "nobody*")
        assert said.status == 2, said
        assert "no minion answers to the target nobody* (glob)" in said.err


class TestBeacon:
    @pytest.mark.every_salt
    def test_a_toa_that_is_gone_is_brought_back(self, estate: Estate) -> None:
        tree = estate.trees["watched"]
        estate.serve("watched")
        results = estate.salt("watched", "state.apply", "toa")["watched"]
        assert all(state["result"] for state in results.values()), results
        # What a state changes shows in the grains without anybody refreshing them.
        assert until(lambda: estate.salt("watched", "grains.get", "toa:loaded")["watched"] is True)
        estate.salt("watched", "toa.unload")
        assert until(lambda: tree.facts["loaded"] == "yes"), estate.logs()

    def test_what_cannot_be_mended_is_tried_three_times_at_most(self, estate: Estate) -> None:
        tree = estate.trees["watched"]
        deploys = tree.root.parent / "deploys"
        (tree.root / "kernel-refuses").touch()
        before = len(deploys.read_text().splitlines())
        estate.salt("watched", "toa.unload")

        def tried() -> int:
            return len(deploys.read_text().splitlines()) - before

        assert until(lambda: tried() > 0), estate.logs()
        time.sleep(15)
        assert 0 < tried() <= 3


def until(is_so: Callable[[], bool], seconds: float = 90) -> bool:
    """Whether it comes to be."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.5)
    return False
