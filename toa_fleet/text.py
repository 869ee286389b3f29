# SPDX-License-Identifier: GPL-2.0-only
"""Make text from nodes harmless before it meets a terminal."""

from __future__ import annotations

import unicodedata

#: Longest piece of a node's words that is shown, in characters.
SHOWN = 400


def printable(text: str) -> str:
    """Return ``text`` with every character escaped that is not plainly visible.

    Control characters could drive the operator's terminal; format characters
    (bidirectional overrides, zero-width ones) could make one word look like
    another.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _visible(char) else _escape(char) for char in text)


def one_line(data: bytes | str, limit: int = SHOWN) -> str:
    """Return a node's raw words as one bounded, printable line.

    Parameters:
        data: what the node said; bytes are read as UTF-8.
        limit: longest result, in characters; more is cut and marked with ``…``.
    """
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    # Bounded before it is worked on: the raw words may be megabytes.
    line = printable(" ".join(text[: 8 * limit].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _visible(char: str) -> bool:
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
