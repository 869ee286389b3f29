# SPDX-License-Identifier: GPL-2.0-only
"""What has to stand in more than one place (shell, Python, Python of a minion that has
the standard library alone, C) says the same everywhere."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest
from extension_files import Modules, load_modules
from node_trees import CHECKOUT

from toa_fleet import fingerprint, manifest, node_program, parameters, protocol, sources

PROGRAM = node_program.join().decode()
PROTOCOL = (CHECKOUT / "docs/node-protocol.md").read_text()


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return load_modules(tmp_path_factory.mktemp("cache"))


def of_shell(name: str) -> str:
    """The value of a variable that a part of toa-node sets."""
    found = re.findall(rf"^{name}=(['\"]?)(.*)\1$", PROGRAM, re.MULTILINE)
    assert len(found) == 1, name
    return str(found[0][1])


def test_the_hard_fields(modules: Modules) -> None:
    assert tuple(of_shell("HARD_FIELDS").split()) == fingerprint.HARD_FIELDS
    assert set(modules.artifact._HARD_FIELDS) == set(fingerprint.HARD_FIELDS)
    assert set(of_shell("MAY_BE_EMPTY").split()) == fingerprint.MAY_BE_EMPTY
    assert modules.artifact._MAY_BE_EMPTY == fingerprint.MAY_BE_EMPTY
    rows = re.findall(r"^\| `(\w+)` \| .* \| (no|yes) \|$", PROTOCOL, re.MULTILINE)
    assert [name for name, _ in rows] == list(fingerprint.HARD_FIELDS)
    assert {name for name, may in rows if may == "yes"} == fingerprint.MAY_BE_EMPTY


def test_the_classes_of_failures(modules: Modules) -> None:
    block = PROGRAM[PROGRAM.index("status_of_class() {") :]
    words = re.findall(r"^    ([a-z-]+|\*)\) R=(\d) ;;$", block[: block.index("\n}")], re.MULTILINE)
    told = {int(status): word.replace("*", "node") for word, status in words}
    assert {0: "done", **told} == protocol.CLASSES
    assert told == modules.node._CLASSES
    rows = re.findall(r"^\| (\d) \| `([a-z-]+)` \|", PROTOCOL, re.MULTILINE)
    assert {int(status): word for status, word in rows} == told


def test_the_parameters_that_push_takes(modules: Modules) -> None:
    ours = parameters._PARAMETERS
    assert {name: each.default for name, each in ours.items()} == modules.parameters.defaults()
    running = {name for name, each in ours.items() if each.while_running}
    assert running == modules.parameters._WRITABLE
    for words in ("kinds=254,200 trusted=10.1.2.3/8,::1", "netns=init,7 max_connections=05"):
        pairs = dict(word.split("=") for word in words.split())
        assert parameters.Parameters.parse(words).values == modules.parameters.checked(pairs)


def test_the_bounds_of_answers_and_manifests(modules: Modules) -> None:
    assert modules.node._MAX_OUTPUT == protocol.MAX_OUTPUT
    assert modules.node._MAX_VALUE == protocol.MAX_VALUE
    assert modules.node._KEY.pattern == protocol._KEY.pattern.decode() == manifest._KEY.pattern
    assert modules.artifact._KEY.pattern == manifest._KEY.pattern
    assert int(of_shell("MAX_MANIFEST")) == modules.artifact._MAX_MANIFEST == manifest.MAX_BYTES


#: Whether each is a source of toa.ko; builds, editors and git leave the others.
FILES = {
    **dict.fromkeys(("Makefile", "Kbuild", "main.c", "have/kstrtou8.c", "selftest/wire.h"), True),
    **dict.fromkeys(("toa.ko", "main.o", "x.a", "toa.mod", "toa.mod.c", ".main.o.cmd"), False),
    **dict.fromkeys(("Module.symvers", "modules.order", "selftest/toa-selftest"), False),
    **dict.fromkeys(("have.h", "have.log", ".git/config", ".tmp_versions/toa.mod"), False),
    **dict.fromkeys(("main.d", "main.c~", "lint.py", "__pycache__/x.c", ".#main.c"), False),
}


def test_what_is_a_source_of_the_module(modules: Modules, tmp_path: Path) -> None:
    kmod = tmp_path / "kmod"
    for name in FILES:
        (kmod / name).parent.mkdir(parents=True, exist_ok=True)
        (kmod / name).write_text("")
    wanted = sorted(name for name, is_source in FILES.items() if is_source)
    assert [name for name, _ in sources.kmod_sources(kmod)] == wanted
    with modules.artifact.staged_sources(str(kmod)) as directory:
        assert modules.places.files(directory) == wanted
    (tmp_path / "stage").mkdir()
    part = (node_program.FOLDER / "build/source.sh").read_text()
    script = (
        "find_source() { :; }; find_layout() { :; }; hash_source() { exit; }\n"
        f"{part[part.index('stage_source() {') : part.index('# Where the source lies')]}\n"
        f"STAGE={tmp_path}/stage build_from={kmod} MAKE_IN=; stage_source\n"
    )
    subprocess.run(["sh", "-c", script], check=True)
    assert modules.places.files(str(tmp_path / "stage/build")) == wanted


def test_the_modules_parameters(modules: Modules) -> None:
    source = (CHECKOUT / "kmod/main.c").read_text()
    declared = re.findall(r"^module_param(?:_cb)?\((\w+), .*, (0\d+)\);", source, re.MULTILINE)
    modes = {name: int(mode, 8) for name, mode in declared if name != "hooks"}
    defaults = modules.parameters.defaults()
    assert set(defaults) == set(modes)
    writable = {name for name, mode in modes.items() if mode & 0o200}
    assert set(modules.parameters.defaults(while_running=True)) == writable
    # "(default 254)", "(default: everyone is believed)", "all (the default)"
    described = dict(re.findall(r'^MODULE_PARM_DESC\((\w+), "(.*)"\);', source, re.MULTILINE))
    shown = {"everyone": "", "no": "N"}
    for name, value in defaults.items():
        found = re.search(r"\(default:? (\w+)|(\w+) \(the default\)", described[name])
        assert found, name
        word = found[1] or found[2]
        assert shown.get(word, word) == value
    page = (CHECKOUT / "docs/module.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \| ", page, re.MULTILINE)
    assert {name for name, _ in rows} == set(modes)
    assert {name for name, may in rows if may == "yes"} == writable


def test_a_minion_joins_the_program_as_toa_fleet_does(modules: Modules, tmp_path: Path) -> None:
    wanted = (node_program.FOLDER / "toa-node.sha256").read_text()[:64]
    modules.node._join(str(node_program.FOLDER), str(tmp_path / "toa-node"), wanted)
    assert (tmp_path / "toa-node").read_bytes() == node_program.join()


def test_the_stand_in_node_knows_the_real_ones_limits() -> None:
    real = node_program.limits(node_program.join())
    stand_in = (CHECKOUT / "tests/fleet/stand_in_node.sh").read_bytes()
    known = node_program.limits(stand_in)
    assert known
    assert known == {verb: real[verb] for verb in known}


def real_keys() -> re.Pattern[str]:
    """The keys that the real one may answer with: `say KEY`, where $... is any text."""
    literal = re.findall(r"^[^#\n]*\bsay \"?([a-z$][^\s\"]*)", PROGRAM, re.MULTILINE)
    assert len(literal) > 80
    patterns = {re.sub(r"\\\$.*", ".+", re.escape(each)) for each in literal} - {".+"}
    hard = [re.escape(field) for field in fingerprint.HARD_FIELDS]
    return re.compile("|".join([*patterns, *hard, "begin", "end", r"base64\..+", r"mismatch\..+"]))


def keys_of(stand_in: Path) -> set[str]:
    """The keys that a stand-in answers with: its texts that begin like KEY=."""
    text = stand_in.read_text()
    if stand_in.suffix == ".sh":
        heredoc = re.findall(r"<<STATE\n(.*?)\nSTATE\n", text, re.DOTALL)
        texts = [*"\n".join(heredoc).split("\n"), *re.findall(r"echo \"?([^\"\n]*)", text)]
    else:
        constants = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
        texts = [node.value for node in constants if isinstance(node.value, str)]
    return {each.group(1) for text in texts if (each := re.match(r"([a-z][a-z0-9_.]*)=", text))}


@pytest.mark.parametrize("name", ["fleet/stand_in_node.sh", "salt/stand_in_node.py"])
def test_a_stand_in_node_says_no_key_that_the_real_one_does_not(name: str) -> None:
    keys = keys_of(CHECKOUT / "tests" / name)
    assert len(keys) > 8
    assert [key for key in sorted(keys) if not real_keys().fullmatch(key)] == []
