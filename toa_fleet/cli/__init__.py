# SPDX-License-Identifier: GPL-2.0-only
"""The command ``toa-fleet``: words in, words out. Nothing below knows of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import NoReturn, Optional

import click

from toa_fleet import errors
from toa_fleet.cli import build, look, prepare, push, take_away
from toa_fleet.cli.group import cli

#: The modules that hold the commands; importing them is what makes them known.
COMMANDS = (look, build, push, take_away, prepare)


def main(arguments: Optional[Sequence[str]] = None) -> NoReturn:
    """The entry point: runs a command and exits with its status."""
    sys.exit(run(arguments))


def run(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command; its exit status."""
    # An end from outside closes connections as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = cli.main(args=arguments, prog_name="toa-fleet", standalone_mode=False)
        return result if isinstance(result, int) else errors.EXIT_OK
    except click.ClickException as error:
        error.show()
        return errors.EXIT_USAGE
    except (KeyboardInterrupt, click.Abort):
        print("toa-fleet: interrupted", file=sys.stderr)
        return errors.EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) went away: no matter.
        sys.stdout = None
        return errors.EXIT_LOCAL
