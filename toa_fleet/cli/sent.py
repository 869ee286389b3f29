# SPDX-License-Identifier: GPL-2.0-only
"""What goes along to a node: files of this machine, and options for toa-node."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from toa_fleet.bundle import Part
from toa_fleet.errors import UsageError

#: Largest file that goes along; toa-node takes bundles of 64 MiB.
_MAX_SENT = 60 * 1024 * 1024


def is_address(source: str) -> bool:
    """Whether a node has to fetch it."""
    return "://" in source or source.startswith("git@")


def option_words(name: str, value: Optional[object]) -> list[str]:
    """An option of toa-node with its value; nothing where there is none."""
    return [] if value is None else [name, str(value)]


def sent_part(folder: str, file: str) -> Part:
    """A file of this machine, to be sent along."""
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > _MAX_SENT:
            raise UsageError(
                f"{path} is too large to be sent along ({path.stat().st_size} bytes)",
                "copy it to the node and give file:///PATH",
            )
        return Part(f"{folder}/{path.name}", path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
