# SPDX-License-Identifier: GPL-2.0-only
"""What _runners/toa.py decides, without a Salt; carried out in test_on_a_master.py."""

from __future__ import annotations

from typing import Any

import pytest
from extension_files import load_face

SYSTEM = "0123456789abcdef"
OTHER = "fedcba9876543210"
NONE = {"found": False, "reason": "there is none at all"}
ONE = {"found": True, "reason": None}


@pytest.fixture(scope="module")
def runner() -> Any:
    return load_face("_runners")


def fact(fingerprint: str = SYSTEM, gcc: str | None = "gcc 12", headers: bool = True) -> Any:
    return {"fingerprint": fingerprint, "gcc": gcc, "headers": headers}


def test_who_shares_a_fingerprint_is_a_group_and_the_first_that_can_builds(runner: Any) -> None:
    facts = {"c": fact(), "a": fact(gcc=None), "b": fact(headers=False), "d": fact(OTHER)}
    offers = {name: ONE if name == "d" else NONE for name in facts}
    served, refused = runner.groups(list(facts), list(facts), facts, offers, 1)
    assert refused == {}
    assert served == [
        {
            "fingerprint": SYSTEM,
            "minions": ["a", "b", "c"],
            "builder": "c",
            "waves": [["a"], ["b"], ["c"]],
        },
        {"fingerprint": OTHER, "minions": ["d"], "builder": None, "waves": [["d"]]},
    ]


def test_who_is_not_asked_to_build_builds_nothing(runner: Any) -> None:
    facts = {"a": fact(), "builder": fact(OTHER)}
    served, refused = runner.groups(["a"], ["builder"], facts, {"a": NONE}, 10)
    assert served == []
    assert refused["a"].startswith("there is none at all; and no minion of this fingerprint may")


@pytest.mark.parametrize(
    ("told", "offer", "reason"),
    [
        ("ERROR: no toa-node", NONE, "ERROR: no toa-node"),
        (fact("../../etc"), NONE, "../../etc"),
        (fact(SYSTEM + "\n"), NONE, "fingerprint"),
        (None, NONE, "None"),
        (fact(), "ERROR: no master", "ERROR: no master"),
        (fact(), {"no": "answer"}, "no"),
        ({"fingerprint": 7}, NONE, "7"),
        ("x" * 9999, NONE, "..."),
    ],
)
def test_what_a_minion_says_is_not_believed(
    runner: Any, told: Any, offer: Any, reason: str
) -> None:
    served, refused = runner.groups(["m"], ["m"], {"m": told}, {"m": offer}, 10)
    assert served == []
    assert reason in refused["m"]
    assert len(refused["m"]) <= 600


def test_who_is_silent_is_refused(runner: Any) -> None:
    _, refused = runner.groups(["m"], [], {}, {}, 10)
    assert refused == {"m": "it did not answer in time"}


@pytest.mark.parametrize("batch", [1, 3, 10, 1000])
@pytest.mark.parametrize("count", [1, 2, 11, 100])
def test_waves_are_one_and_then_so_many_and_everybody_once(
    runner: Any, count: int, batch: int
) -> None:
    minions = [f"m{number}" for number in range(count)]
    first, *others = runner.waves(minions, batch)
    assert first == minions[:1]
    assert [each for wave in others for each in wave] == minions[1:]
    assert all(0 < len(wave) <= batch for wave in others)


def test_each_wave_waits_for_the_one_before_and_for_what_is_built(runner: Any) -> None:
    group = {"fingerprint": SYSTEM, "minions": ["a", "b"], "builder": "b", "waves": [["a"], ["b"]]}
    decided = {"settings": runner._SETTINGS, "groups": [group], "refused": {}, "problems": []}
    states = runner.states(decided, "/cache", False)

    def needs(name: str) -> list[str]:
        (words,) = states[name].values()
        return next((word["require"] for word in words if "require" in word), [])

    assert needs(f"toa-collect-{SYSTEM}") == [f"toa-build-{SYSTEM}"]
    assert set(needs(f"toa-serve-{SYSTEM}-manifest")) == {
        *(f"toa-collect-{SYSTEM}", f"toa-serve-{SYSTEM}-toa.ko"),
        f"toa-serve-{SYSTEM}-toa-selftest",
    }
    assert needs(f"toa-wave-{SYSTEM}-1") == [f"toa-serve-{SYSTEM}-manifest"]
    assert f"toa-wave-{SYSTEM}-1" in needs(f"toa-wave-{SYSTEM}-2")
    tested = runner.states(decided, "/cache", True)
    assert not any("file" in state for state in tested.values()), "a test run copies nothing"


def test_a_build_that_failed_is_the_reason_of_all_that_wait_for_it(runner: Any) -> None:
    group = {"fingerprint": SYSTEM, "minions": ["a"], "builder": "b", "waves": [["a"]]}
    results = {
        f"toa-build-{SYSTEM}": {"result": False, "changes": {"ret": {"b": "ERROR: no gcc"}}},
        f"toa-wave-{SYSTEM}-1": {"result": False, "comment": "One or more requisite failed: x"},
    }
    found = runner.outcomes({"groups": [group], "refused": {}}, results, False)
    assert found["a"]["outcome"] == "held"
    assert found["a"]["detail"] == "b could not build for it: ERROR: no gcc"


@pytest.mark.parametrize("settings", [None, "text", [1]])
def test_settings_are_a_mapping(runner: Any, settings: Any) -> None:
    assert runner.check(settings) == ["the pillar `toa:orchestrate` must be a mapping"]
