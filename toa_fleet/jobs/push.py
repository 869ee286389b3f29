# SPDX-License-Identifier: GPL-2.0-only
"""Push: facts, decision, and where needed the artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Optional

from toa_fleet.artifact import Artifact
from toa_fleet.bundle import Part, Request, bundled
from toa_fleet.canary import Canaries
from toa_fleet.carriers.base import Session
from toa_fleet.errors import BrokenAnswer, NodeHeld
from toa_fleet.manifest import Manifest
from toa_fleet.node_client import NodeClient
from toa_fleet.plan import Action, Decision, Policy, decide
from toa_fleet.protocol import Answer
from toa_fleet.rollout import DONE, PLANNED, UNCHANGED, NodeReport, Tell

#: Seconds past its limit by which a canary's end is known at the latest.
_CANARY_GRACE = 30.0


class PushJob:
    """Facts, decision, and where needed the artifact: two execs at most.

    Parameters:
        client: asks the node.
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
        client: NodeClient,
        artifacts: Sequence[Artifact],
        policy: Policy,
        dry_run: bool = False,
        sources: Sequence[tuple[str, bytes]] = (),
        canaries: int = 0,
        max_failures: Optional[int] = None,
    ) -> None:
        self._client = client
        self._policy = policy
        patience = client.limit("deploy") + _CANARY_GRACE
        self._canaries = Canaries(canaries, max_failures, patience)
        self._dry_run = dry_run
        self._manifests = [artifact.manifest for artifact in artifacts]
        kmod = [Part(f"kmod/{name}", data) for name, data in sources if policy.rebuild]
        # Made once: all nodes of a kind are sent the same bytes.
        self._requests: Mapping[str, Request] = {
            artifact.id: bundled(
                client.program,
                "deploy",
                [*(Part(name, data) for name, data in artifact.files()), *kmod],
                policy.options,
            )
            for artifact in artifacts
        }
        self._by_id: Mapping[str, Manifest] = {each.artifact_id: each for each in self._manifests}

    def __call__(self, session: Session, tell: Tell) -> NodeReport:
        tell("reading facts")
        facts = self._client.facts(session)
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

    def remarks(self, reports: Sequence[NodeReport]) -> list[str]:
        """What is to be said of all nodes together: how many believe everyone."""
        believing = [
            report
            for report in reports
            if report.outcome in (DONE, UNCHANGED, PLANNED)
            and report.facts
            and self._policy.leaves_open(report.facts)
        ]
        if not believing:
            return []
        return [
            f"{len(believing)} of {len(reports)} believe everyone who sends a client's address; "
            "name your balancers' networks: push --parameters 'trusted=NETWORK,...'"
        ]

    def _deploy(self, session: Session, report: NodeReport, decision: Decision) -> NodeReport:
        answer = self._client.ask(session, self._requests[decision.artifact])
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


def _proof_words(answer: Answer) -> str:
    proofs = ", ".join(
        f"{name} {state}" for name, state in sorted(answer.with_prefix("proof.").items())
    )
    return f"runs, proven ({proofs})"
