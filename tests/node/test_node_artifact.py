# SPDX-License-Identifier: GPL-2.0-only
"""What toa-node refuses: artifacts of other systems, damaged ones, forged ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from node_support import (
    FACTS,
    HARD,
    Answer,
    edit_manifest,
    fingerprint_id,
    make_artifact,
    make_tree,
    manifest_text,
    node,
    snapshot,
)

OTHER = {
    "arch": "aarch64",
    "page_size": "65536",
    "kernel_release": "6.1.0-55-cloud-amd64",
    "kernel_version": "#1 SMP Debian 6.1.190-1",
    "kernel_build_id": "cd" * 20,
    "os_id": "ubuntu",
    "os_version_id": "12.1",
    "vermagic": "6.1.0-56-cloud-amd64 SMP",
    "module_layout": "0x00000001",
}


def refused(shell: str, artifact: Path, tree: Path) -> Answer:
    """The refusal of installing it; nothing may be left of the attempt."""
    before = snapshot(tree)
    answer = node(shell, "install", "--from", artifact, root=tree).failed("mismatch")
    assert snapshot(tree) == before
    return answer


def test_a_good_artifact_is_taken(shell: str, artifact: Path, tree: Path) -> None:
    assert node(shell, "install", "--from", artifact, root=tree).done()["changed"] == "yes"


@pytest.mark.parametrize("field", [f for f in HARD if f not in ("vermagic", "module_layout")])
def test_an_artifact_of_another_system_is_refused_with_both_values(
    shell: str, field: str, tmp_path: Path, made_artifact: Path
) -> None:
    tree = make_tree(
        tmp_path / "other",
        {**FACTS, field: OTHER[field]},
        os_release=f"ID={OTHER['os_id'] if field == 'os_id' else FACTS['os_id']}\n"
        f"VERSION_ID={OTHER['os_version_id'] if field == 'os_version_id' else '12'}\n",
    )
    answer = refused(shell, made_artifact, tree)
    assert answer[f"mismatch.{field}.artifact"] == FACTS[field]
    assert answer[f"mismatch.{field}.node"] == OTHER[field]
    assert [key for key in answer.values if key.endswith(".node")] == [f"mismatch.{field}.node"]
    assert field in answer["detail"] and OTHER[field] in answer["detail"]


@pytest.mark.parametrize("field", HARD)
def test_an_edited_field_is_refused_by_the_fingerprint(
    shell: str, field: str, artifact: Path, tree: Path
) -> None:
    edit_manifest(artifact, field, OTHER[field])
    answer = refused(shell, artifact, tree)
    assert answer["mismatch.fingerprint.artifact"] == fingerprint_id(FACTS)
    assert answer["mismatch.fingerprint.node"] == fingerprint_id({**FACTS, field: OTHER[field]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fingerprint", "0" * 16),
        ("sha256", "0" * 64),
        ("size", "1"),
        ("build_id", "0" * 40),
        ("srcversion", "FEDCBA9876543210FEDCBA9"),
        ("toa_version", "9.9.9"),
        ("selftest_sha256", "0" * 64),
        ("signature", "somebody"),
    ],
)
def test_an_edited_claim_is_refused_by_the_file(
    shell: str, key: str, value: str, artifact: Path, tree: Path
) -> None:
    edit_manifest(artifact, key, value)
    answer = refused(shell, artifact, tree)
    assert answer[f"mismatch.{key}.artifact"] == value


@pytest.mark.parametrize(
    "change",
    [
        "",
        "manifest=2\n",
        "nonsense\n",
        "Key=value\n",
        "../../etc=x\n",
        "arch=x86_64\n",
        "note=a\x1b[2Jb\n",
        "x=" + "y" * 70_000 + "\n",
    ],
    ids=["empty", "version", "no-key", "capital", "path", "twice", "escape", "huge"],
)
def test_a_manifest_that_is_none_is_refused(
    shell: str, change: str, artifact: Path, tree: Path
) -> None:
    path = artifact / "manifest"
    path.write_text(path.read_text() + change if change and "=2" not in change else change)
    refused(shell, artifact, tree)


@pytest.mark.parametrize("key", [*HARD[:4], "sha256", "size", "build_id", "selftest_sha256"])
def test_a_manifest_without_a_needed_line_is_refused(
    shell: str, key: str, artifact: Path, tree: Path
) -> None:
    path = artifact / "manifest"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(key + "=")))
    assert key in refused(shell, artifact, tree)["detail"]


@pytest.mark.parametrize("name", ["toa.ko", "manifest", "toa-selftest"])
@pytest.mark.parametrize("kept", [0, 1, 0.5, -1])
def test_a_cut_file_is_refused(
    shell: str, name: str, kept: float, artifact: Path, tree: Path
) -> None:
    path = artifact / name
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if 0 < kept < 1 else int(kept)])
    if name == "manifest" and kept == -1:
        node(shell, "install", "--from", artifact, root=tree).done()  # only the last newline
    else:
        refused(shell, artifact, tree)


@pytest.mark.parametrize("name", ["toa.ko", "manifest", "toa-selftest"])
def test_a_missing_file_is_named(shell: str, name: str, artifact: Path, tree: Path) -> None:
    (artifact / name).unlink()
    assert name in refused(shell, artifact, tree)["detail"]


def test_a_manifest_forged_with_all_its_hashes_is_refused_by_the_module(
    shell: str, tmp_path: Path, tree: Path
) -> None:
    facts = {**FACTS, "kernel_version": OTHER["kernel_version"]}
    artifact = make_artifact(tmp_path / "forged", facts)
    module, selftest = ((artifact / name).read_bytes() for name in ("toa.ko", "toa-selftest"))
    (artifact / "manifest").write_text(manifest_text(FACTS, module, selftest))
    answer = refused(shell, artifact, tree)
    assert answer["mismatch.toa_fingerprint.node"] == fingerprint_id(facts)


def test_a_module_of_another_release_is_refused_even_with_the_right_tag(
    shell: str, tmp_path: Path, tree: Path
) -> None:
    other = {**FACTS, "kernel_release": "6.1.0-55-cloud-amd64"}
    artifact = make_artifact(tmp_path / "other", other)
    module = (artifact / "toa.ko").read_bytes()
    module = module.replace(fingerprint_id(other).encode(), fingerprint_id(FACTS).encode())
    (artifact / "toa.ko").write_bytes(module)
    selftest = (artifact / "toa-selftest").read_bytes()
    (artifact / "manifest").write_text(manifest_text(FACTS, module, selftest))
    answer = refused(shell, artifact, tree)
    assert answer["mismatch.kernel_release.node"] == "6.1.0-55-cloud-amd64"


@pytest.mark.parametrize("empty", ["kernel_build_id", "vermagic", "module_layout"])
def test_a_field_that_one_side_cannot_know_does_not_refuse(
    shell: str, empty: str, tmp_path: Path, tree: Path
) -> None:
    artifact = make_artifact(tmp_path / "artifact", {**FACTS, empty: ""})
    answer = node(shell, "install", "--from", artifact, root=tree).done()
    status = node(shell, "status", root=tree).done()
    assert status["installed"] == answer["artifact"]


def test_a_system_without_a_name_matches_nothing(
    shell: str, tmp_path: Path, made_artifact: Path
) -> None:
    tree = make_tree(tmp_path / "nameless", os_release="")
    answer = refused(shell, made_artifact, tree)
    assert answer["mismatch.os_id.node"] == ""
