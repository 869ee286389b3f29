# SPDX-License-Identifier: GPL-2.0-only
"""toolchain and legacy-kernel: what nodes need before anything can be built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from toa_fleet.bundle import Part, bundled
from toa_fleet.carriers.base import Session
from toa_fleet.node_client import NodeClient
from toa_fleet.protocol import Answer
from toa_fleet.rollout import DONE, PLANNED, UNCHANGED, Job, NodeReport, Tell


def prepare_job(
    client: NodeClient,
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
    request = bundled(client.program, verb, parts, arguments)

    def job(session: Session, tell: Tell) -> NodeReport:
        tell(verb)
        answer = client.ask(session, request)
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
