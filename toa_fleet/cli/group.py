# SPDX-License-Identifier: GPL-2.0-only
"""The command itself, of which the others are parts."""

from __future__ import annotations

import click

from toa_fleet import __version__
from toa_fleet.cli.words import EPILOG


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="toa-fleet")
def cli() -> None:
    """Build toa.ko once, push it to every node it fits, refuse the rest."""
