# SPDX-License-Identifier: GPL-2.0-only
"""push: toa.ko to the nodes that it fits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from toa_fleet.artifact import Artifact
from toa_fleet.cli.group import cli
from toa_fleet.cli.options import Options, common_options, hosts_argument, hosts_of
from toa_fleet.cli.running import finish
from toa_fleet.cli.words import EPILOG
from toa_fleet.errors import UsageError
from toa_fleet.jobs.push import PushJob
from toa_fleet.parameters import Parameters
from toa_fleet.plan import Policy
from toa_fleet.sources import kmod_sources


@cli.command(epilog=EPILOG)
@hosts_argument
@click.option(
    "--artifact",
    metavar="DIR|ID",
    help="Push this one only: a directory, or an id of the store.  [default: for each node the "
    "store's artifact that matches it]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Leave the sources there, too: the node builds for each kernel that is installed later "
    "(needs gcc, make and headers there). A push without this switches it off.",
)
@click.option("--replace-foreign", is_flag=True, help="Take a loaded toa of others out.")
@click.option(
    "--parameters",
    metavar="LIST|none",
    help="Exactly these parameters of the module, now and at every boot: "
    "'trusted=100.125.0.0/16 kinds=254'.  [default: those that each node has]",
)
@click.option(
    "--reload",
    is_flag=True,
    help="Take toa out and in again where a parameter needs that (from_syn, max_connections): "
    "connections of that moment show the balancer's address. Else it waits for the next load.",
)
@click.option(
    "--allow-unproven",
    is_flag=True,
    help="Also where toa-selftest cannot run: a module of other sources, a node without TUN.",
)
@click.option(
    "--canary",
    "canaries",
    type=click.IntRange(0, 512),
    default=1,
    show_default=True,
    metavar="N",
    help="Nodes of each artifact that go first; the others wait until it is proven there, and "
    "are held if it fails. 0: all at once.",
)
@click.option(
    "--max-failures",
    type=click.IntRange(1),
    metavar="N",
    help="Begin no other node once N have failed.  [default: any number may]",
)
@common_options
def push(
    options: Options,
    hosts: Sequence[str],
    artifact: Optional[str],
    dry_run: bool,
    rebuild: bool,
    replace_foreign: bool,
    parameters: Optional[str],
    reload: bool,
    allow_unproven: bool,
    canaries: int,
    max_failures: Optional[int],
) -> int:
    """Push toa.ko to the nodes that it fits.

    Each gets the artifact of its kind, loads it, proves it with a live
    connection, and will load it at every boot; a node that fits none, or that
    cannot load modules now, is refused with the reason. One node of each kind
    goes first, as a canary.
    """
    nodes = hosts_of(options, hosts)
    artifacts = [_artifact(options, artifact)] if artifact else options.artifacts()
    sources = kmod_sources(None) if rebuild else []
    wanted = Parameters.parse(parameters) if parameters is not None else None
    if reload and wanted is None:
        raise UsageError("--reload is for --parameters", "give the parameters, too")
    policy = Policy(replace_foreign, allow_unproven, rebuild, reload, wanted)
    job = PushJob(options.client(), artifacts, policy, dry_run, sources, canaries, max_failures)
    return finish(
        options,
        "push",
        nodes,
        job,
        dry_run=dry_run,
        recorded=not dry_run,
        remarks=job.remarks,
    )


def _artifact(options: Options, text: str) -> Artifact:
    path = Path(text).expanduser()
    if path.is_dir():
        return Artifact.read(path)
    if path.name == "toa.ko" and path.is_file():
        return Artifact.read(path.parent)
    if "/" in text:
        raise UsageError(f"--artifact: there is no directory {text}", "give a directory or an id")
    return options.store.find(text)
