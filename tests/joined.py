# SPDX-License-Identifier: GPL-2.0-only
"""The node program as a file, joined anew from its parts for each run of the tests."""

from __future__ import annotations

import os
from pathlib import Path

from toa_fleet.node_program import join


def _make() -> Path:
    """Several processes of one run do this at once, with the same result."""
    folder = Path(__file__).resolve().parents[1] / "build" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "toa-node"
    temporary = folder / f"toa-node.{os.getpid()}"
    temporary.write_bytes(join())
    temporary.chmod(0o755)
    temporary.replace(path)
    return path


PROGRAM = _make()
