# SPDX-License-Identifier: GPL-2.0-only
"""toolchain and legacy-kernel: what nodes need before anything can be built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import click

from toa_fleet.bundle import Part
from toa_fleet.cli.group import cli
from toa_fleet.cli.options import Options, common_options, hosts_argument, hosts_of, require_ssh
from toa_fleet.cli.running import finish
from toa_fleet.cli.sent import is_address, option_words, sent_part
from toa_fleet.cli.words import EPILOG
from toa_fleet.jobs.prepare import prepare_job


@cli.command(epilog=EPILOG)
@hosts_argument
@click.option("--kernel", metavar="RELEASE", help="Of this kernel.  [default: the running one]")
@click.option(
    "--headers-package",
    "packages",
    multiple=True,
    metavar="FILE|URL",
    help="An .rpm or .deb for kernels that the repositories no longer hold: a file here, which "
    "is sent along, or an address (file:///... is the node's). May be repeated.",
)
@click.option(
    "--sha256",
    "hashes",
    multiple=True,
    metavar="HEX",
    help="Of each --headers-package, in the same order.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be installed, and install nothing.")
@common_options
def toolchain(
    options: Options,
    hosts: Sequence[str],
    kernel: Optional[str],
    packages: Sequence[str],
    hashes: Sequence[str],
    dry_run: bool,
) -> int:
    """Install gcc, make and the headers of exactly the running kernel.

    With the node's own package manager. Needed on reference nodes only; never
    installs the headers of another kernel.
    """
    sent = {each: sent_part("headers", each) for each in packages if not is_address(each)}
    places = [f"part:{sent[each].name}" if each in sent else each for each in packages]
    arguments = [
        *option_words("--kernel", kernel),
        *(word for each in places for word in ("--headers-package", each)),
        *(word for each in hashes for word in ("--sha256", each)),
        *(["--dry-run"] if dry_run else []),
    ]
    return _prepare(options, "toolchain", hosts, arguments, dry_run, list(sent.values()))


@cli.command("legacy-kernel", epilog=EPILOG)
@hosts_argument
@click.option(
    "--source",
    metavar="FILE|URL",
    help="Tarball of a 2.6.32 kernel with net/toa: on the node, or at an address.",
)
@click.option("--sha256", metavar="HEX", help="Of that tarball; needed for http:// and ftp://.")
@click.option("--extraversion", metavar="-WORD", help="End of the new release.  [default: -toa]")
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Of make.  [default: the cores]"
)
@click.option("--work", metavar="DIR", help="On the node.  [default: /usr/src/toa-legacy-kernel]")
@click.option("--dry-run", is_flag=True, help="Show which steps are to be done, and do none.")
@click.option("--reboot", is_flag=True, help="Reboot into it when all is in place.")
@click.option("--force", is_flag=True, help="Also where the kernel is no 2.6.32.")
@click.option("--undo", is_flag=True, help="Take away what loads it; boot the old kernel again.")
@common_options
def legacy_kernel(
    options: Options, hosts: Sequence[str], dry_run: bool, **values: Optional[object]
) -> int:
    """Build and boot a 2.6.32 kernel with TOA patched in.

    The old procedure, step by step; the same command continues it where it
    stopped. Try `toa-fleet build` and `push` first: toa.ko needs neither another
    kernel nor a reboot.
    """
    flags = {"reboot", "force", "undo"}
    arguments = [f"--{name}" for name in sorted(flags) if values[name]]
    for name in sorted(values.keys() - flags):
        arguments += option_words(f"--{name}", values[name])
    arguments += ["--dry-run"] if dry_run else []
    return _prepare(options, "legacy-kernel", hosts, arguments, dry_run)


def _prepare(
    options: Options,
    verb: str,
    hosts: Sequence[str],
    arguments: Sequence[str],
    dry_run: bool,
    parts: Sequence[Part] = (),
) -> int:
    """Run a verb that prepares nodes, with the files that it names."""
    require_ssh(options, verb, "the state toa.toolchain does it on minions")
    nodes = hosts_of(options, hosts)
    job = prepare_job(options.client(), verb, arguments, dry_run, parts)
    return finish(options, verb, nodes, job, dry_run=dry_run, recorded=not dry_run)
