# SPDX-License-Identifier: GPL-2.0-only
"""The other commands, over a real sshd, with a stand-in for toa-node."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Callable

import pytest

from fleet.loopback import Fleet, Node
from toa_fleet.store import Store

Run = Callable[..., Any]
Fields = dict[str, str]
Files = Callable[..., dict[str, bytes]]


def _builds(node: Node, files: dict[str, bytes]) -> Node:
    """Have the stand-in's "compiler" make these files."""
    built = node.directory / "built"
    built.mkdir(exist_ok=True)
    for name, data in files.items():
        (built / name).write_bytes(data)
    return node


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree that passes for kmod/, with leftovers of a build in it."""
    tree = tmp_path / "kmod"
    (tree / "selftest").mkdir(parents=True)
    for name in ("Makefile", "Kbuild", "main.c", "selftest/toa-selftest.c"):
        (tree / name).write_text(f"# {name}\n")
    for name in ("main.o", "toa.ko", "toa.mod.c", ".main.o.cmd", "selftest/toa-selftest"):
        (tree / name).write_text("a leftover")
    return tree


def test_build_sends_the_sources_alone_and_stores_what_comes_back(
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_files: Files,
    source: Path,
    tmp_path: Path,
) -> None:
    node = _builds(fleet.node().be(fields), artifact_files(fields))
    outcome = toa_fleet("build", "--on", node.name, "--source", source)
    assert outcome.status == 0, outcome.text
    assert node.read("parts").split() == [
        "toa-node",
        "kmod/Kbuild",
        "kmod/Makefile",
        "kmod/main.c",
        "kmod/selftest/toa-selftest.c",
    ]
    assert node.read("arguments").split() == ["--emit"]
    good, bad = Store(tmp_path / "store").load()
    assert not bad
    assert [dict(each.fingerprint.items()) for each in good] == [fields]

    pushed = toa_fleet("push", node.name)
    assert pushed.status == 0, pushed.text
    assert good[0].id in pushed.out


def test_sources_at_an_address_are_fetched_by_the_node(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_files: Files
) -> None:
    node = _builds(fleet.node().be(fields), artifact_files(fields))
    words = [
        "--source",
        "https://example.org/toa.git",
        "--revision",
        "v1",
        "--container",
        "image:1",
    ]
    assert toa_fleet("build", "--on", node.name, *words).status == 0
    assert node.read("parts").split() == ["toa-node"]
    assert node.read("arguments").split() == ["--emit", *words[4:], *words[:4]]
    # What lies there may be another thing tomorrow: it is built each time.
    assert toa_fleet("build", "--on", node.name, *words).status == 0
    assert node.read("arguments").split().count("--emit") == 2


def test_a_revision_of_a_local_directory_is_refused(
    fleet: Fleet, toa_fleet: Run, source: Path
) -> None:
    words = ["--on", fleet.node().name, "--source", source, "--revision", "v1"]
    outcome = toa_fleet("build", *words)
    assert outcome.status == 2 and "check that revision out" in outcome.err


def test_other_sources_are_sent_with_their_src(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_files: Files, tmp_path: Path
) -> None:
    node = _builds(fleet.node().be(fields), artifact_files(fields))
    (tmp_path / "other/src").mkdir(parents=True)
    for name in ("src/Makefile", "src/toa.c", "README"):
        (tmp_path / "other" / name).write_text("")
    assert toa_fleet("build", "--on", node.name, "--source", tmp_path / "other").status == 0
    assert "kmod/src/Makefile" in node.read("parts").split()


def test_push_passes_on_what_is_allowed(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Callable[..., Path]
) -> None:
    node = fleet.node().be(fields)
    words = ["--artifact", artifact_directory(fields), "--allow-unproven"]
    assert toa_fleet("push", node.name, *words).status == 0
    assert node.read("arguments").split() == ["--allow-unproven"]


def test_the_same_sources_are_built_once_unless_forced(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_files: Files, source: Path
) -> None:
    from toa_fleet.sources import kmod_sources, source_hash

    files = artifact_files(fields, source=source_hash(kmod_sources(source)))
    node = _builds(fleet.node().be(fields), files)
    assert toa_fleet("build", "--on", node.name, "--source", source).status == 0
    again = toa_fleet("build", "--on", node.name, "--source", source)
    assert again.status == 0
    assert "unchanged" in again.out
    assert len(node.commands) == 3
    assert toa_fleet("build", "--on", node.name, "--source", source, "--force").status == 0
    assert len(node.commands) == 5


def test_what_a_node_built_for_another_system_is_not_stored(
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_files: Files,
    source: Path,
    tmp_path: Path,
) -> None:
    other = artifact_files({**fields, "kernel_version": "#2"})
    node = _builds(fleet.node().be(fields), other)
    outcome = toa_fleet("build", "--on", node.name, "--source", source)
    assert outcome.status == 4
    assert "kernel_version" in outcome.out
    assert Store(tmp_path / "store").load() == ([], [])


def test_a_damaged_build_is_not_stored(
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_files: Files,
    source: Path,
    tmp_path: Path,
) -> None:
    files = artifact_files(fields)
    files["toa.ko"] = files["toa.ko"][:-200]
    node = _builds(fleet.node().be(fields), files)
    outcome = toa_fleet("build", "--on", node.name, "--source", source)
    assert outcome.status == 4
    assert "no sound artifact" in outcome.out
    assert Store(tmp_path / "store").load() == ([], [])


def test_a_reference_node_may_be_named_by_its_roster_id(
    fleet: Fleet,
    toa_fleet: Run,
    fields: Fields,
    artifact_files: Files,
    source: Path,
    tmp_path: Path,
) -> None:
    node = _builds(fleet.node().be(fields), artifact_files(fields))
    roster = tmp_path / "roster"
    roster.write_text(f"ref:\n  host: {node.address}\n  port: {node.port}\n")
    outcome = toa_fleet("build", "--on", "ref", "-i", roster, "--source", source)
    assert outcome.status == 0, outcome.text


def test_sources_that_are_none_are_a_local_error(
    fleet: Fleet, toa_fleet: Run, tmp_path: Path
) -> None:
    outcome = toa_fleet("build", "--on", fleet.node().name, "--source", tmp_path / "nowhere")
    assert outcome.status == 1
    assert "nowhere" in outcome.err


def test_fingerprint_groups_nodes_by_kind(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    names = [fleet.node(number).be(fields).name for number in (1, 2)]
    names.append(fleet.node(3).be({**fields, "os_version_id": "13"}).name)
    outcome = toa_fleet("fingerprint", *names)
    assert outcome.status == 0
    assert "3 nodes of 2 kinds" in outcome.out


def test_toolchain_brings_its_file_and_tells_what_was_installed(
    fleet: Fleet, toa_fleet: Run
) -> None:
    node = fleet.node()
    (node.directory / "toolchain").write_text("missing=gcc linux-headers-6.1\nchanged=yes\n")
    outcome = toa_fleet("toolchain", node.name)
    assert outcome.status == 0, outcome.text
    assert node.read("parts").split() == ["toa-node"]
    assert "gcc linux-headers-6.1" in outcome.out

    words = [
        "--kernel",
        "6.1-x",
        "--headers-package",
        "file:///h.deb",
        "--sha256",
        "0" * 64,
        "--dry-run",
    ]
    planned = toa_fleet("toolchain", node.name, *words, "--json")
    assert node.read("arguments").split() == words
    assert json.loads(planned.out)["nodes"][0]["outcome"] == "planned"
    assert json.loads(planned.out)["dry_run"] is True

    (node.directory / "toolchain").write_text("missing=\nchanged=no\n")
    assert "unchanged" in toa_fleet("toolchain", node.name).out


def test_files_of_this_machine_are_sent_along(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_files: Files, tmp_path: Path
) -> None:
    node = _builds(fleet.node().be(fields), artifact_files(fields))
    (node.directory / "toolchain").write_text("missing=\nchanged=no\n")
    (tmp_path / "h.deb").write_text("a package")
    (tmp_path / "toa.tar.gz").write_text("an archive")
    outcome = toa_fleet("toolchain", node.name, "--headers-package", tmp_path / "h.deb")
    assert outcome.status == 0, outcome.text
    assert "headers/h.deb" in node.read("parts").split()
    outcome = toa_fleet("build", "--on", node.name, "--source", tmp_path / "toa.tar.gz")
    assert outcome.status == 0, outcome.text
    assert node.read("parts").split() == ["toa-node", "source/toa.tar.gz"]
    assert node.read("arguments").split() == [
        *("--headers-package", "part:headers/h.deb"),
        *("--emit", "--source", "part:source/toa.tar.gz"),
    ]
    missing = toa_fleet("toolchain", node.name, "--headers-package", tmp_path / "none.deb")
    assert missing.status == 2 and "none.deb" in missing.err


def test_legacy_kernel_passes_its_options_on(fleet: Fleet, toa_fleet: Run) -> None:
    node = fleet.node()
    said = "kernel_release=2.6.32-toa\nreboot=due\nchanged=yes\n"
    (node.directory / "legacy-kernel").write_text(said)
    words = ["--extraversion", "-toa", "--source", "/linux.tar.gz", "--reboot"]
    outcome = toa_fleet("legacy-kernel", node.name, *words)
    assert outcome.status == 0, outcome.text
    assert "kernel 2.6.32-toa, reboot due" in outcome.out
    assert node.read("parts").split() == ["toa-node"]
    assert node.read("arguments").split() == ["--reboot", *words[:4]]


def test_unload_and_remove_of_what_is_not_there_are_as_wanted(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Callable[..., Path]
) -> None:
    node = fleet.node().be(fields)
    toa_fleet("push", node.name, "--artifact", artifact_directory(fields))
    for command, word in (("unload", "done"), ("unload", "unchanged"), ("remove", "unchanged")):
        outcome = toa_fleet(command, node.name, "--json")
        assert outcome.status == 0, outcome.text
        assert json.loads(outcome.out)["nodes"][0]["outcome"] == word


def test_audit_tells_who_carries_it_since_when_and_fails_where_it_is_missing(
    fleet: Fleet, toa_fleet: Run, fields: Fields, artifact_directory: Callable[..., Path]
) -> None:
    carries, lacks = (fleet.node(number).be(fields) for number in (1, 2))
    artifact = artifact_directory(fields)
    assert toa_fleet("push", carries.name, "--artifact", artifact).status == 0
    assert toa_fleet("audit", carries.name).status == 0

    outcome = toa_fleet("audit", carries.name, lacks.name, "--json")
    assert outcome.status == 3
    good, bad = json.loads(outcome.out)["nodes"]
    assert (good["state"], bad["state"]) == ("carried", "absent")
    assert good["last_change"]["outcome"] == "done"
    assert good["last_change"]["command"].startswith("push")
    assert bad["last_change"] is None
    assert bad["findings"][0]["remedy"]
    assert "carried" in toa_fleet("audit", carries.name).out


def test_json_has_its_documented_shape(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    outcome = toa_fleet("status", fleet.node().be(fields).name, "--json")
    document = json.loads(outcome.out)
    assert set(document) == {
        "toa_fleet",
        "schema",
        "command",
        "dry_run",
        "exit_status",
        "seconds",
        "counts",
        "warnings",
        "error",
        "nodes",
    }
    assert set(document["nodes"][0]) == {
        "host",
        "outcome",
        "class",
        "detail",
        "hint",
        "changed",
        "fingerprint",
        "artifact",
        "mismatch",
        "gates",
        "facts",
        "answer",
        "state",
        "findings",
        "last_change",
        "seconds",
    }
    assert document["schema"] == 1
    assert document["nodes"][0]["facts"]["kernel_release"] == fields["kernel_release"]
    assert document["nodes"][0]["gates"] == {"root": "open"}


def test_gates_names_what_keeps_toa_out_and_the_remedy_node_by_node(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    free, barred = (fleet.node(number).be(fields) for number in (1, 2))
    barred.write(
        "gates",
        "gate.root=open\ngate.blacklist=closed: module_blacklist=toa; reboot without it\n"
        "gate.lockdown=unknown: securityfs is not mounted\n",
    )
    assert toa_fleet("gates", free.name).status == 0
    outcome = toa_fleet("gates", free.name, barred.name)
    assert outcome.status == 3, outcome.text
    assert "blacklist: module_blacklist=toa; reboot without it" in outcome.out
    assert free.commands == barred.commands * 2 == ["gates"] * 2
    nodes = json.loads(toa_fleet("gates", "--json", free.name, barred.name).out)["nodes"]
    assert [node["outcome"] for node in nodes] == ["read", "refused"]
    assert [node["class"] for node in nodes] == ["", "gate"]
    assert nodes[1]["gates"]["blacklist"].startswith("closed: ")
    assert nodes[1]["facts"]["kernel_release"] == fields["kernel_release"]


def test_a_node_without_gzip_gets_it_unpacked(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    node = fleet.node().be(fields).with_commands()
    (node.directory / "bin/gzip").unlink()
    assert toa_fleet("status", node.name).status == 0
    assert node.commands == ["status", "status"]


def test_a_node_without_sh_is_told(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    node = fleet.node().be(fields).write("path", "/nonexistent")
    outcome = toa_fleet("status", node.name, "--json")
    assert json.loads(outcome.out)["nodes"][0]["class"] == "shell"


def test_usage_errors_name_file_and_line(fleet: Fleet, toa_fleet: Run, tmp_path: Path) -> None:
    inventory = tmp_path / "hosts"
    inventory.write_text("good\nbad host\n")
    outcome = toa_fleet("status", "-i", inventory)
    assert outcome.status == 2
    assert f"{inventory}:2" in outcome.err
    assert toa_fleet("status").status == 2
    assert toa_fleet("push", "x", "--parallel", "0").status == 2
    assert toa_fleet("push", "x", "--artifact", "/no/such").status == 2


def test_this_machine_is_a_node_too(
    toa_fleet: Run, tmp_path: Path, fields: Fields, monkeypatch: pytest.MonkeyPatch, fleet: Fleet
) -> None:
    node = fleet.node().be(fields)
    monkeypatch.setenv("NODE_DIR", str(node.directory))
    assert toa_fleet("status", "@local").status == 0
    node.write("misbehave", "hang")
    late = toa_fleet("status", "@local", "--timeout", "1")
    assert late.status == 4
    assert "longer than 1 s" in late.out
    node.write("misbehave", "flood")
    assert "longer than" in toa_fleet("status", "@local").out


def test_version_and_help_say_what_they_should(
    toa_fleet: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    from toa_fleet import __version__, cli

    assert cli.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert cli.run(["push", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Exit status" in shown
    assert "refused" in shown
    assert os.linesep in shown
