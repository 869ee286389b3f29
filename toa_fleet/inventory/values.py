# SPDX-License-Identifier: GPL-2.0-only
"""Values that a roster's keys and its ssh_options have in common."""

from __future__ import annotations

import re
from pathlib import Path

from toa_fleet.inventory.target import Key
from toa_fleet.text import one_line


def identity(text: str, key: Key) -> Path:
    """A private key's file.

    Raises:
        UsageError: it is no path here.
    """
    if "://" in text or not text.isprintable() or text[0] in "'\"":
        raise key.error(f"{one_line(text, 60)!r} is no path of a key file")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise key.error(f"{one_line(text, 60)!r}: no such user's home here") from None


def seconds(text: str, key: Key) -> float:
    """A time limit, in seconds.

    Raises:
        UsageError: it is no whole number, 1 to 86400.
    """
    if re.match(r"[1-9][0-9]{0,4}\Z", text) and int(text) <= 86400:
        return float(text)
    raise key.error(f"{one_line(text, 20)!r} is no number of seconds, 1 to 86400")
