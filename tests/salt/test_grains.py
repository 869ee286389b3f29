# SPDX-License-Identifier: GPL-2.0-only
"""_grains/toa.py on a tree: right, and cheap enough for every start of a minion."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from extension_files import load_face
from node_trees import Tree, make_artifact


@pytest.fixture
def face(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    module: Any = load_face("_grains")
    module.__opts__ = {"cachedir": str(tmp_path), "toa": {"node_program": str(tree.program)}}
    monkeypatch.setattr(module, "_ROOT", str(tree.root))
    return module


def deploy(tree: Tree, tmp_path: Path, seed: str) -> dict[str, str]:
    artifact = make_artifact(tmp_path / seed, tree.facts, seed)
    assert os.system(f"sh {tree.program} deploy --from {tmp_path / seed} >{tmp_path}/said") == 0
    return artifact


def test_nothing_is_there(face: Any, tree: Tree) -> None:
    assert face.toa() == {
        "toa": {
            "fingerprint": tree.facts["fingerprint"],
            "loaded": False,
            "persisted": False,
            "artifact": None,
            "stale": False,
        }
    }


def test_all_is_right(face: Any, tree: Tree, tmp_path: Path) -> None:
    artifact = deploy(tree, tmp_path, "first")
    assert face.toa()["toa"] == {
        "fingerprint": artifact["fingerprint"],
        "loaded": True,
        "persisted": True,
        "artifact": artifact["artifact"],
        "stale": False,
    }


#: By way to boot: what such a system has, beside what its toa-node needs.
BOOT_SYSTEMS: dict[str, tuple[str, ...]] = {
    "openrc": ("sbin/openrc-run",),
    "sysv-redhat": ("etc/rc.d/rc.sysinit",),
    "sysv-suse": ("etc/init.d/boot", "etc/sysconfig/kernel"),
    "sysv-debian": ("etc/rcS.d/S10networking", "etc/init.d/networking"),
}


@pytest.mark.parametrize("way", BOOT_SYSTEMS)
def test_loading_at_boot_is_seen_on_systems_without_systemd(
    face: Any, tree: Tree, tmp_path: Path, way: str
) -> None:
    (tree.root / "lib/systemd/systemd").unlink()
    for name in BOOT_SYSTEMS[way]:
        tree.write(name, 'MODULES_LOADED_ON_BOOT=""\n')
    (tree.root / "etc/runlevels/boot").mkdir(parents=True, exist_ok=True)
    assert tree.facts["boot_system"] == way
    deploy(tree, tmp_path, "first")
    assert tree.facts["persistent"] == "yes"
    assert face.toa()["toa"]["persisted"] is True
    tree.run("remove")
    assert face.toa()["toa"]["persisted"] is False


def test_an_artifact_that_nothing_loads_at_boot_is_not_persisted(
    face: Any, tree: Tree, tmp_path: Path
) -> None:
    make_artifact(tmp_path / "artifact", tree.facts)
    tree.run("deploy", "--no-persist", "--from", str(tmp_path / "artifact"))
    assert face.toa()["toa"]["persisted"] is False


def test_another_toa_runs_than_the_installed_one(face: Any, tree: Tree, tmp_path: Path) -> None:
    deploy(tree, tmp_path, "first")
    note = tree.root / "sys/module/toa/notes/.note.gnu.build-id"
    note.write_bytes(note.read_bytes()[:-1] + b"?")
    assert face.toa()["toa"]["stale"] is True


def test_only_another_kernels_artifact_is_there(face: Any, tree: Tree, tmp_path: Path) -> None:
    deploy(tree, tmp_path, "first")
    tree.write("proc/sys/kernel/osrelease", "6.1.0-100-amd64\n")
    tree.write("proc/sys/kernel/version", "#1 SMP\n")
    found = face.toa()["toa"]
    assert (found["stale"], found["persisted"], found["artifact"]) == (True, False, None)


def test_the_fingerprint_is_asked_for_once(face: Any, tree: Tree) -> None:
    first = face.toa()["toa"]["fingerprint"]
    program = tree.program
    before = program.stat()
    content = program.read_text()
    program.write_text("#" * len(content))
    os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert face.toa()["toa"]["fingerprint"] == first


def test_another_program_is_asked_again(face: Any, tree: Tree) -> None:
    face.toa()
    tree.program.write_text("echo begin=status\necho fingerprint=0123456789abcdef\necho end=0\n")
    assert face.toa()["toa"]["fingerprint"] == "0123456789abcdef"


@pytest.mark.parametrize("answer", ["", "fingerprint=0123456789abcdef", "exit 3", "echo x"])
def test_a_broken_answer_gives_no_fingerprint(face: Any, tree: Tree, answer: str) -> None:
    tree.program.write_text(f"echo begin=status\n{answer}\n")
    assert face.toa()["toa"]["fingerprint"] is None


def test_a_broken_cache_does_no_harm(face: Any, tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "toa-grains.json").write_text("[1")
    assert face.toa()["toa"]["fingerprint"] == tree.facts["fingerprint"]


@pytest.mark.parametrize("gone", ["etc/systemd/system/toa.service", "sys/module/toa/initstate"])
def test_what_somebody_takes_away_by_hand_is_seen(
    face: Any, tree: Tree, tmp_path: Path, gone: str
) -> None:
    deploy(tree, tmp_path, "first")
    before = face.toa()["toa"]
    (tree.root / gone).unlink()
    assert face.toa()["toa"] != before


def test_a_start_of_the_minion_takes_less_than_50_ms_of_it(
    face: Any, tree: Tree, tmp_path: Path
) -> None:
    deploy(tree, tmp_path, "first")
    face.toa()
    started = time.perf_counter()
    for _ in range(20):
        face.toa()
    took = (time.perf_counter() - started) / 20
    print(f"the grain takes {took * 1000:.2f} ms")
    assert took < 0.05
