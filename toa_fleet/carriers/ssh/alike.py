# SPDX-License-Identifier: GPL-2.0-only
"""Hosts that an ssh_config cannot tell apart: one answer of ``ssh -G`` holds for all.

Only where that is certain: the files are read for what tells hosts apart, and for
nothing else. With Match, tokens in what ssh prints expanded, quotes, or a file that
cannot be read, each host is asked about by itself.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

from toa_fleet.inventory import Host

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
USER_CONFIG = Path("~/.ssh/config")
#: As ssh has it.
_MAX_DEPTH = 16
#: What ssh prints with its tokens expanded, or makes another name of.
_EXPANDED = frozenset(
    (
        "globalknownhostsfile",
        "hostname",
        "identityagent",
        "proxyjump",
        "revokedhostkeys",
        "user",
        "userknownhostsfile",
    )
)
#: Names about whose letters no two programs could disagree.
_PLAIN = re.compile(r"[a-z0-9.-]+\Z")

#: What tells hosts apart: the verdict of each line with patterns, the user, the port.
Kind = tuple[tuple[bool, ...], Optional[str], Optional[int]]


class Alike:
    """What an ssh_config may tell hosts apart by.

    Parameters:
        path: the one file that counts; None: the user's, and the system's.
    """

    def __init__(self, path: Optional[Path]) -> None:
        files = [path] if path else [USER_CONFIG.expanduser(), SYSTEM_CONFIG]
        self._patterns: Optional[list[list[str]]] = []
        try:
            for file in files:
                if file.exists():
                    self._patterns += list(_patterns(file, file == SYSTEM_CONFIG, 0))
        except (OSError, _MayDiffer):
            self._patterns = None

    def kind(self, host: Host) -> Optional[Kind]:
        """Equal for hosts that get the same answer; None: ask for this one."""
        if self._patterns is None or not _PLAIN.match(host.address):
            return None
        verdicts = tuple(_matches(host.address, patterns) for patterns in self._patterns)
        return verdicts, host.user, host.port


class _MayDiffer(Exception):
    """A line may tell hosts apart in a way that is not looked into here."""


def _patterns(path: Path, of_system: bool, depth: int) -> Iterator[list[str]]:
    """The patterns of each line ``Host``, in a file and what it includes.

    Raises:
        _MayDiffer, OSError: not all of it can be told.
    """
    if depth > _MAX_DEPTH:
        raise _MayDiffer
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.replace("=", " ", 1).split()
        if not words or words[0].startswith("#"):
            continue
        keyword, values = words[0].lower(), words[1:]
        if keyword == "host":
            if any(mark in line for mark in "\"'#\\"):
                raise _MayDiffer
            yield values
        elif keyword == "include":
            for value in values:
                yield from _included(value, of_system, depth)
        elif (
            keyword.startswith(("match", "canonical", "tag"))
            or (keyword in _EXPANDED and "%" in line)
            or '"' in words[0]
        ):
            raise _MayDiffer


def _included(value: str, of_system: bool, depth: int) -> Iterator[list[str]]:
    if any(mark in value for mark in "\"'#\\$%"):
        raise _MayDiffer
    path = Path(value).expanduser()
    if not path.is_absolute():
        path = (SYSTEM_CONFIG.parent if of_system else USER_CONFIG.expanduser().parent) / path
    for name in sorted(glob.glob(str(path))):
        yield from _patterns(Path(name), of_system, depth + 1)


def _matches(name: str, patterns: list[str]) -> bool:
    """A list as ssh reads it: one that fits and is negated decides."""
    fits = False
    for pattern in patterns:
        found = re.fullmatch(_expression(pattern.lstrip("!")), name) is not None
        if found and pattern.startswith("!"):
            return False
        fits = fits or found
    return fits


def _expression(pattern: str) -> str:
    kinds = {"*": ".*", "?": "."}
    return "".join(kinds.get(letter, re.escape(letter)) for letter in pattern)
