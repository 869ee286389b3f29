# SPDX-License-Identifier: GPL-2.0-only
"""push, over a real sshd, with a stand-in for toa-node."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from fleet.loopback import Fleet

Run = Callable[..., Any]
Artifacts = Callable[..., Path]
Fields = dict[str, str]


def test_a_push_takes_two_execs_and_a_push_of_what_is_there_only_one(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields)
    artifact = artifact_directory(fields)

    first = toa_fleet("push", node.name, "--artifact", artifact)
    assert first.status == 0, first.text
    assert node.commands == ["status", "+ deploy"]
    assert node.read("parts").split() == ["toa-node", "toa.ko", "manifest", "toa-selftest"]
    assert not (node.directory / "lib").exists(), "something was left on the node"

    again = toa_fleet("push", node.name, "--artifact", artifact)
    assert again.status == 0, again.text
    assert node.commands[2:] == ["status"], "the artifact was sent a second time"
    assert "unchanged" in again.out


def test_a_push_is_one_connection(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields)
    before = fleet.accepted()
    assert toa_fleet("push", node.name, "--artifact", artifact_directory(fields)).status == 0
    assert fleet.accepted() - before == 1


def test_each_node_gets_the_stores_artifact_that_matches_it_and_the_rest_are_refused(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts, tmp_path: Path
) -> None:
    from toa_fleet.artifact import Artifact
    from toa_fleet.store import Store

    next_door = {**fields, "kernel_release": "6.1.0-57-cloud-amd64"}
    old = {**fields, "os_version_id": "11", "kernel_build_id": "11" * 20}
    ours, theirs = (Artifact.read(artifact_directory(each)) for each in (fields, old))
    for artifact in (ours, theirs):
        Store(tmp_path / "store").add(artifact)
    nodes = [
        fleet.node(number).be(each)
        for number, each in enumerate((fields, old, next_door, fields), 1)
    ]

    outcome = toa_fleet("push", *(node.name for node in nodes), "--json")

    assert outcome.status == 3
    found = {node["host"]: node for node in json.loads(outcome.out)["nodes"]}
    results = [found[node.name] for node in nodes]
    assert [each["outcome"] for each in results] == ["done", "done", "refused", "done"]
    assert [each["artifact"] for each in results] == [ours.id, theirs.id, ours.id, ours.id]
    assert results[2]["mismatch"] == [
        {
            "field": "kernel_release",
            "artifact": "6.1.0-56-cloud-amd64",
            "node": "6.1.0-57-cloud-amd64",
        }
    ]
    assert nodes[2].commands == ["status"], "a refused node was touched"
    assert nodes[2].read("state") == ""


def test_a_refusal_shows_each_field_with_both_values_and_the_remedy(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    other = {**fields, "kernel_release": "6.12.9", "os_version_id": "13"}
    node = fleet.node().be(other)
    outcome = toa_fleet("push", node.name, "--artifact", artifact_directory(fields))
    assert outcome.status == 3
    for words in (
        "kernel_release",
        "6.12.9",
        "6.1.0-56-cloud-amd64",
        "os_version_id",
        "toa-fleet build --on",
    ):
        assert words in outcome.out
    line = next(line for line in outcome.err.splitlines() if "refused" in line)
    assert "kernel_release: artifact 6.1.0-56-cloud-amd64, node 6.12.9" in line


def test_a_dry_run_tells_exactly_what_the_run_does_and_does_nothing(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    artifact = artifact_directory(fields)
    push, there, mismatch, gate = (fleet.node(number) for number in range(1, 5))
    for node in (push, there, gate):
        node.be(fields)
    mismatch.be({**fields, "arch": "aarch64"})
    gate.write("gates", "gate.signature=closed: enforced; sign it\n")
    toa_fleet("push", there.name, "--artifact", artifact)
    names = [node.name for node in (push, there, mismatch, gate)]

    dry = toa_fleet("push", *names, "--artifact", artifact, "--json", "--dry-run")
    assert push.read("state") == ""
    wet = toa_fleet("push", *names, "--artifact", artifact, "--json")

    assert dry.status == wet.status == 3
    planned, done = (json.loads(each.out)["nodes"] for each in (dry, wet))
    assert [each["outcome"] for each in planned] == ["planned", "unchanged", "refused", "refused"]
    assert [each["outcome"] for each in done] == ["done", "unchanged", "refused", "refused"]
    for key in ("host", "artifact", "mismatch", "fingerprint"):
        assert [each[key] for each in planned] == [each[key] for each in done]
    for index in (1, 2, 3):
        assert planned[index]["detail"] == done[index]["detail"]
    assert "enforced; sign it" in done[3]["detail"]


def test_a_failed_node_counts_before_a_refused_one_and_the_rest_go_on(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    good, broken = fleet.node(1).be(fields), fleet.node(2).be(fields).write("misbehave", "no-end")
    refused = fleet.node(3).be({**fields, "arch": "aarch64"})
    names = [node.name for node in (broken, refused, good)]
    outcome = toa_fleet("push", *names, "--artifact", artifact_directory(fields))
    assert outcome.status == 4
    assert good.read("state")


def test_a_canary_that_fails_spares_the_rest(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    canary, *others = (fleet.node(number).be(fields) for number in range(1, 5))
    canary.write("misbehave", "lie")
    names = [node.name for node in (canary, *others)]
    # One at a time: the first is the canary then.
    push = ["push", *names, "--artifact", artifact_directory(fields), "--parallel", "1"]
    outcome = toa_fleet(*push, "--json")
    assert outcome.status == 4
    nodes = json.loads(outcome.out)["nodes"]
    assert [node["outcome"] for node in nodes] == ["failed", "held", "held", "held"]
    assert f"not begun: the canary {canary.name} failed" in nodes[1]["detail"]
    assert all(node.commands == ["status"] for node in others)

    assert toa_fleet(*push, "--canary", "0").status == 4
    assert all(node.read("state") for node in others)


def test_a_push_stops_at_its_bound_of_failures(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    nodes = [fleet.node(number).be(fields) for number in range(1, 5)]
    for node in nodes[1:3]:
        node.write("misbehave", "lie")
    push = ["push", *(node.name for node in nodes), "--parallel", "1", "--max-failures", "2"]
    outcome = toa_fleet(*push, "--artifact", artifact_directory(fields))
    assert outcome.status == 4
    assert "2 failed, --max-failures is 2" in outcome.out
    assert "1 done, 2 failed, 1 held" in outcome.out
    assert not nodes[3].read("state")


def test_a_kernel_that_changed_between_plan_and_push_is_refused_by_the_node(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields).write("misbehave", "refuse")
    outcome = toa_fleet("push", node.name, "--artifact", artifact_directory(fields))
    assert outcome.status == 3
    assert "the kernel changed" in outcome.out
    assert "6.1.0-57" in outcome.out


def test_a_node_that_says_done_without_proof_has_failed(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields).write("misbehave", "lie")
    outcome = toa_fleet("push", node.name, "--artifact", artifact_directory(fields))
    assert outcome.status == 4
    assert "does not prove" in outcome.out


def test_replace_foreign_opens_that_gate_and_is_passed_on(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields).write("gates", "gate.foreign=closed: another toa\n")
    artifact = artifact_directory(fields)
    refused = toa_fleet("push", node.name, "--artifact", artifact)
    assert refused.status == 3
    assert "--replace-foreign" in refused.out
    assert toa_fleet("push", node.name, "--artifact", artifact, "--replace-foreign").status == 0
    assert node.read("arguments").split() == ["--replace-foreign"]


def test_parameters_are_planned_handed_on_and_refused_before_a_node_is_asked(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node, artifact = fleet.node().be(fields), artifact_directory(fields)
    pushed = toa_fleet("push", node.name, "--artifact", artifact)
    assert pushed.status == 0
    assert "1 of 1 believe everyone" in pushed.out
    wanted = ("--parameters", "trusted=100.125.0.0/16 kinds=200,254")
    planned = toa_fleet("push", node.name, "--artifact", artifact, "--dry-run", *wanted)
    assert "gets kinds=200,254 trusted=100.125.0.0/16" in planned.out
    assert "believe everyone" not in planned.out
    node.write("arguments", "")
    assert toa_fleet("push", node.name, "--artifact", artifact, *wanted).status == 0
    assert node.read("arguments").splitlines() == [
        "--parameters", "trusted=100.125.0.0/16 kinds=200,254", "--reset", "netns=all",
    ]  # fmt: skip
    node.write("arguments", "")
    refused = toa_fleet("push", node.name, "--artifact", artifact, "--parameters", "kind=254")
    assert refused.status == 2
    assert "kind=254 is no NAME=VALUE; toa.ko has kinds" in refused.err
    refused = toa_fleet("push", node.name, "--artifact", artifact, "--reload")
    assert refused.status == 2
    assert node.read("arguments") == ""


def test_rebuild_leaves_the_sources_on_nodes_that_carry_the_module_already(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node, artifact = fleet.node().be(fields), artifact_directory(fields)
    assert toa_fleet("push", node.name, "--artifact", artifact).status == 0
    assert "kmod/" not in node.read("parts")
    planned = toa_fleet("push", node.name, "--artifact", artifact, "--rebuild", "--dry-run")
    assert "does not build for new kernels yet" in planned.out
    assert toa_fleet("push", node.name, "--artifact", artifact, "--rebuild").status == 0
    assert node.read("arguments").split() == ["--rebuild"]
    assert {"toa.ko", "kmod/Makefile", "kmod/main.c"} <= {*node.read("parts").split()}
    again = toa_fleet("push", node.name, "--artifact", artifact, "--rebuild", "--json")
    assert json.loads(again.out)["nodes"][0]["outcome"] == "unchanged"


@pytest.mark.parametrize("fault", ["truncated", "edited", "forged"])
def test_an_artifact_that_is_not_sound_is_refused_before_any_node_is_asked(
    fault: str,
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_directory: Artifacts,
    manifest_of: Callable[..., bytes],
) -> None:
    node = fleet.node().be(fields)
    artifact = artifact_directory(fields)
    module, manifest = artifact / "toa.ko", artifact / "manifest"
    if fault == "truncated":
        module.write_bytes(module.read_bytes()[:-100])
    elif fault == "edited":
        manifest.write_text(manifest.read_text().replace("6.1.0-56", "6.1.0-57"))
    else:
        other = {**fields, "kernel_version": "#2"}
        selftest = (artifact / "toa-selftest").read_bytes()
        manifest.write_bytes(manifest_of(other, module.read_bytes(), selftest))

    outcome = toa_fleet("push", node.name, "--artifact", artifact)
    assert outcome.status == 3
    assert str(artifact) in outcome.err
    assert node.commands == []

    as_json = toa_fleet("push", node.name, "--artifact", artifact, "--json")
    assert json.loads(as_json.out)["error"]["class"] == "artifact"
    assert json.loads(as_json.out)["exit_status"] == 3


def test_a_damaged_artifact_of_the_store_is_left_out_with_a_warning(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts, tmp_path: Path
) -> None:
    from toa_fleet.artifact import Artifact
    from toa_fleet.store import Store

    home = Store(tmp_path / "store").add(Artifact.read(artifact_directory(fields)))
    (home / "toa-selftest").write_text("else")
    node = fleet.node().be(fields)
    outcome = toa_fleet("push", node.name)
    assert outcome.status == 3
    assert "no artifact to push" in outcome.out
    assert f"left out: {home}" in outcome.out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("no-end", "cut"),
        ("silent", "no answer"),
        ("flood", "longer than"),
        ("hang", "no answer within 1 s in phase: status"),
        ("hang-up", "deploy"),
    ],
)
def test_a_node_that_misbehaves_fails_with_a_clear_line(
    wrong: str,
    says: str,
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_directory: Artifacts,
) -> None:
    node = fleet.node().be(fields).write("misbehave", wrong)
    timeout = ["--timeout", "1"] if wrong == "hang" else []
    outcome = toa_fleet("push", node.name, "--artifact", artifact_directory(fields), *timeout)
    assert outcome.status == 4
    line = next(line for line in outcome.err.splitlines() if "failed" in line)
    assert says in line
    assert "Traceback" not in outcome.text
    assert not list((node.directory / "lib").glob("[!.]*"))


def test_what_a_node_says_cannot_style_or_drive_the_terminal(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    node = fleet.node().be(fields).write("misbehave", "markup")
    outcome = toa_fleet("status", node.name)
    assert outcome.status == 4
    assert "[red]bad[/red]" in outcome.out
    assert "[link=x]" in outcome.out
    assert "\x1b" not in outcome.text
    assert "\x9b" not in outcome.text


@pytest.mark.parametrize("noise", ["Welcome\nkey=value\nend=0\n", "\x1b]0;title\x07"])
def test_a_noisy_login_shell_does_no_harm(
    noise: str, fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts
) -> None:
    node = fleet.node().be(fields).write("banner", noise)
    assert toa_fleet("push", node.name, "--artifact", artifact_directory(fields)).status == 0


def test_a_journal_that_cannot_be_written_is_a_warning_and_no_failure(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Artifacts, tmp_path: Path
) -> None:
    (tmp_path / "store" / "journal.db").mkdir(parents=True)
    node = fleet.node().be(fields)
    outcome = toa_fleet("push", node.name, "--artifact", artifact_directory(fields))
    assert outcome.status == 0
    assert "the history has a gap" in outcome.out


def test_hundred_nodes_are_served_side_by_side(
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_directory: Artifacts,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    nodes = [fleet.node(number).be(fields) for number in range(1, 101)]
    inventory = tmp_path / "hosts"
    inventory.write_text("".join(f"{node.name}\n" for node in nodes))
    artifact = artifact_directory(fields)
    started, used = time.monotonic(), time.process_time()
    outcome = toa_fleet("push", "-i", inventory, "--artifact", artifact)
    record_property("wall_seconds", round(time.monotonic() - started, 2))
    record_property("client_cpu_seconds", round(time.process_time() - used, 2))
    assert outcome.status == 0, outcome.out[-2000:]
    assert "100 done" in outcome.out
    assert all(len(node.commands) == 2 for node in nodes)
