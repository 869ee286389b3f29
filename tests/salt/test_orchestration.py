# SPDX-License-Identifier: GPL-2.0-only
"""The orchestration on a real master with real minions, whose nodes are trees.

``TOA_SALT_ESTATE=0`` leaves it out; it takes about half of these tests' time.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import salts
from estates import Estate

NAMES = ["a1", "a2", "alone"]


@pytest.fixture(scope="module", params=salts.versions()[:1])
def estate(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Estate]:
    if os.environ.get("TOA_SALT_ESTATE") == "0":
        pytest.skip("NO MASTER: TOA_SALT_ESTATE=0")
    if not shutil.which("gcc") or not shutil.which("make"):
        pytest.skip("NO gcc or make")
    try:
        estate = Estate(request.param, tmp_path_factory.mktemp("e"), NAMES)
    except salts.NoSalt as why:
        pytest.skip(f"NO SALT {request.param}: {why}")
    estate.trees["a2"].give_headers()
    estate.trees["alone"].write("etc/os-release", "ID=debian\nVERSION_ID=13\n")
    with estate:
        estate.salt("*", "saltutil.sync_all")
        yield estate


def test_one_builds_all_alike_get_it_in_waves_and_the_rest_is_named(estate: Estate) -> None:
    results = estate.orchestrate(batch=1)
    fingerprint = estate.trees["a1"].facts["fingerprint"]

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


def test_a_second_time_changes_nothing(estate: Estate) -> None:
    results = estate.orchestrate()
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


def test_a_failing_minion_stops_the_waves_behind_it(estate: Estate) -> None:
    estate.salt("a*", "toa.unload")
    tree = estate.trees["a1"]
    tree.write("proof-fails", "")
    try:
        results = estate.orchestrate(batch=1)
    finally:
        Path(tree.root, "proof-fails").unlink()
    fingerprint = tree.facts["fingerprint"]
    waves = [results[f"toa-wave-{fingerprint}-{number}"]["result"] for number in (1, 2)]
    assert waves == [False, False]
    assert estate.trees["a2"].facts["loaded"] == "no", "the wave behind the failure went out"


def test_a_target_that_nobody_answers_to_is_a_failure(estate: Estate) -> None:
    (result,) = estate.orchestrate(target="nobody*").values()
    assert result["result"] is False
    assert "no minion answers to the target nobody*" in result["comment"]


def test_grains_target_those_that_can_share_an_artifact(estate: Estate) -> None:
    estate.salt("*", "saltutil.refresh_grains")
    found = estate.salt("*", "grains.get", "toa:fingerprint")
    assert found["a1"] == found["a2"] != found["alone"]
