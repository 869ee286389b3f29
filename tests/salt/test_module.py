# SPDX-License-Identifier: GPL-2.0-only
"""The execution module in a real Salt, with the real toa-node: on this host only
what changes nothing, on a tree what toa-node can do there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from minions import Failed, Minion
from node_trees import CHECKOUT, Tree, make_artifact

pytestmark = pytest.mark.every_salt

FUNCTIONS = (
    *("artifacts", "available", "boot", "build", "defaults", "deploy", "fingerprint", "gates"),
    *(
        "install",
        "legacy_kernel",
        "load",
        "manifest",
        "parameters",
        "problems",
        "remove",
        "send_to_master",
    ),
    *("source_hash", "stats", "status", "toolchain", "unload", "verify"),
)


def test_a_checkout_among_the_file_roots_is_all_that_is_needed(minion: Minion) -> None:
    facts = minion.call("toa.fingerprint")
    assert facts["kernel_release"] == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert isinstance(facts["page_size"], int)
    assert isinstance(facts["headers"], bool)
    assert len(facts["fingerprint"]) == 16


def test_status_is_facts_gates_and_the_state_of_toa(minion: Minion) -> None:
    known = minion.call("toa.status")
    assert known["fingerprint"] == minion.call("toa.fingerprint")["fingerprint"]
    assert set(known["gates"]["root"]) == {"open", "reason"}
    assert known["loaded"] is Path("/sys/module/toa").exists()
    assert minion.call("toa.gates").keys() == known["gates"].keys()


def test_the_sources_hash_as_toa_fleet_hashes_them(minion: Minion) -> None:
    sources = pytest.importorskip("toa_fleet.sources")
    expected = sources.source_hash(sources.kmod_sources(CHECKOUT / "kmod"))
    assert minion.call("toa.source_hash") == expected
    assert minion.call("toa.source_hash", str(CHECKOUT / "kmod")) == expected


def test_every_function_has_a_document_with_an_example(minion: Minion) -> None:
    documents = minion.call("sys.doc", "toa")
    assert set(documents) == {f"toa.{name}" for name in FUNCTIONS}
    for name, text in documents.items():
        assert re.search(rf"\n +salt '(\*|reference\*|old\*)' {name}\b", text), name
        for argument in minion.call("sys.argspec", name)[name]["args"] or ():
            assert argument == "node_program" or f"\n    {argument}\n" in text, (name, argument)


def test_every_state_has_a_document_with_an_example(minion: Minion) -> None:
    documents = minion.call("sys.state_doc", "toa")
    for name, text in documents.items():
        assert name == "toa" or f" {name}:\n" in text or f" {name}: []\n" in text, name


#: Which of ours a minion with these options has, and why not.
_LOADED = """
import json, sys, salt.config, salt.loader
opts = salt.config.minion_config(sys.argv[1])
opts.update(json.loads(sys.argv[2]), grains={})
modules = salt.loader.minion_mods(opts)
states = salt.loader.states(opts, modules, {}, {})
beacons = salt.loader.beacons(opts, modules)
names = {"toa.status": modules, "toa.present": states, "toa.beacon": beacons}
print(json.dumps([
    sorted(name for name, loader in names.items() if name in loader),
    modules.missing_fun_string("toa.status"),
]))
"""


def test_a_proxy_minion_leaves_the_kernel_alone_that_it_runs_on(minion: Minion) -> None:
    def loaded(**options: object) -> tuple[list[str], str]:
        done = subprocess.run(
            [str(minion.python), "-c", _LOADED, str(minion.home / "minion"), json.dumps(options)],
            capture_output=True,
            text=True,
            check=True,
        )
        names, why = json.loads(done.stdout.splitlines()[-1])
        return names, why

    minion.call("toa.problems")
    assert loaded()[0] == ["toa.beacon", "toa.present", "toa.status"]
    names, why = loaded(proxy={"proxytype": "dummy"})
    assert names == []
    assert "a proxy minion's device is not the system" in why


def test_an_installation_is_taken_back_whole(
    minion: Minion, tree: Tree, program: str, tmp_path: Path
) -> None:
    before = tree.content()
    artifact = make_artifact(tmp_path / "artifact", tree.facts)
    installed = minion.call("toa.install", str(tmp_path / "artifact"), node_program=program)
    assert installed["changed"] is True
    assert installed["persistent"] is True
    assert minion.call("toa.artifacts", node_program=program) == [
        {
            "fingerprint": artifact["fingerprint"],
            "artifact": artifact["artifact"],
            "current": True,
        }
    ]
    again = minion.call("toa.install", str(tmp_path / "artifact"), node_program=program)
    assert again["changed"] is False
    assert minion.call("toa.remove", node_program=program)["changed"] is True
    assert tree.content() == before


def test_an_artifact_comes_from_the_fileserver(minion: Minion, tree: Tree, program: str) -> None:
    facts = tree.facts
    served = minion.artifacts / facts["fingerprint"]
    artifact = make_artifact(served, facts)
    try:
        offer = minion.call("toa.available", node_program=program)
        assert offer["source"] == f"salt://toa/artifacts/{facts['fingerprint']}"
        assert offer["manifest"]["artifact"] == artifact["artifact"]
        assert minion.call("toa.install", offer["source"], node_program=program)["changed"] is True
        (served / "toa.ko").unlink()
        with pytest.raises(Failed, match=r"the fileserver has no salt://toa/.*/toa\.ko"):
            minion.call("toa.install", offer["source"], node_program=program)
    finally:
        shutil.rmtree(served)


def test_the_nearest_artifact_is_named_with_the_fields_that_differ(
    minion: Minion, tree: Tree, program: str, tmp_path: Path
) -> None:
    facts = tree.facts
    near = {**facts, "os_version_id": "13", "fingerprint": "1" * 16}
    far = {**near, "kernel_release": "5.10", "kernel_version": "#1", "fingerprint": "2" * 16}
    make_artifact(tmp_path / "served" / near["fingerprint"], near)
    make_artifact(tmp_path / "served" / far["fingerprint"], far)
    offer = minion.call("toa.available", str(tmp_path / "served"), node_program=program)
    assert offer["found"] is False
    assert offer["reason"].endswith(
        "the nearest, 1111111111111111, differs in os_version_id: artifact 13, node 12"
    )


def test_an_artifact_fits_although_a_field_is_empty_on_one_side(
    minion: Minion, tree: Tree, program: str, tmp_path: Path
) -> None:
    facts = {**tree.facts, "kernel_build_id": "ab" * 20, "fingerprint": "3" * 16}
    make_artifact(tmp_path / "served" / facts["fingerprint"], facts)
    offer = minion.call("toa.available", str(tmp_path / "served"), node_program=program)
    assert offer["found"] is True
    assert offer["source"].endswith("3" * 16)


def test_building_says_what_is_missing_and_leaves_nothing(
    minion: Minion, tree: Tree, program: str, tmp_path: Path
) -> None:
    with pytest.raises(Failed, match=r"linux-headers-6\.1\.0-99-amd64"):
        minion.call("toa.build", str(tmp_path / "output"), node_program=program)
    assert not (tmp_path / "output").exists()


@pytest.mark.skipif(not shutil.which("gcc") or not shutil.which("make"), reason="no gcc or make")
def test_what_is_built_from_the_served_sources_can_be_installed(
    minion: Minion, tree: Tree, program: str, tmp_path: Path
) -> None:
    tree.give_headers()
    output = str(tmp_path / "output")
    built = minion.call("toa.build", output, node_program=program)
    assert built["manifest"]["source"] == minion.call("toa.source_hash")
    assert sorted(path.name for path in (tmp_path / "output").iterdir()) == [
        *("manifest", "toa-selftest", "toa.ko"),
    ]
    found = minion.call("toa.manifest", output)
    assert found.pop("artifact") == built["artifact"]
    assert found == built["manifest"]
    assert minion.call("toa.install", output, node_program=program)["changed"] is True


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (("toa.verify",), "nothing to verify"),
        (("toa.install", "/nowhere"), "no whole artifact"),
        (("toa.install", "salt://nowhere"), "the fileserver has no salt://nowhere/toa.ko"),
        (("toa.build", "relative"), "output must be an absolute path"),
        (("toa.source_hash", "salt://nowhere"), "there are no sources of toa.ko"),
        (("toa.manifest", "/nowhere"), "there is no manifest in /nowhere"),
    ],
)
def test_failures_are_one_readable_line(
    minion: Minion, program: str, call: tuple[str, ...], message: str
) -> None:
    options = {} if "hash" in call[0] or "manifest" in call[0] else {"node_program": program}
    with pytest.raises(Failed) as error:
        minion.call(*call, **options)
    assert error.value.kind == "CommandExecutionError"
    assert message in error.value.message
    assert "\n" not in error.value.message


class TestTheCommand:
    """salt-call itself: what an operator sees."""

    def test_it_prints_typed_values(self, minion: Minion) -> None:
        done = minion.salt_call("--out=json", "toa.fingerprint")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["local"] == {
            **minion.call("toa.fingerprint"),
            "uptime": json.loads(done.stdout)["local"]["uptime"],
        }

    def test_it_fails_without_a_traceback(self, minion: Minion) -> None:
        done = minion.salt_call("toa.load", "node_program=/nowhere/toa-node")
        assert done.returncode != 0
        assert "the node program /nowhere/toa-node is not there" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr

    def test_it_says_where_the_program_could_come_from(
        self, minion: Minion, tmp_path: Path
    ) -> None:
        """A minion that has the modules, but no checkout and no package."""
        for directory in ("_modules", "_states"):
            shutil.copytree(CHECKOUT / directory, tmp_path / "roots" / directory)
        home = tmp_path / "home"
        config = json.loads((minion.home / "minion").read_text())
        config = {
            key: value.replace(str(minion.home), str(home)) if isinstance(value, str) else value
            for key, value in config.items()
        }
        config["file_roots"] = {"base": [str(tmp_path / "roots")]}
        home.mkdir()
        (home / "minion").write_text(json.dumps(config))
        done = minion.salt_call("--config-dir", str(home), "saltutil.sync_all")
        assert done.returncode == 0, done.stderr
        done = minion.salt_call("--config-dir", str(home), "toa.status")
        assert "toa-node is nowhere to be found; add a checkout" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
