# SPDX-License-Identifier: GPL-2.0-only
"""unload and remove."""

from __future__ import annotations

from toa_fleet.carriers.base import Session
from toa_fleet.node_client import NodeClient
from toa_fleet.rollout import DONE, UNCHANGED, Job, NodeReport, Tell

_NOT_INSTALLED = 8


def take_away_job(client: NodeClient, verb: str) -> Job:
    """``unload`` or ``remove``; a node that has nothing of it is as wanted."""

    def job(session: Session, tell: Tell) -> NodeReport:
        tell(verb)
        answer = client.plain(session, verb)
        name = session.host.name
        if answer.status == _NOT_INSTALLED:
            detail = answer.values.get("detail", "") or "there was nothing"
            return NodeReport(name, UNCHANGED, verb, detail, values=answer.values)
        answer.raise_failure()
        outcome = DONE if answer.changed else UNCHANGED
        detail = f"{verb} done" if answer.changed else "there was nothing to do"
        return NodeReport(name, outcome, verb, detail, values=answer.values)

    return job
