# SPDX-License-Identifier: GPL-2.0-only
"""Results as JSON, of a documented and stable shape.

One object on standard output::

    {
      "toa_fleet": "0.1.0",        version of this program
      "schema": 1,                 grows when a key changes its meaning
      "command": "push",
      "dry_run": false,
      "exit_status": 3,            what the command exits with
      "seconds": 4.1,              how long all of it took
      "counts": {"done": 1, "refused": 1},
      "warnings": ["..."],         artifacts and journals that could not be used
      "error": null,               or {"class", "detail", "hint"}: nothing was begun
      "nodes": [ ... ]             in the order of the hosts
    }

and in ``nodes``, every key always there::

    {
      "host": "root@node7:2207",
      "outcome": "refused",        read done unchanged planned refused held failed
                                   interrupted
      "class": "mismatch",         class word of a refusal or failure, or what was done
      "detail": "...", "hint": "...",
      "changed": false,
      "fingerprint": "0123456789abcdef",
      "artifact": "fedcba9876543210",
      "mismatch": [{"field": "kernel_release", "artifact": "...", "node": "..."}],
      "gates": {"signature": "closed: ..."},      all gates of a status
      "facts": {"arch": "x86_64", ...},           all keys of fingerprint or status
      "answer": {"proof.build_id": "yes", ...},   all keys of the last answer
      "state": "carried",          status and audit: see audit
      "findings": [{"text": "...", "remedy": "..."}],
      "last_change": null,         audit: {"at", "operator", "command", "outcome", "artifact"}
      "seconds": 1.2
    }
"""

from __future__ import annotations

import json
from typing import Any, Optional

from toa_fleet import __version__
from toa_fleet.errors import ToaError
from toa_fleet.report.summary import Row, Summary

SCHEMA = 1


def render(summary: Summary) -> str:
    """The whole result as one JSON text, indented, with a newline at its end."""
    document = {
        "toa_fleet": __version__,
        "schema": SCHEMA,
        "command": summary.command,
        "dry_run": summary.dry_run,
        "exit_status": summary.exit_status,
        "seconds": round(summary.seconds, 3),
        "counts": summary.counts(),
        "warnings": list(summary.warnings),
        "error": _error(summary.error),
        "nodes": [_node(row) for row in summary.rows],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def _error(error: Optional[ToaError]) -> Optional[dict[str, str]]:
    if error is None:
        return None
    return {"class": error.word, "detail": error.detail, "hint": error.hint}


def _node(row: Row) -> dict[str, Any]:
    report = row.report
    facts = report.facts
    last = row.last
    return {
        "host": report.host,
        "outcome": report.outcome,
        "class": report.word,
        "detail": report.detail,
        "hint": report.hint,
        "changed": report.values.get("changed") == "yes" or row.built,
        "fingerprint": facts.fingerprint.id if facts else "",
        "artifact": report.artifact,
        "mismatch": [
            {"field": each.field, "artifact": each.artifact, "node": each.node}
            for each in report.differences
        ],
        "gates": dict(facts.gates) if facts else {},
        "facts": dict(facts.values) if facts else {},
        "answer": dict(report.values),
        "state": row.assessment.state if row.assessment else "",
        "findings": [
            {"text": each.text, "remedy": each.remedy}
            for each in (row.assessment.findings if row.assessment else ())
        ],
        "last_change": last
        and {
            "at": last.at,
            "operator": last.operator,
            "command": last.command,
            "outcome": last.outcome,
            "artifact": last.artifact,
        },
        "seconds": report.seconds,
    }
