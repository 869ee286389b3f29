# SPDX-License-Identifier: GPL-2.0-only
"""The bundle: program and parts, back to back, on standard input."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from node_support import PROGRAM, Answer, artifact_id, node, snapshot

Part = tuple[str, bytes]


def parts_of(artifact: Path) -> list[Part]:
    """The parts of a push."""
    names = ("toa.ko", "manifest", "toa-selftest")
    return [("toa-node", PROGRAM.read_bytes()), *((n, (artifact / n).read_bytes()) for n in names)]


def arguments(parts: Sequence[Part]) -> list[str]:
    """--part NAME:SIZE:SHA256 of each."""
    found = []
    for name, data in parts:
        found += ["--part", f"{name}:{len(data)}:{hashlib.sha256(data).hexdigest()}"]
    return found


def push(shell: str, tree: Path, words: Sequence[str], bundle: bytes) -> Answer:
    """What follows once the bootstrap has stored a bundle."""
    staging = tree / "var/lib/toa/.staging.1"
    staging.mkdir(parents=True)
    (staging / "bundle").write_bytes(bundle)
    program = staging / "toa-node"
    program.write_bytes(PROGRAM.read_bytes())
    return node(shell, "install", "--staging", staging, *words, root=tree, program=program)


def test_a_whole_bundle_is_installed(shell: str, artifact: Path, tree: Path) -> None:
    parts = parts_of(artifact)
    answer = push(shell, tree, arguments(parts), b"".join(data for _, data in parts)).done()
    assert answer["artifact"] == artifact_id(artifact)
    assert (tree / "var/lib/toa/toa-node").read_bytes() == PROGRAM.read_bytes()
    assert node(shell, "status", root=tree).done()["persistent"] == "yes"


@pytest.mark.parametrize("cut", [1, 100, 5000])
def test_a_transfer_that_was_cut_is_noticed_before_anything_happens(
    shell: str, cut: int, artifact: Path, tree: Path
) -> None:
    parts = parts_of(artifact)
    answer = push(shell, tree, arguments(parts), b"".join(data for _, data in parts)[:-cut])
    assert "cut short" in answer.failed("node")["detail"]
    assert not (tree / "var/lib/toa/toa-node").exists()


def test_a_part_that_changed_on_its_way_is_noticed(shell: str, artifact: Path, tree: Path) -> None:
    parts = parts_of(artifact)
    bundle = bytearray(b"".join(data for _, data in parts))
    bundle[len(parts[0][1]) + 200] ^= 1
    answer = push(shell, tree, arguments(parts), bytes(bundle)).failed("node")
    assert "toa.ko" in answer["detail"] and "damaged" in answer["detail"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "./evil", "a//b", "evil/", "a b", "$(evil)", "a;b", "..",
     "", "a\nb", "*"],
)  # fmt: skip
def test_a_bad_name_is_refused_before_anything_is_unpacked(
    shell: str, name: str, tree: Path
) -> None:
    word = f"{name}:4:{hashlib.sha256(b'evil').hexdigest()}"
    before = set(snapshot(tree))
    push(shell, tree, ["--part", word], b"evil").failed("usage")
    left = set(snapshot(tree)) - before
    assert not [path for path in left if "evil" in path or "parts" in path]


@pytest.mark.parametrize(
    "word",
    ["x", "x:1", "x:-1:" + "0" * 64, "x:99999999999999999999:" + "0" * 64, "x:1:abc",
     "x:1:" + "g" * 64],
)  # fmt: skip
def test_a_malformed_part_is_a_usage_error(shell: str, word: str, tree: Path) -> None:
    push(shell, tree, ["--part", word], b"x").failed("usage")


def test_a_name_given_twice_is_refused(shell: str, tree: Path) -> None:
    push(shell, tree, arguments([("a", b"1"), ("a", b"2")]), b"12").failed("usage")


def test_empty_parts_and_parts_in_folders_arrive_whole(shell: str, tree: Path) -> None:
    parts = [("toa-node", PROGRAM.read_bytes()), ("kmod/a/b.c", b"int x;\n"), ("kmod/empty", b"")]
    answer = push(shell, tree, arguments(parts), b"".join(data for _, data in parts))
    assert "toa.ko is missing" in answer.failed("mismatch")["detail"]
    unpacked = tree / "var/lib/toa/.staging.1/parts"
    assert (unpacked / "kmod/a/b.c").read_bytes() == b"int x;\n"
    assert (unpacked / "kmod/empty").read_bytes() == b""
