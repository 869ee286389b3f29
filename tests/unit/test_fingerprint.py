# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.fingerprint import HARD_FIELDS, MAY_BE_EMPTY, Difference, Fingerprint

_SETS_OF_FIELDS = st.fixed_dictionaries({field: st.text(max_size=5) for field in HARD_FIELDS})


def test_the_id_is_the_hash_of_the_nine_lines_in_the_protocols_order(
    fields: dict[str, str],
) -> None:
    lines = "".join(f"{field}={fields[field]}\n" for field in HARD_FIELDS)
    assert Fingerprint.of(fields).id == hashlib.sha256(lines.encode()).hexdigest()[:16]


@pytest.mark.parametrize("field", HARD_FIELDS)
def test_each_field_that_differs_is_named_with_both_values(
    field: str, fields: dict[str, str]
) -> None:
    artifact = Fingerprint.of(fields)
    node = replace(artifact, **{field: "other"})
    assert artifact.compare(node) == [Difference(field, fields[field], "other")]


@pytest.mark.parametrize("field", HARD_FIELDS)
def test_an_empty_field_matches_only_where_it_may_be_empty(
    field: str, fields: dict[str, str]
) -> None:
    full = Fingerprint.of(fields)
    empty = replace(full, **{field: ""})
    for artifact, node in ((full, empty), (empty, full), (empty, empty)):
        assert (artifact.compare(node) == []) == (field in MAY_BE_EMPTY)


@given(_SETS_OF_FIELDS)
def test_a_system_matches_itself_exactly_when_nothing_is_missing(values: dict[str, str]) -> None:
    fingerprint = Fingerprint.of(values)
    assert (fingerprint.compare(fingerprint) == []) == (not fingerprint.missing())


@given(_SETS_OF_FIELDS, _SETS_OF_FIELDS)
def test_matching_does_not_depend_on_the_side(one: dict[str, str], two: dict[str, str]) -> None:
    ours, theirs = Fingerprint.of(one), Fingerprint.of(two)
    assert [each.field for each in ours.compare(theirs)] == [
        each.field for each in theirs.compare(ours)
    ]
