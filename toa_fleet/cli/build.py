# SPDX-License-Identifier: GPL-2.0-only
"""build: a toa.ko, on a reference node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import click

from toa_fleet.cli.group import cli
from toa_fleet.cli.options import Options, common_options, require_ssh
from toa_fleet.cli.running import finish
from toa_fleet.cli.sent import is_address, option_words, sent_part
from toa_fleet.cli.words import EPILOG
from toa_fleet.errors import UsageError
from toa_fleet.inventory import Host, parse_host, read_file
from toa_fleet.jobs.build import BuildJob
from toa_fleet.sources import kmod_sources


@cli.command(epilog=EPILOG)
@click.option(
    "--on",
    "references",
    multiple=True,
    required=True,
    metavar="HOST",
    help="Reference node: a host, or a name of the -i FILE. May be repeated.",
)
@click.option(
    "--source",
    metavar="DIR|FILE|URL",
    help="Sources of toa.ko: a directory or an archive here, or the address of an archive or of "
    "a git repository, which the node fetches.  [default: those that came along]",
)
@click.option("--sha256", metavar="HEX", help="Of the archive at that address.")
@click.option("--revision", metavar="REV", help="Commit, tag or branch of that repository.")
@click.option(
    "--container",
    metavar="IMAGE",
    help="Build on the node in this container: an image's name (podman, docker) or a path there "
    "(systemd-nspawn). For systems without a compiler.",
)
@click.option("--force", is_flag=True, help="Build even what the store holds already.")
@common_options
def build(
    options: Options,
    references: Sequence[str],
    source: Optional[str],
    sha256: Optional[str],
    revision: Optional[str],
    container: Optional[str],
    force: bool,
) -> int:
    """Build toa.ko on a reference node.

    The sources go there, the module comes back, is checked and stored. A module
    of other sources than this project's has no selftest: push it with --artifact
    and --allow-unproven.
    """
    nodes = _references(options, references)
    arguments = option_words("--container", container)
    if source is not None and is_address(source):
        arguments += ["--source", source]
        arguments += [*option_words("--sha256", sha256), *option_words("--revision", revision)]
        sources = []
        archive = []
    elif sha256 or revision:
        raise UsageError(
            "--sha256 and --revision are for a --source that the node fetches",
            "give an address, or check that revision out and give its directory",
        )
    else:
        archive = [sent_part("source", source)] if source and Path(source).is_file() else []
        arguments += [word for part in archive for word in ("--source", f"part:{part.name}")]
        sources = [] if archive else kmod_sources(Path(source) if source else None)
    job = BuildJob(
        options.client(), options.store, options.artifacts(), sources, force, arguments, archive
    )
    return finish(options, "build", nodes, job, recorded=True)


def _references(options: Options, words: Sequence[str]) -> list[Host]:
    """``--on`` names a host of the inventory, or any other host."""
    require_ssh(options, "build", "toa.orchestrate, toa.built and toa.build do it on minions")
    named = {host.name: host for path in options.inventory for host in read_file(path)}
    hosts = [named.get(word) or parse_host(word, "--on") for word in words]
    return list({host.name: host for host in hosts}.values())
