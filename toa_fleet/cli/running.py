# SPDX-License-Identifier: GPL-2.0-only
"""Runs a job on the hosts, shows the result, and says how it ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Optional

import click
from rich.console import Console

from toa_fleet.audit import assess
from toa_fleet.carriers.choose import Carriers
from toa_fleet.cli.options import Options
from toa_fleet.errors import LocalError
from toa_fleet.inventory import Host
from toa_fleet.recorder import Recorder
from toa_fleet.report import json as json_report
from toa_fleet.report import table
from toa_fleet.report.progress import LiveProgress, PlainProgress
from toa_fleet.report.summary import Row, Summary
from toa_fleet.rollout import Event, Job, NodeReport, Rollout


def finish(
    options: Options,
    command: str,
    hosts: Sequence[Host],
    job: Job,
    dry_run: bool = False,
    recorded: bool = False,
    assessed: bool = False,
    history: bool = False,
    remarks: Optional[Callable[[Sequence[NodeReport]], list[str]]] = None,
) -> int:
    """Run a job on the hosts, show the result, return the exit status.

    Parameters:
        dry_run: for the report only; the job knows by itself.
        recorded: write the results into the journal.
        assessed: judge what each node carries.
        history: show the journal's last entry of each node.
        remarks: what is to be said of all reports together, one line each.
    """
    started = time.monotonic()
    manifests = [each.manifest for each in options.artifacts()] if assessed else []
    record = _recorder(options, command) if recorded else None
    reports, interrupted = _run(options, command, hosts, job, record)
    rows = [
        Row(
            report,
            assess(report.facts, manifests) if assessed and report.facts else None,
            _last_change(options, report) if history else None,
        )
        for report in reports
    ]
    seconds = time.monotonic() - started
    warnings = list(dict.fromkeys(options.warnings)) + (remarks(reports) if remarks else [])
    summary = Summary(command, rows, dry_run, interrupted, seconds, warnings)
    if record:
        record.end(summary.exit_status)
    _show(options, summary)
    return summary.exit_status


def _run(
    options: Options,
    command: str,
    hosts: Sequence[Host],
    job: Job,
    record: Optional[Recorder],
) -> tuple[list[NodeReport], bool]:
    carriers = _carriers(options, hosts)
    try:
        with _progress(options, command, len(hosts)) as progress:

            def on_event(event: Event) -> None:
                progress(event)
                if record and event.report:
                    record(event.report)

            rollout = Rollout(carriers.session, options.parallel, on_event)
            return rollout.run(hosts, job), rollout.interrupted
    finally:
        carriers.close()


def _carriers(options: Options, hosts: Sequence[Host]) -> Carriers:
    return Carriers(
        hosts,
        salt=options.salt.carrier,
        sudo=options.sudo,
        ssh_config=options.ssh_config,
        identities=options.identity,
        accept_new=options.accept_new,
        parallel=options.parallel,
    )


def _recorder(options: Options, command: str) -> Recorder:
    words = [command, *sys.argv[2:]] if len(sys.argv) > 1 else [command]
    return Recorder(options.journal, words, options.warnings.append)


def _last_change(options: Options, report: NodeReport) -> Any:
    try:
        return options.journal.last_change(report.host)
    except LocalError as error:
        options.warnings.append(f"no history: {error.detail}")
        return None


def _progress(options: Options, command: str, total: int) -> Any:
    console = Console(stderr=True)
    if console.is_terminal:
        return LiveProgress(console, command, total)
    return PlainProgress(console)


def _show(options: Options, summary: Summary) -> None:
    if options.as_json:
        click.echo(json_report.render(summary), nl=False)
        return
    terminal = sys.stdout.isatty()
    table.show(Console(width=None if terminal else table.PIPE_WIDTH), summary)
