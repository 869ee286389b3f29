# SPDX-License-Identifier: GPL-2.0-only
"""_beacons/toa.py: what it sees on a tree, and when it speaks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from extension_files import load_face, load_modules
from node_trees import RELEASE, Tree, make_artifact

GONE = {"gone": "toa is not loaded"}


@pytest.fixture
def module(tree: Tree, tmp_path: Path) -> Any:
    """toa, whose configuration names the tree's node program."""
    configured = {"toa:node_program": str(tree.program)}
    return load_modules(tmp_path, config__get=configured.get).toa


def install(tree: Tree, tmp_path: Path) -> None:
    tree.run("status")
    artifact = tmp_path / "artifact"
    make_artifact(artifact, tree.facts)
    tree.run("deploy", "--from", str(artifact))


def install_kernel(tree: Tree, release: str) -> None:
    tree.write(f"lib/modules/{release}/modules.dep", "")
    tree.write(f"lib/modules/{release}/kernel/net/x.ko", "")
    tree.write(f"boot/vmlinuz-{release}", "")


class TestWhatIsWrong:
    def test_nothing_where_toa_is_not_installed(self, module: Any, tree: Tree) -> None:
        install_kernel(tree, RELEASE)
        assert module.problems() == {}

    def test_nothing_where_all_is_well(self, module: Any, tree: Tree, tmp_path: Path) -> None:
        install_kernel(tree, RELEASE)
        install(tree, tmp_path)
        assert module.problems() == {}

    def test_toa_is_gone(self, module: Any, tree: Tree, tmp_path: Path) -> None:
        install(tree, tmp_path)
        tree.run("unload")
        assert module.problems() == {
            "gone": f"toa is installed for the running kernel {RELEASE}, but it is not loaded"
        }

    def test_a_reboot_into_another_kernel(self, module: Any, tree: Tree, tmp_path: Path) -> None:
        install(tree, tmp_path)
        tree.run("unload")
        tree.write("proc/sys/kernel/osrelease", "6.1.0-100-amd64\n")
        assert module.problems()["gone"].endswith(
            f"no artifact for the running kernel 6.1.0-100-amd64 is installed, only for {RELEASE}"
        )

    def test_hooks_are_disarmed(self, module: Any, tree: Tree, tmp_path: Path) -> None:
        install(tree, tmp_path)
        tree.write("sys/module/toa/parameters/hooks", "disarmed\n")
        assert set(module.problems()) == {"disarmed"}

    def test_a_new_kernel_is_installed(self, module: Any, tree: Tree, tmp_path: Path) -> None:
        install(tree, tmp_path)
        install_kernel(tree, "6.1.0-100-amd64")
        told = tree.run("kernel-hook", "6.1.0-100-amd64")["kernels_without_artifact"]
        assert told == "6.1.0-100-amd64"
        assert module.problems() == {
            "kernel": "no artifact is installed for the kernel 6.1.0-100-amd64"
        }


class Beacon:
    """The face with a clock and a minion that the test sets."""

    def __init__(self) -> None:
        self.face: Any = load_face("_beacons")
        self.problems: dict[str, str] = {}
        self.now = 0.0
        self.face.__salt__ = {"toa.problems": lambda: self.problems}
        self.face._clock = lambda: self.now

    def told(self, **options: Any) -> list[tuple[str, int]]:
        """Tags and counts of the events after another minute."""
        self.now += 60
        config = [{key: value} for key, value in options.items()]
        assert self.face.validate(config)[0]
        return [(event["tag"], event["count"]) for event in self.face.beacon(config)]


class TestWhenItSpeaks:
    def test_at_each_interval(self) -> None:
        beacon = Beacon()
        assert beacon.told() == []
        beacon.problems = {**GONE, "kernel": "6.2"}
        assert beacon.told() == [("gone", 1), ("kernel", 1)]
        assert beacon.told(watch=["gone"]) == [("gone", 2)]

    def test_only_at_changes(self) -> None:
        beacon = Beacon()
        beacon.problems = GONE
        heard = [beacon.told(onchangeonly=True) for _ in range(5)]
        assert heard == [[("gone", 1)], [], [], [], []]
        beacon.problems = {"gone": "for another reason"}
        assert beacon.told(onchangeonly=True) == [("gone", 2)]
        beacon.problems = {}
        assert beacon.told(onchangeonly=True) == [("well", 2)]
        assert beacon.told(onchangeonly=True) == []

    def test_what_stays_wrong_is_told_again_after_a_time(self) -> None:
        beacon = Beacon()
        beacon.problems = GONE
        heard = [beacon.told(onchangeonly=True, repeat=180) for _ in range(7)]
        assert [len(events) for events in heard] == [1, 0, 0, 1, 0, 0, 1]

    def test_the_count_goes_on_where_it_comes_and_goes(self) -> None:
        """So that a reactor that mends it in vain comes to an end."""
        beacon = Beacon()
        counts = []
        for _ in range(4):
            beacon.problems = GONE
            counts += beacon.told(onchangeonly=True)
            beacon.problems = {}
            beacon.told(onchangeonly=True)
        assert counts == [("gone", 1), ("gone", 2), ("gone", 3), ("gone", 4)]
        beacon.now += 3700
        beacon.problems = GONE
        assert beacon.told(onchangeonly=True) == [("gone", 1)]

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({"interval": 60}, "must be a list"),
            (["interval"], "must be a list of dictionaries"),
            ([{"onchangeonly": "yes"}], "onchangeonly must be True or False"),
            ([{"repeat": -1}], "repeat must be a number of seconds"),
            ([{"repeat": "1h"}], "repeat must be a number of seconds"),
            ([{"watch": ["weather"]}], "watch must be a list of gone, disarmed, kernel"),
        ],
    )
    def test_a_wrong_configuration_is_named(self, config: Any, message: str) -> None:
        valid, comment = Beacon().face.validate(config)
        assert (valid, message in comment) == (False, True), comment
