# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.errors import ArtifactRefused
from toa_fleet.fingerprint import HARD_FIELDS
from toa_fleet.manifest import MAX_BYTES, Manifest


@pytest.fixture
def text(artifact_files: Callable[..., Any], fields: dict[str, str]) -> str:
    """A sound manifest."""
    manifest: bytes = artifact_files(fields)["manifest"]
    return manifest.decode()


def _set(text: str, key: str, value: str) -> bytes:
    lines = [f"{key}={value}" if line.startswith(f"{key}=") else line for line in text.splitlines()]
    return "\n".join([*lines, ""]).encode()


def test_a_sound_manifest_is_read(text: str, fields: dict[str, str]) -> None:
    manifest = Manifest.parse(text.encode())
    assert dict(manifest.fingerprint.items()) == fields
    assert manifest.artifact_id == manifest.sha256[:16]
    assert manifest.imports["_printk"] == "0xcafe1234"
    assert manifest.raw == text.encode()


@pytest.mark.parametrize("field", HARD_FIELDS)
def test_each_hard_field_that_was_edited_is_noticed(field: str, text: str) -> None:
    with pytest.raises(ArtifactRefused, match="edited"):
        Manifest.parse(_set(text, field, "6.1.0-57-cloud-amd64"))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("manifest", "2", "version 2"),
        ("fingerprint", "0" * 16, "edited"),
        ("sha256", "abc", "not a SHA-256"),
        ("sha256", "Z" * 64, "not a SHA-256"),
        ("selftest_sha256", "", "not a SHA-256"),
        ("size", "-1", "size"),
        ("size", "9" * 12, "size"),
        ("build_id", "", "build_id"),
        ("builder", "\x1b[2J", "control characters"),
    ],
)
def test_values_that_cannot_be_are_refused(key: str, value: str, says: str, text: str) -> None:
    with pytest.raises(ArtifactRefused, match=says):
        Manifest.parse(_set(text, key, value))


@pytest.mark.parametrize("key", ["manifest", "arch", "fingerprint", "sha256", "size", "build_id"])
def test_a_manifest_that_lacks_a_key_is_refused_by_name(key: str, text: str) -> None:
    lines = [line for line in text.splitlines() if not line.startswith(f"{key}=")]
    with pytest.raises(ArtifactRefused, match=key):
        Manifest.parse("\n".join([*lines, ""]).encode())


def test_a_key_given_twice_is_refused(text: str) -> None:
    with pytest.raises(ArtifactRefused, match="second time"):
        Manifest.parse(f"{text}arch=aarch64\n".encode())


def test_a_manifest_without_bounds_is_refused(text: str) -> None:
    with pytest.raises(ArtifactRefused, match="larger"):
        Manifest.parse(text.encode() + b"x=" + b"x" * MAX_BYTES + b"\n")


def test_a_manifest_that_was_cut_anywhere_is_refused(text: str) -> None:
    raw = text.encode()
    for length in range(len(raw)):
        with pytest.raises(ArtifactRefused):
            Manifest.parse(raw[:length])


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(raw: bytes) -> None:
    with pytest.raises(ArtifactRefused):
        Manifest.parse(raw)
