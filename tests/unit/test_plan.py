# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable

import pytest

from toa_fleet.audit import assess
from toa_fleet.errors import BrokenAnswer
from toa_fleet.facts import NodeFacts
from toa_fleet.fingerprint import HARD_FIELDS, Fingerprint
from toa_fleet.manifest import Manifest
from toa_fleet.parameters import Parameters
from toa_fleet.plan import Action, Policy, decide
from toa_fleet.protocol import Answer


@pytest.fixture
def manifest(fields: dict[str, str]) -> Manifest:
    return _manifest(fields)


def _manifest(fields: dict[str, str], **changes: Any) -> Manifest:
    base = Manifest(
        fingerprint=Fingerprint.of(fields),
        sha256="aa" * 32,
        size=1,
        build_id="bb" * 20,
        srcversion="",
        selftest_sha256="cc" * 32,
        toa_version="0.1.0",
        source="",
        builder="",
        built_at="2026-01-01T00:00:00Z",
        imports={},
        values={},
        raw=b"",
    )
    return replace(base, **changes)


def _facts(fields: dict[str, str], **values: str) -> NodeFacts:
    everything = {
        **fields,
        "fingerprint": Fingerprint.of(fields).id,
        "loaded": "no",
        "persistent": "no",
        **{key.replace("gate_", "gate."): value for key, value in values.items()},
    }
    return NodeFacts.of(Answer("status", 0, everything, {}))


_THERE = {
    "loaded": "yes",
    "loaded_build_id": "bb" * 20,
    "loaded_artifact": "aa" * 8,
    "hooks": "armed",
    "installed": "aa" * 8,
    "installed_sha256": "aa" * 32,
    "installed_build_id": "bb" * 20,
    "persistent": "yes",
}


def test_a_matching_node_gets_the_artifact(fields: dict[str, str], manifest: Manifest) -> None:
    decision = decide(_facts(fields), [manifest], Policy())
    assert (decision.action, decision.artifact) == (Action.PUSH, "aa" * 8)
    assert not decision.refused


@pytest.mark.parametrize("field", HARD_FIELDS)
def test_a_node_that_differs_in_any_one_field_is_refused_with_both_values(
    field: str, fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts({**fields, field: "other"})
    decision = decide(node, [manifest], Policy())
    assert decision.action is Action.MISMATCH
    assert [(each.field, each.artifact, each.node) for each in decision.differences] == [
        (field, fields[field], "other")
    ]
    refusal = decision.refusal()
    assert (refusal.word, refusal.differences) == ("mismatch", decision.differences)
    assert "toa-fleet build" in refusal.hint


def test_the_release_next_door_is_refused_though_insmod_would_take_it(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts({**fields, "kernel_release": "6.1.0-57-cloud-amd64"})
    assert decide(node, [manifest], Policy()).action is Action.MISMATCH


def test_a_refusal_is_explained_by_the_artifact_that_comes_closest(
    fields: dict[str, str], manifest: Manifest
) -> None:
    far = _manifest({**fields, "arch": "aarch64", "os_id": "suse"}, sha256="dd" * 32)
    node = _facts({**fields, "kernel_version": "#2"})
    decision = decide(node, [far, manifest], Policy())
    assert decision.artifact == manifest.artifact_id
    assert len(decision.differences) == 1


def test_a_node_that_runs_and_keeps_the_artifact_is_left_alone(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, **_THERE, gate_modules_disabled="closed: set; reboot")
    assert decide(node, [manifest], Policy()).action is Action.THERE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"loaded": "no", "loaded_build_id": ""}, "not loaded"),
        ({"loaded_build_id": "ee" * 20}, "another"),
        ({"loaded_build_id": "ee" * 20, "loaded_artifact": ""}, "not ours"),
        ({"installed_sha256": "ee" * 32}, "reboot"),
        ({"persistent": "no"}, "reboot"),
        ({"hooks": "disarmed"}, "disarmed"),
        ({"hooks": ""}, "unknown"),
    ],
)
def test_anything_less_than_running_and_kept_is_pushed_again(
    change: dict[str, str], why: str, fields: dict[str, str], manifest: Manifest
) -> None:
    decision = decide(_facts(fields, **{**_THERE, **change}), [manifest], Policy())
    assert decision.action is Action.PUSH
    assert why in decision.detail


@pytest.mark.parametrize(
    "gate",
    [
        "root",
        "modules_disabled",
        "signature",
        "lockdown",
        "secure_boot",
        "blacklist",
        "unsupported",
        "kprobes",
        "foreign",
        "options",
        "readonly",
        "disk",
        "tools",
    ],
)
def test_each_closed_gate_refuses_with_its_reason(
    gate: str, fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, **{f"gate_{gate}": "closed: because; do this"})
    decision = decide(node, [manifest], Policy())
    assert decision.action is Action.GATE
    assert decision.gates == ((gate, "because; do this"),)
    assert "because; do this" in decision.detail


def test_a_signed_module_is_not_refused_for_what_keeps_unsigned_ones_out(
    fields: dict[str, str],
    artifact_files: Callable[..., dict[str, bytes]],
) -> None:
    signed = Manifest.parse(artifact_files(fields, signature="fleet key")["manifest"])
    closed = {f"gate_{gate}": "closed: sign it" for gate in ("signature", "lockdown")}
    closed["signature_gates"] = "signature lockdown secure_boot"
    assert decide(_facts(fields, **closed), [signed], Policy()).action is Action.PUSH
    node = _facts(fields, **closed, gate_blacklist="closed: barred")
    assert [name for name, _ in decide(node, [signed], Policy()).gates] == ["blacklist"]


def test_a_remark_behind_open_does_not_close_a_gate(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, gate_blacklist="open: modprobe is barred: insmod is not")
    assert decide(node, [manifest], Policy()).action is Action.PUSH


def test_a_gate_that_is_not_known_leaves_the_decision_to_the_node(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, gate_signature="unknown: no sysfs")
    assert decide(node, [manifest], Policy()).action is Action.PUSH


def test_a_foreign_toa_is_replaced_only_when_the_operator_said_so(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, gate_foreign="closed: foreign toa")
    assert decide(node, [manifest], Policy()).action is Action.GATE
    assert decide(node, [manifest], Policy(replace_foreign=True)).action is Action.PUSH


def test_a_node_that_carries_it_with_other_parameters_gets_those(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, **_THERE, options="kinds=200")
    assert decide(node, [manifest], Policy()).action is Action.THERE
    wanted = Policy(parameters=Parameters.parse("kinds=254 trusted=10.0.0.0/8"))
    decision = decide(node, [manifest], wanted)
    assert (decision.action, decision.detail) == (
        Action.PUSH, "gets kinds=254 trusted=10.0.0.0/8",
    )  # fmt: skip
    node = _facts(fields, **_THERE, options="kinds=254 trusted=10.0.0.0/8")
    assert decide(node, [manifest], wanted).action is Action.THERE


def test_a_node_where_no_selftest_may_run_is_pushed_to_unproven_only(
    fields: dict[str, str], manifest: Manifest
) -> None:
    node = _facts(fields, gate_noexec="closed: mounted noexec; remount")
    assert decide(node, [manifest], Policy()).action is Action.GATE
    assert decide(node, [manifest], Policy(allow_unproven=True)).action is Action.PUSH


def test_a_mismatch_is_told_before_a_gate(fields: dict[str, str], manifest: Manifest) -> None:
    node = _facts({**fields, "arch": "aarch64"}, gate_root="closed: uid 1000")
    assert decide(node, [manifest], Policy(replace_foreign=True)).action is Action.MISMATCH


def test_without_artifacts_the_remedy_is_to_build(fields: dict[str, str]) -> None:
    decision = decide(_facts(fields), [], Policy())
    assert decision.action is Action.NO_ARTIFACT
    assert decision.refused
    assert fields["kernel_release"] in decision.hint


def test_of_several_that_match_the_exact_one_wins_then_the_newest(fields: dict[str, str]) -> None:
    vague = _manifest({**fields, "vermagic": ""}, sha256="01" * 32, built_at="2030")
    old = _manifest(fields, sha256="02" * 32, built_at="2026-01-01")
    new = _manifest(fields, sha256="03" * 32, built_at="2026-02-01")
    assert decide(_facts(fields), [vague, new, old], Policy()).artifact == "03" * 8


def test_a_module_of_other_sources_is_taken_where_there_is_nothing_better(
    fields: dict[str, str],
) -> None:
    ours = _manifest(fields, sha256="02" * 32, built_at="2026-01-01")
    other = _manifest(fields, sha256="03" * 32, built_at="2026-02-01", values={"selftest": "none"})
    assert decide(_facts(fields), [other, ours], Policy()).artifact == "02" * 8
    assert decide(_facts(fields), [other], Policy()).artifact == "03" * 8


def test_facts_that_contradict_their_fingerprint_are_no_facts(fields: dict[str, str]) -> None:
    values = {**fields, "fingerprint": "0" * 16}
    with pytest.raises(BrokenAnswer, match="fingerprint"):
        NodeFacts.of(Answer("status", 0, values, {}))


@pytest.mark.parametrize("field", ["arch", "kernel_release", "os_id"])
def test_facts_without_a_needed_field_are_no_facts(field: str, fields: dict[str, str]) -> None:
    with pytest.raises(BrokenAnswer, match=field):
        NodeFacts.of(Answer("status", 0, {**fields, field: ""}, {}))


_STATES: list[tuple[dict[str, str], str]] = [
    ({}, "carried"),
    ({"loaded": "no", "installed": ""}, "absent"),
    ({"loaded": "no"}, "not loaded"),
    ({"loaded_artifact": ""}, "foreign"),
    ({"loaded_build_id": "ee" * 20}, "other loaded"),
    ({"hooks": "disarmed"}, "disarmed"),
    ({"persistent": "no"}, "not persistent"),
]


@pytest.mark.parametrize(("change", "state"), _STATES)
def test_an_audit_names_what_is_wrong_and_the_remedy(
    change: dict[str, str], state: str, fields: dict[str, str]
) -> None:
    assessment = assess(_facts(fields, **{**_THERE, **change}))
    assert assessment.state == state
    assert assessment.good == (state == "carried")
    assert assessment.good or assessment.findings[0].remedy


def test_an_audit_tells_of_a_new_kernel_without_an_artifact(fields: dict[str, str]) -> None:
    node = _facts(
        fields,
        artifacts="0123456789abcdef/0123456789abcdef",
        boot_record="no-artifact",
        boot_detail="none for 6.1.0-57",
    )
    words = " ".join(finding.text for finding in assess(node).findings)
    assert "none of its 1 artifacts" in words
    assert "none for 6.1.0-57" in words


def test_an_audit_tells_of_a_newer_artifact_in_the_store(
    fields: dict[str, str], manifest: Manifest
) -> None:
    newer = _manifest(fields, sha256="12" * 32, build_id="34" * 20, built_at="2027")
    node = _facts(fields, **_THERE)
    assert assess(node, [manifest]).findings == ()
    assert "newer" in assess(node, [manifest, newer]).findings[0].text


def test_an_audit_names_the_kernels_that_would_boot_without_toa(fields: dict[str, str]) -> None:
    node = _facts(fields, **_THERE, kernels_without_artifact="6.1.0-57-amd64 6.1.0-58-amd64")
    assessment = assess(node)
    assert assessment.good, "it is carried; the reboot is still to come"
    (finding,) = assessment.findings
    assert "6.1.0-57-amd64, 6.1.0-58-amd64" in finding.text and "--rebuild" in finding.remedy


def test_an_audit_of_a_node_with_many_kernels_stays_short(fields: dict[str, str]) -> None:
    kernels = " ".join(f"6.1.0-{number}" for number in range(60))
    (finding,) = assess(_facts(fields, **_THERE, kernels_without_artifact=kernels)).findings
    assert len(finding.text) < 200
