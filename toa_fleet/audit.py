# SPDX-License-Identifier: GPL-2.0-only
"""Judge what a node carries. Pure: facts and the store's manifests in, words out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from toa_fleet.facts import NodeFacts
from toa_fleet.manifest import Manifest
from toa_fleet.plan import Action, Policy, decide

CARRIED = "carried"
FOREIGN = "foreign"
ABSENT = "absent"
NOT_LOADED = "not loaded"
OTHER_LOADED = "other loaded"
DISARMED = "disarmed"
NOT_PERSISTENT = "not persistent"

#: Most kernels that a finding names.
_NAMED = 8


@dataclass(frozen=True)
class Finding:
    """Something to know about a node, and what to do about it."""

    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Assessment:
    """What a node carries.

    Attributes:
        state: ``carried`` is the one good state.
        findings: why it is not, and what else stands out.
        push: what a push would do now, when there are artifacts.
    """

    state: str
    findings: tuple[Finding, ...]
    push: Optional[Action] = None

    @property
    def good(self) -> bool:
        """Whether the node runs toa, and will after the next boot."""
        return self.state == CARRIED


def assess(facts: NodeFacts, manifests: Sequence[Manifest] = ()) -> Assessment:
    """Judge one node.

    Parameters:
        facts: its answer to ``status``.
        manifests: what the store holds; with them, what a push would do.
    """
    state, finding = _state(facts)
    findings = [finding] if finding else []
    findings += _boot_findings(facts)
    findings += _kernel_findings(facts)
    action = decide(facts, manifests, Policy()).action if manifests else None
    if state != CARRIED:
        findings += [Finding(f"gate {name} is closed: {why}") for name, why in facts.closed_gates()]
        if action is Action.MISMATCH:
            findings.append(
                Finding(
                    "the store has no artifact for it", "toa-fleet build --on a node of its kind"
                )
            )
    elif action is Action.PUSH:
        findings.append(Finding("the store has a newer artifact for it", "toa-fleet push"))
    return Assessment(state, tuple(findings), action)


def _state(facts: NodeFacts) -> tuple[str, Optional[Finding]]:
    if facts.foreign:
        return FOREIGN, Finding(
            "a toa is loaded that none of its artifacts is", "toa-fleet push --replace-foreign"
        )
    if not facts.loaded and not facts.installed:
        return ABSENT, _absent(facts)
    if not facts.loaded:
        return NOT_LOADED, Finding("toa is installed, but not loaded", "toa-fleet push")
    if facts.get("loaded_build_id") != facts.get("installed_build_id"):
        return OTHER_LOADED, Finding(
            "the loaded toa is not the one that the next boot brings", "toa-fleet push"
        )
    if facts.get("hooks") != "armed":
        return DISARMED, Finding(
            f"toa is loaded, but its hooks are {facts.get('hooks') or 'unknown'}",
            "is kernel.ftrace_enabled 1 and are kprobes enabled? Then toa-fleet push",
        )
    if not facts.persistent:
        return NOT_PERSISTENT, Finding("toa will be gone after a reboot", "toa-fleet push")
    return CARRIED, None


def _absent(facts: NodeFacts) -> Finding:
    others = facts.get("artifacts").split()
    if others:
        return Finding(
            f"none of its {len(others)} artifacts is for the kernel that runs "
            f"({facts.get('kernel_release')})",
            "build for this kernel, then toa-fleet push",
        )
    return Finding("toa was never pushed here", "toa-fleet push")


def _kernel_findings(facts: NodeFacts) -> list[Finding]:
    """Installed kernels that would boot without toa."""
    missing = facts.get("kernels_without_artifact").split()
    if not missing:
        return []
    named = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    return [
        Finding(
            f"after a reboot into {named} it would be without toa: no artifact for it",
            "before that reboot: toa-fleet push --rebuild (the node builds it then), or boot one "
            "node of its kind into it, toa-fleet build --on that one, and push after the reboot",
        )
    ]


def _boot_findings(facts: NodeFacts) -> list[Finding]:
    record = facts.get("boot_record")
    if record in ("", "loaded"):
        return []
    return [Finding(f"at its last boot: {record}: {facts.get('boot_detail')}")]
