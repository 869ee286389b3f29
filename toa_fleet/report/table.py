# SPDX-License-Identifier: GPL-2.0-only
"""The table at the end. Cells are Text, never markup: a node cannot style it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Callable

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from toa_fleet.errors import FAILED, REFUSED
from toa_fleet.report.summary import Row, Summary
from toa_fleet.rollout import DONE, INTERRUPTED, PLANNED, READ, UNCHANGED

#: Columns of a table that goes to a file or a pipe.
PIPE_WIDTH = 160

_STYLES = {
    READ: "green",
    DONE: "green",
    UNCHANGED: "green",
    PLANNED: "cyan",
    REFUSED: "yellow",
    FAILED: "red",
    INTERRUPTED: "red",
}
_Column = tuple[str, Callable[[Row], Text]]


def show(console: Console, summary: Summary) -> None:
    """Print a result: the table, its warnings, and one line that sums it up."""
    if summary.rows:
        console.print(_table(summary))
    for warning in summary.warnings:
        console.print(Text(f"warning: {warning}", "yellow"), soft_wrap=True)
    console.print(Text(_closing_line(summary)), soft_wrap=True)


def _table(summary: Summary) -> RenderableType:
    columns = _COLUMNS.get(summary.command, _WORK)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, _ in columns:
        table.add_column(title, overflow="fold", no_wrap=title in _NARROW)
    for row in summary.rows:
        table.add_row(*(cell(row) for _, cell in columns))
    return Group(table)


def _closing_line(summary: Summary) -> str:
    counts = ", ".join(f"{number} {word}" for word, number in sorted(_counts(summary).items()))
    groups = {row.report.facts.fingerprint.id for row in summary.rows if row.report.facts}
    kinds = f" of {len(groups)} kind{'s' * (len(groups) != 1)}" if groups else ""
    nodes = f"{len(summary.rows)} node{'s' * (len(summary.rows) != 1)}{kinds}"
    what = f"{summary.command}{' (dry run)' * summary.dry_run}"
    return f"{what}: {nodes}: {counts or 'nothing done'}; {summary.seconds:.1f} s"


def _counts(summary: Summary) -> dict[str, int]:
    """Nodes by state where states were judged, by outcome elsewhere."""
    words = (
        row.assessment.state
        if row.assessment and row.report.outcome == READ
        else row.report.outcome
        for row in summary.rows
    )
    return dict(Counter(words))


def _host(row: Row) -> Text:
    return Text(row.report.host)


def _outcome(row: Row) -> Text:
    report = row.report
    words = {REFUSED: f"refused ({report.word})", FAILED: f"failed ({report.word})"}
    return Text(words.get(report.outcome, report.outcome), _STYLES[report.outcome])


def _fact(key: str) -> Callable[[Row], Text]:
    return lambda row: Text(row.report.facts.get(key) if row.report.facts else "")


def _system(row: Row) -> Text:
    facts = row.report.facts
    return Text(f"{facts.get('os_id')} {facts.get('os_version_id')}" if facts else "")


def _artifact(row: Row) -> Text:
    facts = row.report.facts
    return Text(row.report.artifact or (facts.installed if facts else ""))


def _why(row: Row) -> Text:
    """What happened; of a refusal, each field with both values on its own line."""
    report = row.report
    if report.outcome == FAILED and not report.facts and row.assessment is None:
        return _failure(row)
    lines = [Text(report.detail)] if report.detail else []
    for difference in report.differences:
        lines.append(Text(f"  {difference.field}", "bold"))
        lines.append(Text(f"    artifact  {difference.artifact or '(empty)'}"))
        lines.append(Text(f"    node      {difference.node or '(empty)'}"))
    if report.hint:
        lines.append(Text(f"-> {report.hint}", "dim"))
    return Text("\n").join(lines)


def _failure(row: Row) -> Text:
    report = row.report
    text = Text(report.detail)
    if report.hint:
        text.append(f"\n-> {report.hint}", "dim")
    return text


def _state(row: Row) -> Text:
    if row.assessment is None:
        return _outcome(row)
    return Text(row.assessment.state, "green" if row.assessment.good else "yellow")


def _findings(row: Row) -> Text:
    if row.assessment is None or row.report.outcome == FAILED:
        return _why(row)
    lines = []
    for finding in row.assessment.findings:
        lines.append(Text(finding.text))
        if finding.remedy:
            lines.append(Text(f"-> {finding.remedy}", "dim"))
    return Text("\n").join(lines)


def _last(row: Row) -> Text:
    if row.last is None:
        return Text("")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.last.at))
    return Text(f"{when} {row.last.command.split()[0]} by {row.last.operator}")


_NARROW = ("node", "result", "state", "fingerprint", "artifact", "system", "hooks", "at boot")
_WORK: Sequence[_Column] = (
    ("node", _host),
    ("result", _outcome),
    ("artifact", _artifact),
    ("kernel", _fact("kernel_release")),
    ("what", _why),
)
_COLUMNS: dict[str, Sequence[_Column]] = {
    "fingerprint": (
        ("node", _host),
        ("fingerprint", _fact("fingerprint")),
        ("system", _system),
        ("kernel", _fact("kernel_release")),
        ("build", _fact("kernel_version")),
        ("what", _why),
    ),
    "status": (
        ("node", _host),
        ("state", _state),
        ("artifact", _artifact),
        ("hooks", _fact("hooks")),
        ("at boot", _fact("persistent")),
        ("kernel", _fact("kernel_release")),
        ("what", _findings),
    ),
    "audit": (
        ("node", _host),
        ("state", _state),
        ("fingerprint", _fact("fingerprint")),
        ("system", _system),
        ("kernel", _fact("kernel_release")),
        ("artifact", _artifact),
        ("last change", _last),
        ("what", _findings),
    ),
}
