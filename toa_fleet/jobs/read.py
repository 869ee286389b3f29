# SPDX-License-Identifier: GPL-2.0-only
"""Jobs that read and change nothing."""

from __future__ import annotations

from dataclasses import replace

from toa_fleet.carriers.base import Session
from toa_fleet.errors import NodeRefused
from toa_fleet.facts import NodeFacts
from toa_fleet.node_client import NodeClient
from toa_fleet.rollout import READ, Job, NodeReport, Tell


def facts_job(client: NodeClient, verb: str) -> Job:
    """Read facts (verb ``fingerprint`` or ``status``), change nothing."""

    def job(session: Session, tell: Tell) -> NodeReport:
        facts = client.facts(session, verb)
        return NodeReport(session.host.name, READ, facts=facts, values=facts.values)

    return job


def gates_job(client: NodeClient) -> Job:
    """Ask whether the node could load a module at all; a closed gate is a refusal."""

    def job(session: Session, tell: Tell) -> NodeReport:
        answer = client.plain(session, "gates")
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


def proof_job(client: NodeClient) -> Job:
    """Read the state, and where toa is loaded have it proven anew."""

    def job(session: Session, tell: Tell) -> NodeReport:
        facts = client.facts(session)
        if not facts.loaded:
            return NodeReport(session.host.name, READ, facts=facts, values=facts.values)
        tell("proving")
        answer = client.plain(session, "verify")
        failure = answer.failure()
        if failure:
            report = NodeReport.of_error(session.host.name, failure, facts)
            return replace(report, values=answer.values)
        return NodeReport(session.host.name, READ, facts=facts, values=answer.values)

    return job
