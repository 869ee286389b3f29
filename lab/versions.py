# SPDX-License-Identifier: GPL-2.0-only
"""The order of Debian's version numbers."""

from __future__ import annotations

import re


def version_key(version: str) -> tuple[object, ...]:
    """Sorts as dpkg --compare-versions does: `~` before the end, letters before the rest."""
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "0", version
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return (int(epoch), _part(upstream), _part(revision))


def _part(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Alternating non-digits and numbers, the former as orders of their letters."""
    result: list[tuple[tuple[int, ...], int]] = []
    for letters, digits in re.findall(r"(\D*)(\d*)", text):
        if letters or digits:
            result.append(((*map(_order, letters), 0), int(digits or 0)))
    result.append(((0,), 0))
    return tuple(result)


def _order(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256
