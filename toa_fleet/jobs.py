# SPDX-License-Identifier: GPL-2.0-only
"""What is done with one node, command by command.

A job asks, decides by the plan, asks again. It runs in a thread of its own for
each node and shares values only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Optional

from toa_fleet.artifact import Artifact
from toa_fleet.bundle import Part, Request, bundled, plain
from toa_fleet.canary import Canaries
from toa_fleet.carriers.base import Session
from toa_fleet.errors import ArtifactRefused, BrokenAnswer, NodeFailed, NodeHeld, NodeRefused
from toa_fleet.facts import NodeFacts
from toa_fleet.manifest import Manifest
from toa_fleet.node_program import limits
from toa_fleet.plan import Action, Decision, Policy, decide
from toa_fleet.protocol import Answer
from toa_fleet.rollout import DONE, PLANNED, READ, UNCHANGED, Job, NodeReport, Tell
from toa_fleet.sources import source_hash
from toa_fleet.store import Store

_NOT_INSTALLED = 8
#: Seconds past its limit by which a canary's end is known at the latest.
_CANARY_GRACE = 30.0


@dataclass(frozen=True)
class Asker:
    """Asks nodes: the program, and how long each verb may take.

    Parameters:
        program: the text of toa-node.
        timeout: seconds for any verb; None takes each one's own.
    """

    program: bytes
    timeout: Optional[float] = None

    def ask(self, session: Session, request: Request) -> Answer:
        """The answer, be it a failure of toa-node's own."""
        return session.ask(request, self.limit(request.verb))

    def limit(self, verb: str) -> float:
        """Seconds that a verb may take."""
        return self.timeout or limits(self.program)[verb]

    def plain(self, session: Session, verb: str) -> Answer:
        """The answer to a verb that brings nothing along."""
        return self.ask(session, plain(self.program, verb))

    def facts(self, session: Session, verb: str = "status") -> NodeFacts:
        """A node's facts.

        Raises:
            NodeError: it cannot tell them.
        """
        answer = self.plain(session, verb)
        answer.raise_failure()
        return NodeFacts.of(answer)


def facts_job(asker: Asker, verb: str) -> Job:
    """Read facts (verb ``fingerprint`` or ``status``), change nothing."""

    def job(session: Session, tell: Tell) -> NodeReport:
        facts = asker.facts(session, verb)
        return NodeReport(session.host.name, READ, facts=facts, values=facts.values)

    return job


def gates_job(asker: Asker) -> Job:
    """Ask whether the node could load a module at all; a closed gate is a refusal."""

    def job(session: Session, tell: Tell) -> NodeReport:
        answer = asker.plain(session, "gates")
        failure = answer.failure()
        if failure and not isinstance(failure, NodeRefused):
            raise failure
        facts = NodeFacts.of(answer)
        name = session.host.name
        if failure:
            report = NodeReport.of_error(name, failure, facts)
            return replace(report, detail="no toa could be loaded now", values=answer.values)
        return NodeReport(name, READ, facts=facts, values=answer.values)

    return job


def proof_job(asker: Asker) -> Job:
    """Read the state, and where toa is loaded have it proven anew."""

    def job(session: Session, tell: Tell) -> NodeReport:
        facts = asker.facts(session)
        if not facts.loaded:
            return NodeReport(session.host.name, READ, facts=facts, values=facts.values)
        tell("proving")
        answer = asker.plain(session, "verify")
        failure = answer.failure()
        if failure:
            report = NodeReport.of_error(session.host.name, failure, facts)
            return replace(report, values=answer.values)
        return NodeReport(session.host.name, READ, facts=facts, values=answer.values)

    return job


def simple_job(asker: Asker, verb: str) -> Job:
    """``unload`` or ``remove``; a node that has nothing of it is as wanted."""

    def job(session: Session, tell: Tell) -> NodeReport:
        tell(verb)
        answer = asker.plain(session, verb)
        name = session.host.name
        if answer.status == _NOT_INSTALLED:
            detail = answer.values.get("detail", "") or "there was nothing"
            return NodeReport(name, UNCHANGED, verb, detail, values=answer.values)
        answer.raise_failure()
        outcome = DONE if answer.changed else UNCHANGED
        detail = f"{verb} done" if answer.changed else "there was nothing to do"
        return NodeReport(name, outcome, verb, detail, values=answer.values)

    return job


def preparing_job(
    asker: Asker,
    verb: str,
    arguments: Sequence[str],
    dry_run: bool,
    parts: Sequence[Part] = (),
) -> Job:
    """``toolchain`` or ``legacy-kernel``.

    Parameters:
        arguments: of the verb.
        dry_run: whether those arguments forbid changes.
        parts: files that the arguments name as ``part:NAME``.
    """
    request = bundled(asker.program, verb, parts, arguments)

    def job(session: Session, tell: Tell) -> NodeReport:
        tell(verb)
        answer = asker.ask(session, request)
        name = session.host.name
        failure = answer.failure()
        if failure:
            return replace(NodeReport.of_error(name, failure), values=answer.values)
        outcome = UNCHANGED
        if answer.changed:
            outcome = PLANNED if dry_run else DONE
        return NodeReport(name, outcome, verb, _change_words(answer), values=answer.values)

    return job


def _change_words(answer: Answer) -> str:
    if not answer.changed:
        return "there was nothing to do"
    if "kernel_release" in answer.values:
        return f"kernel {answer.values['kernel_release']}, reboot {answer.values.get('reboot')}"
    return answer.values.get("missing", "") or "done"


class PushJob:
    """Facts, decision, and where needed the artifact: two execs at most.

    Parameters:
        asker: asks the node.
        artifacts: what may be pushed.
        policy: what the operator allowed.
        dry_run: stop after the decision.
        sources: (path, content) of the module's sources, for nodes that are to
            build for new kernels by themselves.
        canaries: who goes first of each artifact; 0: nobody.
        max_failures: nodes that may fail before no other is begun; None: any number.
    """

    def __init__(
        self,
        asker: Asker,
        artifacts: Sequence[Artifact],
        policy: Policy,
        dry_run: bool = False,
        sources: Sequence[tuple[str, bytes]] = (),
        canaries: int = 0,
        max_failures: Optional[int] = None,
    ) -> None:
        self._asker = asker
        self._policy = policy
        patience = asker.limit("deploy") + _CANARY_GRACE
        self._canaries = Canaries(canaries, max_failures, patience)
        self._dry_run = dry_run
        self._manifests = [artifact.manifest for artifact in artifacts]
        arguments = ["--replace-foreign"] if policy.replace_foreign else []
        arguments += ["--allow-unproven"] if policy.allow_unproven else []
        arguments += ["--rebuild"] if policy.rebuild else []
        kmod = [Part(f"kmod/{name}", data) for name, data in sources if policy.rebuild]
        # Made once: all nodes of a kind are sent the same bytes.
        self._requests: Mapping[str, Request] = {
            artifact.id: bundled(
                asker.program,
                "deploy",
                [*(Part(name, data) for name, data in artifact.files()), *kmod],
                arguments,
            )
            for artifact in artifacts
        }
        self._by_id: Mapping[str, Manifest] = {each.artifact_id: each for each in self._manifests}

    def __call__(self, session: Session, tell: Tell) -> NodeReport:
        tell("reading facts")
        facts = self._asker.facts(session)
        decision = decide(facts, self._manifests, self._policy)
        name = session.host.name
        if decision.refused:
            return NodeReport.of_error(name, decision.refusal(), facts, decision)
        report = NodeReport(
            name,
            UNCHANGED,
            decision.action.value,
            decision.detail,
            "",
            facts,
            decision,
            decision.artifact,
        )
        if decision.action is Action.THERE:
            return report
        if self._dry_run:
            return replace(report, outcome=PLANNED)

        def deploy() -> NodeReport:
            tell(f"pushing {decision.artifact}: {decision.detail}")
            return self._deploy(session, report, decision)

        try:
            return self._canaries.run(decision.artifact, session, deploy, tell)
        except NodeHeld as error:
            return NodeReport.of_error(name, error, facts, decision)

    def _deploy(self, session: Session, report: NodeReport, decision: Decision) -> NodeReport:
        answer = self._asker.ask(session, self._requests[decision.artifact])
        failure = answer.failure() or self._unproven(answer, decision)
        if failure:
            failed = NodeReport.of_error(report.host, failure, report.facts, decision)
            return replace(failed, values=answer.values)
        return replace(
            report,
            outcome=DONE if answer.changed else UNCHANGED,
            word="pushed",
            detail=_proof_words(answer),
            values=answer.values,
        )

    def _unproven(self, answer: Answer, decision: Decision) -> Optional[BrokenAnswer]:
        """An answer that says "done" must also say that it is this artifact that runs."""
        expected = self._by_id[decision.artifact].build_id
        proven = answer.values.get("proof.build_id") == "yes"
        if proven and answer.values.get("build_id", expected) == expected:
            return None
        return BrokenAnswer(
            "the node says done, but does not prove that the running module is the artifact",
            "look with toa-fleet status",
            "proof",
        )


class BuildJob:
    """Build on a reference node, check what comes back, store it.

    Parameters:
        asker: asks the node.
        store: where the artifact goes.
        artifacts: what the store holds already.
        sources: (path, content) of the module's sources; empty when the node
            fetches them by ``arguments``.
        force: build even what the store holds already.
        arguments: further ones of the verb.
        more: files that those name as ``part:NAME``.
    """

    def __init__(
        self,
        asker: Asker,
        store: Store,
        artifacts: Sequence[Artifact],
        sources: list[tuple[str, bytes]],
        force: bool = False,
        arguments: Sequence[str] = (),
        more: Sequence[Part] = (),
    ) -> None:
        self._asker = asker
        self._store = store
        self._artifacts = artifacts
        self._force = force or not sources
        self._source = source_hash(sources)
        parts = [*(Part(f"kmod/{name}", data) for name, data in sources), *more]
        self._request = bundled(asker.program, "build", parts, ["--emit", *arguments])

    def __call__(self, session: Session, tell: Tell) -> NodeReport:
        tell("reading facts")
        facts = self._asker.facts(session)
        name = session.host.name
        built = None if self._force else self._already_built(facts)
        if built:
            return NodeReport(
                name,
                UNCHANGED,
                "built",
                "the store has it, of the same sources",
                "",
                facts,
                artifact=built.id,
            )
        tell(f"building for {facts.get('kernel_release')}")
        answer = self._asker.ask(session, self._request)
        failure = answer.failure()
        if failure:
            return replace(NodeReport.of_error(name, failure, facts), values=answer.values)
        artifact = self._artifact(answer, facts)
        place = self._store.add(artifact)
        return NodeReport(
            name,
            DONE,
            "built",
            f"stored in {place}",
            "",
            facts,
            artifact=artifact.id,
            values=answer.values,
        )

    def _already_built(self, facts: NodeFacts) -> Optional[Artifact]:
        same = (
            artifact
            for artifact in self._artifacts
            if artifact.fingerprint == facts.fingerprint
            and artifact.manifest.source == self._source
        )
        return next(same, None)

    def _artifact(self, answer: Answer, facts: NodeFacts) -> Artifact:
        try:
            artifact = Artifact.check(
                answer.blob("toa.ko"), answer.blob("manifest"), answer.blob("toa-selftest")
            )
        except ArtifactRefused as error:
            raise NodeFailed(
                f"what was built is no sound artifact: {error.detail}",
                "look at the node's compiler and disk",
                "artifact",
            ) from error
        differences = artifact.fingerprint.compare(facts.fingerprint)
        if differences or artifact.fingerprint != facts.fingerprint:
            words = "; ".join(map(str, differences)) or "fields that may be empty"
            raise NodeFailed(
                f"what was built is not for the node that built it: {words}",
                "did its kernel change meanwhile? Build again",
                "artifact",
            )
        return artifact


def _proof_words(answer: Answer) -> str:
    proofs = ", ".join(
        f"{name} {state}" for name, state in sorted(answer.with_prefix("proof.").items())
    )
    return f"runs, proven ({proofs})"
