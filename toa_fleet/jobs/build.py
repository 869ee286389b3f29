# SPDX-License-Identifier: GPL-2.0-only
"""Build: on a reference node, and back into the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Optional

from toa_fleet.artifact import Artifact
from toa_fleet.bundle import Part, bundled
from toa_fleet.carriers.base import Session
from toa_fleet.errors import ArtifactRefused, NodeFailed
from toa_fleet.facts import NodeFacts
from toa_fleet.node_client import NodeClient
from toa_fleet.protocol import Answer
from toa_fleet.rollout import DONE, UNCHANGED, NodeReport, Tell
from toa_fleet.sources import source_hash
from toa_fleet.store import Store


class BuildJob:
    """Build on a reference node, check what comes back, store it.

    Parameters:
        client: asks the node.
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
        client: NodeClient,
        store: Store,
        artifacts: Sequence[Artifact],
        sources: list[tuple[str, bytes]],
        force: bool = False,
        arguments: Sequence[str] = (),
        more: Sequence[Part] = (),
    ) -> None:
        self._client = client
        self._store = store
        self._artifacts = artifacts
        self._force = force or not sources
        self._source = source_hash(sources)
        parts = [*(Part(f"kmod/{name}", data) for name, data in sources), *more]
        self._request = bundled(client.program, "build", parts, ["--emit", *arguments])

    def __call__(self, session: Session, tell: Tell) -> NodeReport:
        tell("reading facts")
        facts = self._client.facts(session)
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
        answer = self._client.ask(session, self._request)
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
