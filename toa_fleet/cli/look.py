# SPDX-License-Identifier: GPL-2.0-only
"""Commands that read and change nothing: fingerprint, status, gates, audit."""

from __future__ import annotations

from collections.abc import Sequence

import click

from toa_fleet.cli.group import cli
from toa_fleet.cli.options import Options, common_options, hosts_argument, hosts_of
from toa_fleet.cli.running import finish
from toa_fleet.cli.words import EPILOG
from toa_fleet.jobs.read import facts_job, gates_job, proof_job


@cli.command(epilog=EPILOG)
@hosts_argument
@common_options
def fingerprint(options: Options, hosts: Sequence[str]) -> int:
    """Show which system each node is, and which nodes are alike."""
    return finish(
        options,
        "fingerprint",
        hosts_of(options, hosts, "fingerprint"),
        facts_job(options.client(), "fingerprint"),
    )


@cli.command(epilog=EPILOG)
@hosts_argument
@common_options
def status(options: Options, hosts: Sequence[str]) -> int:
    """Show what each node carries. Changes nothing."""
    return finish(
        options,
        "status",
        hosts_of(options, hosts),
        facts_job(options.client(), "status"),
        assessed=True,
    )


@cli.command(epilog=EPILOG)
@hosts_argument
@common_options
def gates(options: Options, hosts: Sequence[str]) -> int:
    """Tell which nodes could load a module at all, and what keeps the others.

    One verdict a gate (signatures, lockdown, Secure Boot, blacklists, kprobes,
    disk and more), each closed one with its remedy. Copies and changes nothing.
    """
    return finish(options, "gates", hosts_of(options, hosts, "gates"), gates_job(options.client()))


@cli.command(epilog=EPILOG)
@hosts_argument
@click.option("--proof", is_flag=True, help="Have each loaded toa proven anew (needs root).")
@common_options
def audit(options: Options, hosts: Sequence[str], proof: bool) -> int:
    """Judge what each node carries.

    Tells which nodes run toa and keep it over a reboot, what is wrong with the
    rest, and when each was last changed from here. Changes nothing.
    """
    nodes = hosts_of(options, hosts)
    job = proof_job(options.client()) if proof else facts_job(options.client(), "status")
    return finish(options, "audit", nodes, job, assessed=True, history=True)
