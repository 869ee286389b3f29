# SPDX-License-Identifier: GPL-2.0-only
"""Reads shell text far enough to tell what is called where."""

from __future__ import annotations

import re

_FUNCTION = re.compile(r"^([A-Za-z_]\w*)\(\) \{$", re.MULTILINE)
#: "gate_$gate", "boot_${R}_pieces": a function whose name is put together.
_MADE_NAME = re.compile(r'"([a-z_]+_)\$\{?\w+\}?(_[a-z_]+)?"')


def functions(text: str) -> list[str]:
    """Names of the functions that a text defines, in their order."""
    return _FUNCTION.findall(_without_quoted_text(text))


def words(text: str) -> set[str]:
    """The words of a text that may be commands or their arguments: outside of quotes
    and comments, and those of ``$(...)`` inside of them."""
    return set(re.findall(r"(?<![\w$-])[A-Za-z_]\w*(?![\w-]*=)", _without_quoted_text(text)))


def made_names(text: str) -> list[re.Pattern[str]]:
    """The forms of function names that are put together from a variable."""
    return [
        re.compile(f"{before}\\w+{after or ''}\\Z") for before, after in _MADE_NAME.findall(text)
    ]


def _without_quoted_text(text: str) -> str:
    return _scan(text, 0, "")[0]


def _scan(text: str, at: int, end: str) -> tuple[str, int]:
    """What is left of a stretch of code up to END, and where it ends."""
    left = []
    while at < len(text):
        if end and text.startswith(end, at):
            return "".join(left), at + len(end)
        char = text[at]
        if char == "\\":
            at += 2
        elif char == "'":
            at = text.index("'", at + 1) + 1
            left.append(" _ ")
        elif char == "#" and (at == 0 or text[at - 1] in " \n\t;"):
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
        elif char in '"$(':
            inner, at = _expansion(text, at) if char != "(" else _scan(text, at + 1, ")")
            left.append(f"({inner})" if char == "(" else inner)
        else:
            left.append(char)
            at += 1
    return "".join(left), at


def _expansion(text: str, at: int) -> tuple[str, int]:
    """A ``"..."``, ``$((...))``, ``$(...)``, ``${...}`` or ``$NAME``."""
    if text.startswith("$((", at):
        return " _ ", text.index("))", at) + 2
    if text.startswith("$(", at):
        inner, at = _scan(text, at + 2, ")")
        return f" ; {inner} ; ", at
    if text.startswith('"', at):
        return _quoted(text, at + 1, '"')
    if text.startswith("${", at):
        return _quoted(text, at + 2, "}")
    return " _ ", at + len(re.match(r"\$(\w+|.)", text[at:])[0])  # type: ignore[index]


def _quoted(text: str, at: int, end: str) -> tuple[str, int]:
    """The code inside of ``"..."`` or ``${...}``."""
    left = [" _ "]
    while text[at] != end:
        if text[at] == "\\":
            at += 2
        elif text[at] == "'" and end == "}":
            at = text.index("'", at + 1) + 1
        elif text[at] == "$" or (text[at] == '"' and end == "}"):
            inner, at = _expansion(text, at)
            left.append(inner)
        else:
            at += 1
    return "".join(left), at + 1
