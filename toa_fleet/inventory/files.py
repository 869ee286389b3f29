# SPDX-License-Identifier: GPL-2.0-only
"""The text of an inventory: bounded, and UTF-8."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from toa_fleet.errors import UsageError

#: Largest inventory, in bytes.
MAX_BYTES = 16 * 1024 * 1024

#: The path that means standard input.
STANDARD_INPUT = Path("-")

#: How to turn an inventory of Ansible's into one host a line.
FROM_ANSIBLE = (
    "give one host a line: ansible all -i FILE --list-hosts | tail -n +2 | toa-fleet ... -i -"
)


def read_text(path: Path) -> tuple[str, str]:
    """What errors call an inventory, and its text.

    Raises:
        UsageError: it cannot be read, is too large, or is no text.
    """
    name = "standard input" if path == STANDARD_INPUT else str(path)
    try:
        # One byte more than it may have: a pipe has no size to ask for.
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read the inventory {name}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"the inventory {name} is larger than {MAX_BYTES} bytes")
    try:
        return name, data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8") from None


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its number, as an editor counts them."""
    # str.splitlines would also split where no editor does: at a form feed, say.
    return enumerate(re.split(r"\r\n|\n|\r", text), 1)
