# SPDX-License-Identifier: GPL-2.0-only
"""The result for people: a narrow table, then what there is to say, said once.

Nodes about which the same is to be said share one note: a hundred nodes that
are refused for one reason are one paragraph, not a hundred. Everything is
Text, never markup: a node cannot style what is shown.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Callable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from toa_fleet.errors import FAILED, HELD, REFUSED
from toa_fleet.report.summary import Row, Summary
from toa_fleet.rollout import DONE, INTERRUPTED, PLANNED, READ, UNCHANGED

#: Columns of a table that goes to a file or a pipe.
PIPE_WIDTH = 160
#: Most nodes that a note names.
_NAMED = 8

_STYLES = {
    READ: "green",
    DONE: "green",
    UNCHANGED: "green",
    PLANNED: "cyan",
    REFUSED: "yellow",
    HELD: "yellow",
    FAILED: "red",
    INTERRUPTED: "red",
}
_Column = tuple[str, Callable[[Row], Text]]
#: One line of a note, and its style.
_Line = tuple[str, str]


def show(console: Console, summary: Summary) -> None:
    """Print a result: table, notes, warnings, and one line that sums it up."""
    if summary.rows:
        console.print(_table(summary))
    for text in _notes(summary):
        console.print(text, soft_wrap=True)
    for warning in summary.warnings:
        console.print(Text(f"warning: {warning}", "yellow"), soft_wrap=True)
    console.print(Text(_closing_line(summary)), soft_wrap=True)


def _table(summary: Summary) -> Table:
    columns = _COLUMNS.get(summary.command, _WORK)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title, _ in columns:
        table.add_column(title, overflow="fold")
    for row in summary.rows:
        table.add_row(*(cell(row) for _, cell in columns))
    return table


def _notes(summary: Summary) -> list[Text]:
    groups: dict[tuple[_Line, ...], list[str]] = {}
    for row in summary.rows:
        lines = _note(row)
        if lines:
            groups.setdefault(tuple(lines), []).append(row.report.host)
    return [_paragraph(hosts, lines) for lines, hosts in groups.items()]


def _paragraph(hosts: list[str], lines: tuple[_Line, ...]) -> Text:
    names = ", ".join(hosts[:_NAMED])
    if len(hosts) > _NAMED:
        names += f" and {len(hosts) - _NAMED} more"
    text = Text(f"{names}:", "bold")
    for line, style in lines:
        text.append("\n  ")
        text.append(line, style or "not bold")
    return text.append("\n")


def _note(row: Row) -> list[_Line]:
    """What is to be said of a node: of a refusal, each field with both values."""
    report = row.report
    lines: list[_Line] = []
    if report.detail:
        lines.append((report.detail, ""))
    # Elsewhere the detail names the gates already.
    for name, reason in () if report.decision else report.gates:
        lines.append((f"{name}: {reason}", ""))
    for difference in report.differences:
        lines.append((f"{difference.field}:", "bold"))
        lines.append((f"    artifact  {difference.artifact or '(empty)'}", ""))
        lines.append((f"    node      {difference.node or '(empty)'}", ""))
    if report.hint:
        lines.append((f"-> {report.hint}", "dim not bold"))
    for finding in row.assessment.findings if row.assessment else ():
        lines.append((finding.text, ""))
        if finding.remedy:
            lines.append((f"-> {finding.remedy}", "dim not bold"))
    return lines


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


def _gates(state: str) -> Callable[[Row], Text]:
    """The names of the gates in this state."""

    def cell(row: Row) -> Text:
        gates = row.report.facts.gates if row.report.facts else {}
        return Text(", ".join(name for name, text in gates.items() if _word(text) == state))

    return cell


def _word(text: str) -> str:
    return text.partition(":")[0]


def _system(row: Row) -> Text:
    facts = row.report.facts
    return Text(f"{facts.get('os_id')} {facts.get('os_version_id')}" if facts else "")


def _artifact(row: Row) -> Text:
    facts = row.report.facts
    return Text(row.report.artifact or (facts.installed if facts else ""))


def _state(row: Row) -> Text:
    if row.assessment is None or row.report.outcome != READ:
        return _outcome(row)
    return Text(row.assessment.state, "green" if row.assessment.good else "yellow")


def _last(row: Row) -> Text:
    if row.last is None:
        return Text("")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.last.at))
    return Text(f"{when} {row.last.command.split()[0]} by {row.last.operator}")


_WORK: Sequence[_Column] = (
    ("node", _host),
    ("result", _outcome),
    ("artifact", _artifact),
    ("kernel", _fact("kernel_release")),
)
_COLUMNS: dict[str, Sequence[_Column]] = {
    "fingerprint": (
        ("node", _host),
        ("fingerprint", _fact("fingerprint")),
        ("system", _system),
        ("kernel", _fact("kernel_release")),
        ("build", _fact("kernel_version")),
    ),
    "gates": (
        ("node", _host),
        ("result", _outcome),
        ("system", _system),
        ("kernel", _fact("kernel_release")),
        ("closed", _gates("closed")),
        ("unknown", _gates("unknown")),
    ),
    "status": (
        ("node", _host),
        ("state", _state),
        ("artifact", _artifact),
        ("hooks", _fact("hooks")),
        ("at boot", _fact("persistent")),
        ("kernel", _fact("kernel_release")),
    ),
    "audit": (
        ("node", _host),
        ("state", _state),
        ("system", _system),
        ("kernel", _fact("kernel_release")),
        ("artifact", _artifact),
        ("last change", _last),
    ),
}
