# SPDX-License-Identifier: GPL-2.0-only
"""Decide, per node, what a push does. Pure: no I/O, no clock.

A dry run prints these decisions and a run carries out the same ones, so the
one cannot differ from the other. A decision needs the facts of its own node
only: a slow node holds no other one up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Optional

from toa_fleet.errors import NodeRefused
from toa_fleet.facts import NodeFacts
from toa_fleet.fingerprint import MAY_BE_EMPTY, Difference
from toa_fleet.manifest import Manifest
from toa_fleet.parameters import Parameters, trusted_at_boot


class Action(str, Enum):
    """What is to be done with one node."""

    PUSH = "push"
    THERE = "already there"
    MISMATCH = "mismatch"
    GATE = "gate"
    NO_ARTIFACT = "no-artifact"


@dataclass(frozen=True)
class Policy:
    """What the operator allowed.

    Attributes:
        replace_foreign: a loaded toa that is not ours may be taken out.
        allow_unproven: a selftest that cannot run is no failed proof.
        rebuild: the node is to build for new kernels by itself.
        reload: toa may be taken out and in again for parameters that need that.
        parameters: what the module's are to be; None leaves each node its own.
    """

    replace_foreign: bool = False
    allow_unproven: bool = False
    rebuild: bool = False
    reload: bool = False
    parameters: Optional[Parameters] = None

    @property
    def options(self) -> tuple[str, ...]:
        """The same for the node program: each switch that is set is an option of its name."""
        switches = [name for name, value in vars(self).items() if value is True]
        parameters = self.parameters.options if self.parameters else ()
        return (*(f"--{name.replace('_', '-')}" for name in switches), *parameters)

    def parameters_lacking(self, facts: NodeFacts) -> list[str]:
        """``NAME=VALUE`` of each parameter that the node is to get."""
        return self.parameters.lacking(facts, self.reload) if self.parameters else []

    def leaves_open(self, facts: NodeFacts) -> bool:
        """Whether the node's module will believe everyone who sends it a client's address."""
        if self.parameters:
            return not self.parameters.values.get("trusted")
        return not trusted_at_boot(facts)

    @property
    def ignored_gates(self) -> frozenset[str]:
        """Gates that this policy opens."""
        opened = {"foreign": self.replace_foreign, "noexec": self.allow_unproven}
        return frozenset(gate for gate, is_opened in opened.items() if is_opened)


@dataclass(frozen=True)
class Decision:
    """The decision for one node.

    Attributes:
        action: what is to be done.
        artifact: id of the artifact that it is about; empty without one.
        detail, hint: why, and what to do about a refusal.
        differences: for a mismatch, each field with both values.
        gates: for a gate, (name, reason) of each closed one.
    """

    action: Action
    artifact: str = ""
    detail: str = ""
    hint: str = ""
    differences: tuple[Difference, ...] = ()
    gates: tuple[tuple[str, str], ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the node is not to be touched."""
        return self.action not in (Action.PUSH, Action.THERE)

    def refusal(self) -> NodeRefused:
        """The refusal as the exception that a node's own refusal would be."""
        return NodeRefused(self.detail, self.hint, self.action.value, self.differences, self.gates)


def decide(facts: NodeFacts, artifacts: Sequence[Manifest], policy: Policy) -> Decision:
    """Decide what a push does with one node.

    Parameters:
        facts: of the node, just read.
        artifacts: what may be pushed: one that the operator named, or all of
            the store.
        policy: what the operator allowed.
    """
    if not artifacts:
        return Decision(
            Action.NO_ARTIFACT,
            detail="there is no artifact to push",
            hint=_build_hint(facts),
        )
    chosen = _choose(facts, artifacts)
    if chosen is None:
        return _mismatch(facts, artifacts)
    lacking = policy.parameters_lacking(facts)
    rebuilds = not policy.rebuild or facts.get("rebuild") == "yes"
    if is_there(facts, chosen) and rebuilds and not lacking:
        return Decision(Action.THERE, chosen.artifact_id, "it runs, is proven, and will be back")
    closed = facts.closed_gates(
        policy.ignored_gates | (facts.signature_gates if chosen.signed else frozenset())
    )
    if closed:
        return _gate(chosen, closed)
    why = _why(facts, chosen)
    if lacking:
        why = f"{why + '; ' if why else ''}gets {' '.join(lacking)}"
    return Decision(Action.PUSH, chosen.artifact_id, why or "does not build for new kernels yet")


def is_there(facts: NodeFacts, artifact: Manifest) -> bool:
    """Whether the node already runs and keeps exactly this artifact."""
    return (
        facts.loaded
        and facts.get("loaded_build_id") == artifact.build_id
        and facts.get("installed_sha256") == artifact.sha256
        and facts.persistent
        and facts.get("hooks") == "armed"
    )


def _choose(facts: NodeFacts, artifacts: Sequence[Manifest]) -> Optional[Manifest]:
    """The matching artifact: one that can be proven, closest in fields, newest."""
    matching = [each for each in artifacts if not each.fingerprint.compare(facts.fingerprint)]
    return max(matching, key=lambda each: _preference(facts, each), default=None)


def _preference(facts: NodeFacts, artifact: Manifest) -> tuple[bool, bool, str, str]:
    exact = artifact.fingerprint == facts.fingerprint
    return (artifact.provable, exact, artifact.built_at, artifact.artifact_id)


def _mismatch(facts: NodeFacts, artifacts: Sequence[Manifest]) -> Decision:
    """Refuse, explained by the artifact that comes closest."""
    nearest = min(artifacts, key=lambda each: _distance(facts, each))
    differences = tuple(nearest.fingerprint.compare(facts.fingerprint))
    return Decision(
        Action.MISMATCH,
        nearest.artifact_id,
        f"artifact {nearest.artifact_id} is for another system",
        _build_hint(facts),
        differences=differences,
    )


def _distance(facts: NodeFacts, artifact: Manifest) -> tuple[int, int, str]:
    differences = artifact.fingerprint.compare(facts.fingerprint)
    # A difference in what every system tells weighs first.
    hard = sum(difference.field not in MAY_BE_EMPTY for difference in differences)
    return (hard, len(differences), artifact.artifact_id)


def _build_hint(facts: NodeFacts) -> str:
    system = facts.fingerprint
    return (
        f"build for it on a node of its kind ({system.os_id} {system.os_version_id}, "
        f"kernel {system.kernel_release}): toa-fleet build --on HOST; then push again"
    )


def _gate(artifact: Manifest, closed: list[tuple[str, str]]) -> Decision:
    reasons = "; ".join(f"{name}: {reason}" for name, reason in closed)
    names = [name for name, _ in closed]
    hints = []
    if "root" in names:
        hints.append("log in as root or give --sudo")
    if "foreign" in names:
        hints.append("--replace-foreign takes the other toa out")
    return Decision(
        Action.GATE,
        artifact.artifact_id,
        f"the node cannot load modules now: {reasons}",
        "; ".join(hints) or "open the gate on the node, then push again",
        gates=tuple(closed),
    )


def _why(facts: NodeFacts, artifact: Manifest) -> str:
    """What toa lacks on the node, in a few words for the plan's reader; may be nothing."""
    if not facts.loaded:
        return "installed, but not loaded" if facts.installed else "not there yet"
    if facts.get("loaded_build_id") != artifact.build_id:
        return "replaces a toa that is not ours" if facts.foreign else "replaces another toa"
    if facts.get("hooks") != "armed":
        return f"it runs, but its hooks are {facts.get('hooks') or 'unknown'}"
    if not facts.persistent or facts.get("installed_sha256") != artifact.sha256:
        return "it runs, but would be gone after a reboot"
    return ""
