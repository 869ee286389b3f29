# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import base64
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.errors import BrokenAnswer, NoAnswer, NodeError, NodeFailed, NodeRefused
from toa_fleet.protocol import MAX_KEYS, MAX_OUTPUT, MAX_VALUE, Answer, parse


def _answer(*lines: str, end: int = 0) -> bytes:
    return "\n".join(["begin=status", *lines, f"end={end}", ""]).encode()


def test_login_banners_before_the_answer_are_skipped() -> None:
    noise = b"Welcome!\nkey=not yours\nbegin=other\n\xff\xfe\n"
    assert parse("status", noise + _answer("arch=x86_64"), 0).values == {"arch": "x86_64"}


@pytest.mark.parametrize(
    "noise",
    [b"\x1b]0;title\x07", b"Welcome!\nno newline here", b"\xff", b"\r", b"begin=", b"begin=x "],
)
def test_noise_that_ends_without_a_newline_is_skipped(noise: bytes) -> None:
    assert parse("status", noise + _answer("arch=x86_64"), 0).values == {"arch": "x86_64"}


@pytest.mark.parametrize(
    "noise",
    [
        b"begin=status\n",
        b"x begin=status\n",
        b"begin=status\nforged=yes\nend=0\n",
        b"begin=status\nforged=yes\nend=0\nlast login: today",
    ],
)
def test_noise_that_looks_like_an_answer_breaks_it_and_never_stands_for_it(noise: bytes) -> None:
    with pytest.raises(BrokenAnswer, match="not key=value"):
        parse("status", noise + _answer("arch=x86_64"), 0)


@pytest.mark.parametrize("line", [b"begin=statuses", b"begin=status ", b"xbegin=stat", b"begin="])
def test_another_verbs_beginning_is_none(line: bytes) -> None:
    with pytest.raises(NoAnswer):
        parse("status", line + b"\na=b\nend=0\n", 0)


def test_a_value_may_hold_equals_signs_and_be_empty() -> None:
    assert parse("status", _answer("a=b=c", "d="), 0).values == {"a": "b=c", "d": ""}


@pytest.mark.parametrize(
    ("output", "status", "says"),
    [
        (b"", 0, "no answer"),
        (b"sh: 1: Syntax error\n", 2, "Syntax error"),
        (b"begin=status\na=b\n", 0, "no end marker"),
        (b"begin=status\na=b\nend=0", 0, "no end marker"),
        (b"begin=status\nend=0\nmore\n", 0, "no end marker"),
        (_answer("a=b"), 1, "exited with 1"),
        (_answer("a=b"), None, "ended before"),
        (_answer("a=b", end=3), 0, "end=3"),
        (_answer(end=77), 77, "lacks"),
        (_answer("a=1", "a=2"), 0, "twice"),
        (_answer("base64.x=", "base64.x="), 0, "twice"),
        (_answer("end=0", "a=b"), 0, "twice"),
        (_answer("begin=status"), 0, "not key=value"),
        (_answer("no equals sign"), 0, "not key=value"),
        (_answer("UPPER=1"), 0, "not key=value"),
        (_answer(""), 0, "not key=value"),
        (_answer("long=" + "x" * (MAX_VALUE + 1)), 0, "over 4096"),
        (_answer(*(f"k{number}=" for number in range(MAX_KEYS + 1))), 0, "more than"),
        (b"x" * (MAX_OUTPUT + 1), 0, "longer than"),
    ],
)
def test_what_breaks_the_protocol_is_never_an_answer(
    output: bytes, status: Optional[int], says: str
) -> None:
    with pytest.raises(BrokenAnswer, match=says):
        parse("status", output, status)


def test_control_characters_and_bidirectional_overrides_are_escaped() -> None:
    answer = parse("status", _answer("a=\x1b[2J\u202exx\u200b"), 0)
    assert answer.values["a"] == r"\x1b[2J\u202exx\u200b"


def test_bytes_that_are_no_text_are_escaped() -> None:
    assert parse("status", b"begin=status\na=\xff\xe9\nend=0\n", 0).values["a"] == r"\xff\xe9"


def test_blobs_are_decoded_and_may_be_longer_than_values() -> None:
    data = bytes(range(256)) * 100
    answer = parse("status", _answer("base64.toa.ko=" + base64.b64encode(data).decode()), 0)
    assert answer.blob("toa.ko") == data
    assert answer.values == {}
    with pytest.raises(BrokenAnswer, match=r"lacks base64\.manifest"):
        answer.blob("manifest")


def test_a_blob_that_is_not_base64_is_refused() -> None:
    with pytest.raises(BrokenAnswer, match="not base64"):
        parse("status", _answer("base64.x=a*b"), 0).blob("x")


def _failure(status: int, *lines: str) -> NodeError:
    answer = parse("status", _answer(*lines, end=status), status)
    with pytest.raises(NodeError) as caught:
        answer.raise_failure()
    return caught.value


def test_a_mismatch_is_a_refusal_with_both_values_of_each_field() -> None:
    error = _failure(
        3, "mismatch.arch.artifact=x86_64", "mismatch.arch.node=aarch64", "detail=d", "hint=h"
    )
    assert isinstance(error, NodeRefused)
    assert (error.word, error.detail, error.hint) == ("mismatch", "d", "h")
    assert [(each.field, each.artifact, each.node) for each in error.differences] == [
        ("arch", "x86_64", "aarch64")
    ]


def test_a_closed_gate_is_a_refusal_with_its_reason() -> None:
    error = _failure(4, "gate.root=open", "gate.signature=closed: enforced; sign it", "detail=d")
    assert isinstance(error, NodeRefused)
    assert error.gates == (("signature", "enforced; sign it"),)


@pytest.mark.parametrize("status", [2, 5, 6, 7, 8, 9])
def test_other_classes_are_failures_and_never_without_a_word(status: int) -> None:
    error = _failure(status)
    assert isinstance(error, NodeFailed)
    assert error.detail


@given(st.binary(max_size=300), st.one_of(st.none(), st.integers(-1, 300)))
def test_no_bytes_do_more_than_break_an_answer(output: bytes, status: Optional[int]) -> None:
    _parse_or_break(output, status)


_LINES = st.lists(
    st.one_of(
        st.sampled_from([b"begin=status", b"end=0", b"end=3", b"", b"a=b", b"base64.x=AA=="]),
        st.binary(max_size=20),
    ),
    max_size=12,
)


@given(_LINES, st.sampled_from([0, 3, None]))
def test_whatever_passes_has_an_end_and_printable_values(
    lines: list[bytes], status: Optional[int]
) -> None:
    answer = _parse_or_break(b"\n".join(lines), status)
    if answer:
        assert status == answer.status
        assert all(value.isprintable() for value in answer.values.values())


def _parse_or_break(output: bytes, status: Optional[int]) -> Optional[Answer]:
    try:
        return parse("status", output, status)
    except BrokenAnswer as error:
        assert error.detail.isprintable()
        return None


_VALUE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True), _VALUE, max_size=9))
def test_what_is_printable_comes_through_as_it_was(values: dict[str, str]) -> None:
    values = {f"x{key}": value for key, value in values.items()}
    lines = [f"{key}={value}" for key, value in values.items()]
    assert parse("status", _answer(*lines), 0).values == values
