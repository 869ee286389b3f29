# SPDX-License-Identifier: GPL-2.0-only
"""Progress on standard error: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Optional

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from toa_fleet.errors import FAILED, REFUSED
from toa_fleet.rollout import Event, NodeReport

#: Most nodes that the live line names as being in work.
_NAMED = 3


class PlainProgress:
    """One line for each event, for logs and pipes.

    Parameters:
        console: where to; None is silent.
    """

    def __init__(self, console: Optional[Console]) -> None:
        self._console = console

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if self._console is None or event.kind == "start":
            return
        text = Text(f"{event.host}: {event.text}") if event.report is None else line(event.report)
        self._console.print(text, soft_wrap=True)


class LiveProgress:
    """A bar with the count, the nodes in work, and a line for each that is not well."""

    def __init__(self, console: Console, command: str, total: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task(command, total=total, now="")
        self._working: dict[str, str] = {}

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if event.report is None:
            self._working[event.host] = event.text
        else:
            self._working.pop(event.host, None)
            self._progress.advance(self._task)
            if event.report.outcome in (REFUSED, FAILED):
                self._progress.console.print(line(event.report), soft_wrap=True)
        self._progress.update(self._task, now=self._now())

    def _now(self) -> str:
        named = list(self._working.items())[:_NAMED]
        words = ", ".join(f"{host} {text}".strip() for host, text in named)
        more = len(self._working) - len(named)
        return words + (f" and {more} more" if more else "")


def line(report: NodeReport) -> Text:
    """A node's result on one line: outcome, class, detail, fields, hint."""
    parts = [f"{report.host}: {report.outcome}"]
    if report.word and report.word != report.outcome:
        parts[0] += f" ({report.word})"
    if report.detail:
        parts.append(report.detail)
    if report.differences:
        parts.append("; ".join(str(difference) for difference in report.differences))
    text = ": ".join(parts)
    return Text(f"{text} -> {report.hint}" if report.hint else text)
