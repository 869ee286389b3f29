# SPDX-License-Identifier: GPL-2.0-only
"""`toa-fleet` as an operator runs it: the installed command, against a lab's nodes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lab import Lab

COMMAND_SECONDS = 900.0


@dataclass(frozen=True)
class Ran:
    """How a command ended: `text` is both of its outputs."""

    status: int
    out: str
    text: str

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """With --json: what it says of each node, by name."""
        return {node["host"]: node for node in json.loads(self.out)["nodes"]}


class Operator:
    """Runs toa-fleet with the lab's ssh_config and a store of its own.

    >>> ran = Operator(lab).run("push", "web1", "web2")
    >>> assert ran.status == 0, ran.text
    """

    def __init__(self, lab: Lab) -> None:
        self.store = lab.folder / "store"
        self._options = ["--ssh-config", str(lab.ssh_config), "--store", str(self.store)]

    def argv(self, verb: str, *words: str | Path) -> list[str]:
        """The command line for a verb."""
        program = Path(sys.executable).with_name("toa-fleet")
        return [str(program), verb, *self._options, *map(str, words)]

    def run(self, verb: str, *words: str | Path, timeout: float = COMMAND_SECONDS) -> Ran:
        """Runs a command to its end; raises subprocess.TimeoutExpired after `timeout` seconds."""
        done = subprocess.run(
            self.argv(verb, *words), capture_output=True, text=True, timeout=timeout, check=False
        )
        return Ran(done.returncode, done.stdout, done.stdout + done.stderr)
