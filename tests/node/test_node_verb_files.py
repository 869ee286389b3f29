# SPDX-License-Identifier: GPL-2.0-only
"""The verbs that stand in files of their own: found beside toa-node or in its bundle."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from node_support import PROGRAM, SHELLS, Answer, make_tree, node, run

from toa_fleet import bundle, resources

VERBS = ("toolchain", "legacy-kernel")


@pytest.fixture
def gentoo(tmp_path: Path) -> Path:
    """A tree without a package manager: a verb that was found has to say so."""
    return make_tree(tmp_path / "tree", os_release="ID=gentoo\n")


def bundled(shell: str, tree: Path, verb: str, parts: list[bundle.Part]) -> Answer:
    """What the bootstrap runs, with the staging below that tree."""
    program = PROGRAM.read_bytes()
    staging = tree / "var/lib/toa/.staging.1"
    staging.mkdir(parents=True)
    everything = [bundle.Part("toa-node", program), *parts]
    (staging / "bundle").write_bytes(b"".join(part.data for part in everything))
    (staging / "toa-node").write_bytes(program)
    named = [word for part in everything for word in ("--part", part.argument())]
    words = [str(staging / "toa-node"), "--root", str(tree), verb, "--staging", str(staging)]
    return run([*SHELLS[shell], *words, *named])


def is_found(answer: Answer) -> bool:
    """Whether the verb itself answered."""
    return "package manager" in answer.failed("node")["detail"]


def test_the_contents_at_the_top_of_the_program_are_its_headings() -> None:
    text = PROGRAM.read_text()
    block = re.search(r"^# Contents: .*\n((?:#   .*\n)+)#\n", text, re.MULTILINE)
    assert block
    listed = [re.split(" {2,}", line[4:])[0] for line in block[1].splitlines()]
    headings = re.findall(r"^# -{70,}\n# (.*)\n", text, re.MULTILINE)
    assert len(listed) == len(headings) > 10
    for title, heading in zip(listed, headings):
        assert heading.startswith(title)


def test_a_verb_file_beside_the_program_is_found(shell: str, gentoo: Path) -> None:
    assert is_found(node(shell, "toolchain", root=gentoo))


def test_a_verb_file_is_found_from_within_the_directory(shell: str, gentoo: Path) -> None:
    script = f"cd {PROGRAM.parent} && exec {' '.join(SHELLS[shell])} toa-node --root {gentoo} "
    assert is_found(run(["sh", "-c", script + "toolchain"]))


def test_a_verb_file_in_the_bundle_is_found(shell: str, gentoo: Path) -> None:
    parts = [bundle.Part(*resources.verb_file("toolchain"))]
    assert is_found(bundled(shell, gentoo, "toolchain", parts))


def test_read_from_standard_input_nothing_of_the_directory_is_believed(
    shell: str, gentoo: Path, tmp_path: Path
) -> None:
    """The program's name is the shell's then, and a file of that name is anybody's."""
    name = {"busybox": "sh"}.get(shell, SHELLS[shell][0])
    (tmp_path / name).write_bytes(PROGRAM.read_bytes())
    (tmp_path / "verbs").mkdir()
    (tmp_path / "verbs/toolchain.sh").write_text("echo believed; exit 0\n")
    answer = run(
        [
            "env",
            "-C",
            str(tmp_path),
            *SHELLS[shell],
            "-s",
            "--",
            "--root",
            str(gentoo),
            "toolchain",
        ],
        stdin=PROGRAM.read_bytes(),
    )
    assert "believed" not in answer.stdout
    assert "neither beside toa-node nor was it sent along" in answer.failed("node")["detail"]


@pytest.mark.parametrize("verb", VERBS)
def test_without_its_file_a_verb_says_what_to_do(
    shell: str, verb: str, gentoo: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(PROGRAM, tmp_path / "toa-node"))
    streamed = run(
        [*SHELLS[shell], "-s", "--", "--root", str(gentoo), verb], stdin=PROGRAM.read_bytes()
    )
    for answer in (
        node(shell, verb, root=gentoo, program=alone),
        streamed,
        bundled(shell, gentoo, verb, []),
    ):
        assert f"verbs/{verb}.sh" in answer.failed("node")["detail"]
        assert f"toa-fleet {verb}" in answer["hint"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_file_of_another_release_is_refused(
    shell: str, verb: str, gentoo: Path, tmp_path: Path
) -> None:
    program = Path(shutil.copy(PROGRAM, tmp_path / "toa-node"))
    copied = Path(shutil.copytree(PROGRAM.parent / "verbs", tmp_path / "verbs")) / f"{verb}.sh"
    copied.write_text(copied.read_text().replace(f"'{verb} 0.1.0'", f"'{verb} 0.0.9'"))
    answer = node(shell, verb, root=gentoo, program=program).failed("node")
    assert f"{verb} 0.0.9" in answer["detail"] and "same release" in answer["hint"]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_file_that_was_cut_runs_nothing(
    shell: str, verb: str, gentoo: Path, tmp_path: Path
) -> None:
    program = Path(shutil.copy(PROGRAM, tmp_path / "toa-node"))
    copied = Path(shutil.copytree(PROGRAM.parent / "verbs", tmp_path / "verbs")) / f"{verb}.sh"
    copied.write_text(copied.read_text()[: -len(f"LOADED_VERB='{verb} 0.1.0'\n")])
    answer = node(shell, verb, root=gentoo, program=program).failed("node")
    assert "same release" in answer["hint"]


def test_no_verb_file_takes_a_function_of_toa_node_away() -> None:
    """A shell has one name space, and a verb file is read last."""

    def functions(path: Path) -> set[str]:
        return set(re.findall(r"^(\w+)\(\)", path.read_text(), re.MULTILINE))

    for verb in VERBS:
        assert functions(PROGRAM) & functions(PROGRAM.parent / f"verbs/{verb}.sh") == set()
