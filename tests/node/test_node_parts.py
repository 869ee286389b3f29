# SPDX-License-Identifier: GPL-2.0-only
"""toa-node's walls: its parts, what each may call, and that nothing stands twice."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from joined import PROGRAM
from lint import remarks
from node_support import ROOT, SHELLS, node
from shell_reader import functions, made_names, words

from toa_fleet import bundle, node_program

PARTS = {name: (node_program.FOLDER / name).read_text() for name in node_program.part_names()}
#: The part that defines a function.
HOME = {name: part for part, text in PARTS.items() for name in functions(text)}
#: The program's own words for its options: OPTION VALUE VARIABLE VERBS WHAT.
OPTIONS = re.findall(
    r"^    \"\$1\" (--[a-z0-9-]+) (\S+) (\w+) '([^']+)' '([^']+)'$",
    PARTS["command-line/options.sh"],
    re.MULTILINE,
)
VERBS = re.findall(r"^register_verb ([a-z-]+) \d+ '[^']+'", "\n".join(PARTS.values()), re.MULTILINE)


def test_every_part_stands_in_the_list_of_contents_once() -> None:
    files = {str(path.relative_to(node_program.FOLDER)) for path in node_program.FOLDER.rglob("*")}
    files = {name for name in files if (node_program.FOLDER / name).is_file()}
    assert files - {"contents", "toa-node.sha256"} == set(PARTS)
    assert len(node_program.part_names()) == len(PARTS)


def test_the_hash_beside_the_parts_is_that_of_the_program() -> None:
    """By it a minion knows whether to fetch the parts; `make node` writes it."""
    digest = hashlib.sha256(node_program.join()).hexdigest()
    assert (node_program.FOLDER / "toa-node.sha256").read_text() == f"{digest}  toa-node\n"


def test_a_part_is_no_longer_than_one_can_hold_in_the_head() -> None:
    lengths = {name: text.count("\n") for name, text in PARTS.items()}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


@pytest.mark.parametrize("name", [name for name in PARTS if name != "program.sh"])
def test_a_part_says_in_its_first_lines_what_it_is(name: str) -> None:
    licence, what, *_ = PARTS[name].splitlines()
    assert licence == "# SPDX-License-Identifier: GPL-2.0-only"
    assert what.startswith(("# ", "register_verb "))


def test_a_function_is_defined_once() -> None:
    defined = Counter(name for text in PARTS.values() for name in functions(text))
    assert [name for name, times in defined.items() if times > 1] == []


def test_a_part_calls_only_parts_above_it() -> None:
    floor = {name: number for number, name in enumerate(PARTS)}
    downwards = [
        f"{part} calls {name} of {HOME[name]}"
        for part, text in PARTS.items()
        for name in sorted(words(text) & HOME.keys())
        if floor[HOME[name]] > floor[part]
    ]
    assert downwards == []


def test_no_function_is_there_that_nobody_calls() -> None:
    made = list(itertools.chain.from_iterable(map(made_names, PARTS.values())))
    calls = Counter(
        name for text in PARTS.values() for name in re.findall(r"(?<![\w-])[a-z_]\w*", text)
    )
    unused = [
        name for name in HOME if calls[name] < 2 and not any(map_.match(name) for map_ in made)
    ]
    assert unused == []


def test_the_reader_of_these_tests_sees_calls_and_only_calls() -> None:
    text = """a() {
    b "$(c 'd' "e")" && "$f" # g
    h=${i:-"$(j)"} k \\l
    $((m + 1))
}
"""
    assert functions(text) == ["a"]
    assert {"b", "c", "j", "k"} <= words(text)
    assert not {"d", "e", "f", "g", "i", "m"} & words(text)


def test_every_option_is_told_in_help() -> None:
    told = node("dash", "help").stdout
    table = PARTS["command-line/options.sh"]
    assert len(OPTIONS) == table.count('"$1" --') > 25
    for option, value, _, verbs, _ in OPTIONS:
        assert f"  {option}" in told
        assert verbs == "*" or set(verbs.split()) <= set(VERBS)
        assert value == "-" or f"{option} {value}".replace("'", "") in told


def test_the_page_of_the_options_is_what_help_says() -> None:
    """`make node` writes it."""
    assert (ROOT / "docs/toa-node-help.txt").read_text() == node("dash", "help").stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_told_in_help_and_in_the_protocol(verb: str) -> None:
    assert f"\n  {verb} " in node("dash", "help").stdout
    assert f"| `{verb}` |" in (ROOT / "docs/node-protocol.md").read_text()


def test_every_gate_and_boot_system_is_told_in_the_protocol() -> None:
    everything = "\n".join(PARTS.values())
    page = (ROOT / "docs/node-protocol.md").read_text()
    told = re.findall(r"^register_(?:gate|boot_system) (\S+)", everything, re.MULTILINE)
    assert len(told) > 15
    assert [name for name in told if f"| `{name}`" not in page] == []


def test_help_is_the_same_in_every_shell(shell: str) -> None:
    assert node(shell, "help").stdout == node("dash", "help").stdout


def test_shellcheck_finds_what_was_spoilt_and_names_the_part_and_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("NOT TESTED: shellcheck is not installed")
    folder = Path(shutil.copytree(node_program.FOLDER, tmp_path / "node"))
    part = folder / "store/lock.sh"
    part.write_text(part.read_text() + "spoilt() {\n    echo $STORE\n}\n")
    line = part.read_text().count("\n") - 1
    monkeypatch.setattr("lint.join", lambda: node_program.join(folder))
    remark, *others = remarks()
    assert remark.startswith(f"toa_fleet/node/store/lock.sh:{line}:")
    assert others == []


def test_a_line_of_the_program_is_found_in_its_part() -> None:
    program = node_program.join().decode()
    lines = program.splitlines()
    for number in [1, 30, *range(100, len(lines), 97), len(lines)]:
        part, line = node_program.place(program, number)
        if line > 0:  # 0 is the line with the name above the part
            assert [*PARTS[part].splitlines(), ""][line - 1] == lines[number - 1]


def test_what_was_cut_before_its_last_line_does_nothing(shell: str) -> None:
    program = PROGRAM.read_bytes()
    last = program.rstrip(b"\n").rindex(b"\n") + 1
    words_ = [*SHELLS[shell], "-s", "--", "status"]
    done = subprocess.run(words_, input=program[:last], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_a_shells_complaint_names_the_part_and_its_line(shell: str) -> None:
    program = PROGRAM.read_bytes()
    spoilt = program.replace(b"find_uid() {\n", b"find_uid() {\n    no-such-command\n", 1)
    request = bundle.plain(spoilt, "status", packed=False)
    words_ = [*SHELLS[shell], *request.argv[1:]]
    done = subprocess.run(words_, input=spoilt, capture_output=True, text=False, check=False)
    said = node_program.name_places(spoilt, done.stderr.decode())
    assert "no-such-command" in said
    before, _, _ = PARTS["facts/recorded.sh"].partition("find_uid() {")
    line = before.count("\n") + 2
    # busybox counts from 0 here; mksh tells no line.
    wanted = [f"(facts/recorded.sh:{number})" for number in (line, line - 1)]
    assert shell == "mksh" or any(each in said for each in wanted), said
