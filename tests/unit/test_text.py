# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.text import one_line, printable


@pytest.mark.parametrize("text", ["", "plain [red]text[/red] = ä 漢字 \\x1b"])
def test_what_is_visible_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\tb\n", "a\\x09b\\x0a"),
        ("\u202e", "\\u202e"),
        ("\u200b", "\\u200b"),
        ("\u2028", "\\u2028"),
        ("\ufeff", "\\ufeff"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_is_not_visible_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_drives_a_terminal_passes(text: str) -> None:
    assert all(unicodedata.category(char)[0] not in "CZ" or char == " " for char in printable(text))


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_one_line_is_one_line_and_bounded(data: bytes, limit: int) -> None:
    line = one_line(data, limit)
    assert len(line) <= limit
    assert "\n" not in line
