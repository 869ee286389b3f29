# SPDX-License-Identifier: GPL-2.0-only
"""What the command says of itself: statuses, hosts, errors."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from toa_fleet.errors import ToaError

EPILOG = """\b
Exit status:
  0    every node that should have it has it (audit: every node carries it)
  1    trouble on this machine: store, disk, installation
  2    usage: wrong options, hosts, inventory or ssh_config
  3    some nodes were refused (wrong system, closed gate), or an artifact was;
       audit: some node does not carry toa as it should
  4    some nodes failed (unreachable, broken answer, load or proof failed),
       or were held back because others had; goes before 3
  130  interrupted

\b
A HOST is [user@]host[:port], [user@][v6-address]:port, an alias of your
ssh_config, or @local for this machine. With -i FILE, hosts come from a file:
one a line, # for comments, or a Salt roster in YAML. -i - reads standard input.
"""


def tell_failure(error: ToaError) -> None:
    """What stopped a command as a whole, and what to do about it."""
    console = Console(stderr=True)
    console.print(Text(f"toa-fleet: {error.detail}"), soft_wrap=True)
    if error.hint:
        console.print(Text(f"-> {error.hint}"), soft_wrap=True)
