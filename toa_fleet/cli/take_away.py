# SPDX-License-Identifier: GPL-2.0-only
"""unload and remove."""

from __future__ import annotations

from collections.abc import Sequence

from toa_fleet.cli.group import cli
from toa_fleet.cli.options import Options, common_options, hosts_argument, hosts_of
from toa_fleet.cli.running import finish
from toa_fleet.cli.words import EPILOG
from toa_fleet.jobs.take_away import take_away_job


@cli.command(epilog=EPILOG)
@hosts_argument
@common_options
def unload(options: Options, hosts: Sequence[str]) -> int:
    """Take toa out of the kernel until the next boot."""
    nodes = hosts_of(options, hosts, "")
    return finish(
        options, "unload", nodes, take_away_job(options.client(), "unload"), recorded=True
    )


@cli.command(epilog=EPILOG)
@hosts_argument
@common_options
def remove(options: Options, hosts: Sequence[str]) -> int:
    """Unload toa and take away what push put there."""
    nodes = hosts_of(options, hosts, "")
    return finish(
        options, "remove", nodes, take_away_job(options.client(), "remove"), recorded=True
    )
