# SPDX-License-Identifier: GPL-2.0-only
"""The states in a real Salt, on a tree whose kernel a stand-in plays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from minions import Minion
from node_trees import CHECKOUT, PROGRAM, Tree, make_artifact

State = dict[str, Any]
Run = Callable[..., State]


@pytest.fixture
def run(minion: Minion, program: str) -> Run:
    """Runs a state of the tree."""

    def run(function: str, name: str = "toa", **options: Any) -> State:
        return minion.state(f"toa.{function}", name, node_program=program, **options)

    return run


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "served"


@pytest.fixture
def artifact(tree: Tree, served: Path) -> dict[str, str]:
    facts = tree.facts
    return make_artifact(served / facts["fingerprint"], facts)


def serve_another(tree: Tree, served: Path, seed: str = "second") -> dict[str, str]:
    facts = tree.facts
    shutil.rmtree(served / facts["fingerprint"])
    return make_artifact(served / facts["fingerprint"], facts, seed)


def announced_and_done(run: Run, tree: Tree, function: str, **options: Any) -> State:
    """Runs a state as a test, for real, and again; returns the real run's result."""
    before = tree.content()
    test = run(function, test=True, **options)
    assert test["result"] is None, test
    assert tree.content() == before, "a test run changed the node"
    done = run(function, **options)
    assert done["result"] is True, done
    assert done["changes"] == test["changes"], "the run did not do what was announced"
    assert done["changes"]
    again = run(function, **options)
    assert (again["result"], again["changes"]) == (True, {}), again
    tested_again = run(function, test=True, **options)
    assert (tested_again["result"], tested_again["changes"]) == (True, {}), tested_again
    return done


def failed_without_a_change(run: Run, tree: Tree, function: str, **options: Any) -> str:
    """Runs a state that must fail; returns its comment."""
    before = tree.content()
    failed = run(function, **options)
    assert failed["result"] is False, failed
    assert failed["changes"] == {}
    assert "\n" not in failed["comment"]
    assert "Traceback" not in failed["comment"]
    assert tree.content() == before, "a failed state changed the node"
    return str(failed["comment"])


class TestPresent:
    @pytest.mark.every_salt
    def test_from_nothing(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        done = announced_and_done(run, tree, "present", artifacts=str(served))
        assert done["changes"] == {
            "fingerprint": {"old": None, "new": artifact["fingerprint"]},
            "artifact": {"old": None, "new": artifact["artifact"]},
            "build_id": {"old": None, "new": artifact["build_id"]},
            "loaded": {"old": False, "new": True},
            "persistent": {"old": False, "new": True},
        }

    def test_where_nothing_changes_the_node_program_runs_once(
        self, minion: Minion, tree: Tree, served: Path, artifact: dict[str, str], tmp_path: Path
    ) -> None:
        counting = tmp_path / "counting"
        counting.write_text(f'echo "$*" >>{tmp_path}/runs\nexec sh {tree.program} "$@"\n')
        options = {"artifacts": str(served), "node_program": str(counting)}
        assert minion.state("toa.present", **options)["changes"]
        (tmp_path / "runs").unlink()
        assert minion.state("toa.present", **options)["changes"] == {}
        assert (tmp_path / "runs").read_text().splitlines() == ["status --recorded"]

    def test_a_new_artifact_replaces_the_old_one(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served))
        new = serve_another(tree, served)
        done = announced_and_done(run, tree, "present", artifacts=str(served))
        assert done["changes"] == {
            "artifact": {"old": artifact["artifact"], "new": new["artifact"]},
            "build_id": {"old": artifact["build_id"], "new": new["build_id"]},
        }

    def test_what_was_unloaded_is_loaded_again(
        self, run: Run, tree: Tree, minion: Minion, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served))
        minion.call("toa.unload", node_program=str(tree.program))
        done = announced_and_done(run, tree, "present", artifacts=str(served))
        assert set(done["changes"]) == {"build_id", "loaded"}

    def test_an_installed_artifact_is_enough_for_auto(
        self, run: Run, tree: Tree, minion: Minion, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served))
        shutil.rmtree(served)
        again = run("present", artifacts=str(served))
        assert (again["result"], again["changes"]) == (True, {})
        minion.call("toa.unload", node_program=str(tree.program))
        announced_and_done(run, tree, "present", artifacts=str(served))

    def test_loading_at_boot_can_be_left_to_the_operator(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        done = announced_and_done(run, tree, "present", artifacts=str(served), persist=False)
        assert "persistent" not in done["changes"]
        assert tree.facts["persistent"] == "no"

    @pytest.mark.every_salt
    def test_a_failed_proof_leaves_the_old_one(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served))
        serve_another(tree, served)
        tree.write("proof-fails", "")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served))
        assert "toa-node deploy: proof: the proof failed" in comment
        assert tree.facts["installed"] == artifact["artifact"]

    def test_a_kernel_that_refuses_says_so(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        tree.write("kernel-refuses", "")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served))
        assert "Invalid module format" in comment

    @pytest.mark.parametrize("test", [False, True])
    def test_a_closed_gate_is_seen_before_anything_is_done(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str], test: bool
    ) -> None:
        tree.write("proc/sys/kernel/modules_disabled", "1\n")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served), test=test)
        assert "modules_disabled: kernel.modules_disabled=1 forbids loading" in comment

    @pytest.mark.parametrize("test", [False, True])
    @pytest.mark.parametrize("function", ["present", "persistent"])
    def test_a_minion_without_root_is_told_so(
        self,
        run: Run,
        tree: Tree,
        served: Path,
        artifact: dict[str, str],
        function: str,
        test: bool,
    ) -> None:
        tree.write("bin/id", "#!/bin/sh\necho 1000\n")
        (tree.root / "bin/id").chmod(0o755)
        comment = failed_without_a_change(run, tree, function, artifacts=str(served), test=test)
        assert comment.startswith("this minion cannot do it now: root: ")

    @pytest.mark.parametrize("test", [False, True])
    def test_a_foreign_toa_is_left_alone_unless_told_otherwise(
        self,
        run: Run,
        tree: Tree,
        minion: Minion,
        served: Path,
        artifact: dict[str, str],
        test: bool,
    ) -> None:
        run("present", artifacts=str(served))
        note = tree.root / "sys/module/toa/notes/.note.gnu.build-id"
        note.write_bytes(note.read_bytes()[:-1] + b"?")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served), test=test)
        assert "another toa is loaded" in comment
        if not test:
            announced_and_done(run, tree, "present", artifacts=str(served), replace_foreign=True)

    @pytest.mark.parametrize("test", [False, True])
    def test_disarmed_hooks_are_no_success(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str], test: bool
    ) -> None:
        run("present", artifacts=str(served))
        tree.write("sys/module/toa/parameters/hooks", "disarmed\n")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served), test=test)
        assert "its hooks are disarmed" in comment

    @pytest.mark.parametrize("test", [False, True])
    @pytest.mark.every_salt
    def test_no_artifact_names_the_fields_that_differ(
        self, run: Run, tree: Tree, served: Path, test: bool
    ) -> None:
        other = {**tree.facts, "kernel_release": "6.1.0-98-amd64", "fingerprint": "1" * 16}
        make_artifact(served / other["fingerprint"], other)
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served), test=test)
        assert "kernel_release: artifact 6.1.0-98-amd64, node 6.1.0-99-amd64" in comment
        assert "What to do: build one on a minion of exactly this kind" in comment

    def test_an_artifact_with_a_wrong_hash_is_refused(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        with (served / artifact["fingerprint"] / "toa.ko").open("ab") as module:
            module.write(b"cut or damaged")
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served))
        assert "the artifact contradicts itself" in comment

    @pytest.mark.parametrize("test", [False, True])
    def test_a_forged_place_is_refused(
        self, run: Run, tree: Tree, served: Path, test: bool
    ) -> None:
        facts = tree.facts
        make_artifact(served / facts["fingerprint"], {**facts, "os_version_id": "13"})
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served), test=test)
        assert "is for another system: os_version_id: artifact 13, node 12" in comment

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"source": "internet"}, "source must be one of auto, fileserver, build"),
            ({"source": ["auto"]}, "source must be one of auto, fileserver, build"),
            ({"persist": "yes"}, "persist must be True or False, not 'yes' (str)"),
            ({"allow_build": 1}, "allow_build must be True or False, not 1 (int)"),
            ({"artifacts": {"a": 1}}, "artifacts must be an absolute path or a salt:// URL"),
            ({"source": "build", "sources": 3}, "sources must be an absolute path"),
        ],
    )
    @pytest.mark.parametrize("test", [False, True])
    def test_wrong_parameters_are_named(
        self, run: Run, tree: Tree, options: dict[str, Any], message: str, test: bool
    ) -> None:
        assert message in failed_without_a_change(run, tree, "present", test=test, **options)

    def test_a_missing_program_is_one_comment(self, minion: Minion) -> None:
        failed = minion.state("toa.present", node_program="/nowhere/toa-node")
        assert failed["result"] is False
        assert "the node program /nowhere/toa-node is not there" in failed["comment"]


@pytest.mark.skipif(not shutil.which("gcc") or not shutil.which("make"), reason="no gcc or make")
class TestBuild:
    @pytest.mark.every_salt
    def test_a_minion_builds_its_own_and_again_when_the_sources_change(
        self, run: Run, tree: Tree, tmp_path: Path
    ) -> None:
        tree.give_headers()
        sources = tmp_path / "kmod"
        shutil.copytree(CHECKOUT / "kmod", sources, ignore=shutil.ignore_patterns("*.ko", "*.o"))
        options = {"source": "build", "sources": str(sources)}
        test = run("present", test=True, **options)
        assert test["result"] is None
        done = run("present", **options)
        assert done["result"] is True, done
        assert test["changes"].keys() == done["changes"].keys()
        assert "to be built from source" in test["changes"]["artifact"]["new"]
        again = run("present", **options)
        assert (again["result"], again["changes"]) == (True, {}), again

        with (sources / "main.c").open("a") as source:
            source.write("/* another day */\n")
        changed = run("present", **options)
        assert set(changed["changes"]) == {"artifact", "build_id"}
        assert run("present", **options)["changes"] == {}

    def test_auto_builds_only_when_it_may(self, run: Run, tree: Tree, served: Path) -> None:
        tree.give_headers()
        comment = failed_without_a_change(run, tree, "present", artifacts=str(served))
        assert "allow_build: True" in comment
        done = run("present", artifacts=str(served), allow_build=True)
        assert done["result"] is True, done

    def test_a_minion_that_cannot_build_says_what_to_install(self, run: Run, tree: Tree) -> None:
        test = run("present", source="build", test=True)
        assert "it lacks the kernel's headers" in test["comment"]
        comment = failed_without_a_change(run, tree, "present", source="build")
        assert "linux-headers-6.1.0-99-amd64" in comment

    def test_a_minion_without_a_compiler_is_told_so(
        self, run: Run, minion: Minion, tree: Tree, tmp_path: Path
    ) -> None:
        tree.give_headers()
        # toa-node looks where this host has its gcc, whatever the PATH.
        blind = tmp_path / "toa-node-without-gcc"
        have = 'command -v "$1" >/dev/null 2>&1'
        text = PROGRAM.read_text()
        assert text.count(have) == 1
        blind.write_text(text.replace(have, f'[ "$1" != gcc ] && {have}'))
        without = tmp_path / "stand-in-without-gcc"
        without.write_text(tree.program.read_text().replace(str(PROGRAM), str(blind)))
        for options in ({"source": "build"}, {"allow_build": True}):
            before = tree.content()
            test = minion.state("toa.present", node_program=str(without), test=True, **options)
            assert "it lacks gcc, which must be installed before" in test["comment"]
            failed = minion.state("toa.present", node_program=str(without), **options)
            assert (failed["result"], failed["changes"]) == (False, {})
            assert failed["comment"].startswith("toa-node build: build: gcc is not installed here")
            assert "What to do: " in failed["comment"]
            assert tree.content() == before

    @pytest.mark.every_salt
    def test_a_reference_minion_builds_for_others(
        self, run: Run, tree: Tree, tmp_path: Path
    ) -> None:
        place = str(tmp_path / "output")
        failed = run("built", place)
        assert (failed["result"], failed["changes"]) == (False, {})
        assert not Path(place).exists()
        tree.give_headers()
        test = run("built", place, test=True)
        assert test["result"] is None
        assert not Path(place).exists()
        done = run("built", place)
        assert done["result"] is True
        assert done["changes"].keys() == test["changes"].keys()
        again = run("built", place)
        assert (again["result"], again["changes"]) == (True, {})

    def test_a_place_that_is_no_path_is_named(self, run: Run, tree: Tree) -> None:
        before = tree.content()
        failed = run("built", "relative/place", test=True)
        assert failed["result"] is False
        assert "name must be an absolute path" in failed["comment"]
        assert tree.content() == before


class TestLoaded:
    @pytest.mark.every_salt
    def test_the_installed_artifact_is_loaded_and_proven(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("persistent", artifacts=str(served))
        done = announced_and_done(run, tree, "loaded")
        assert done["changes"] == {
            "build_id": {"old": None, "new": artifact["build_id"]},
            "loaded": {"old": False, "new": True},
        }

    def test_nothing_to_load_is_a_failure(self, run: Run, tree: Tree) -> None:
        comment = failed_without_a_change(run, tree, "loaded")
        assert "nothing is installed for the running kernel 6.1.0-99-amd64" in comment


class TestPersistent:
    @pytest.mark.every_salt
    def test_it_is_for_the_next_boot_and_leaves_the_kernel_alone(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        done = announced_and_done(run, tree, "persistent", artifacts=str(served))
        assert set(done["changes"]) == {"fingerprint", "artifact", "persistent"}
        assert tree.facts["loaded"] == "no"

    def test_a_boot_unit_that_was_lost_comes_back(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("persistent", artifacts=str(served))
        (tree.root / "etc/systemd/system/toa.service").unlink()
        done = announced_and_done(run, tree, "persistent", artifacts=str(served))
        assert done["changes"] == {"persistent": {"old": False, "new": True}}


class TestAbsent:
    @pytest.mark.every_salt
    def test_nothing_is_left(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        before = tree.content()
        run("present", artifacts=str(served))
        done = announced_and_done(run, tree, "absent")
        assert done["changes"] == {
            "fingerprint": {"old": artifact["fingerprint"], "new": None},
            "artifact": {"old": artifact["artifact"], "new": None},
            "build_id": {"old": artifact["build_id"], "new": None},
            "loaded": {"old": True, "new": False},
            "persistent": {"old": True, "new": False},
            "artifacts": {
                "old": [f"{artifact['fingerprint']}/{artifact['artifact']}"],
                "new": [],
            },
        }
        assert tree.content() == before

    @pytest.mark.parametrize("test", [False, True])
    def test_a_foreign_toa_is_not_taken_for_ours(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str], test: bool
    ) -> None:
        run("present", artifacts=str(served))
        note = tree.root / "sys/module/toa/notes/.note.gnu.build-id"
        note.write_bytes(note.read_bytes()[:-1] + b"?")
        comment = failed_without_a_change(run, tree, "absent", test=test)
        assert "not installed by this project" in comment


class TestParameters:
    WANTED: ClassVar[dict[str, Any]] = {
        "kinds": [254, 200],
        "trusted": ["100.125.0.0/16", "2001:DB8:0::/32"],
        "max_connections": 4096,
        "netns": ["init", 4026532281],
        "from_syn": True,
    }

    @pytest.mark.every_salt
    def test_from_nothing(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        options = {"artifacts": str(served), "parameters": self.WANTED}
        done = announced_and_done(run, tree, "present", **options)
        asked = {
            "from_syn": "Y",
            "kinds": "200,254",
            "max_connections": "4096",
            "netns": "init,4026532281",
            "trusted": "100.125.0.0/16,2001:db8::/32",
        }
        assert done["changes"]["options"] == {"old": {}, "new": asked}
        conf = (tree.root / "etc/modprobe.d/toa.conf").read_text().splitlines()
        assert conf[1:] == ["options toa " + " ".join(f"{k}={v}" for k, v in asked.items())]

    def test_what_the_module_takes_while_it_runs_takes_effect_at_once(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served), parameters={"kinds": [254, 200]})
        done = announced_and_done(
            run, tree, "present", artifacts=str(served), parameters={"trusted": "10.0.0.0/8"}
        )
        assert done["changes"] == {
            "options": {"old": {"kinds": "200,254"}, "new": {"trusted": "10.0.0.0/8"}},
            "parameters": {
                "old": {"kinds": "200,254", "trusted": ""},
                "new": {"kinds": "254", "trusted": "10.0.0.0/8"},
            },
        }
        running = tree.root / "sys/module/toa/parameters"
        assert (running / "kinds").read_text() == "254\n"
        assert (running / "trusted").read_text() == "10.0.0.0/8\n"

    def test_what_is_only_read_at_load_waits_or_is_allowed(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served))
        options: dict[str, Any] = {"artifacts": str(served), "parameters": {"max_connections": 9}}
        done = announced_and_done(run, tree, "present", **options)
        assert set(done["changes"]) == {"options"}
        again = run("present", **options)
        assert "max_connections waits until toa is loaded again" in again["comment"]
        done = announced_and_done(run, tree, "present", reload=True, **options)
        assert done["changes"] == {
            "parameters": {"old": {"max_connections": "1048576"}, "new": {"max_connections": "9"}}
        }
        assert "waits" not in done["comment"]

    def test_without_the_argument_they_are_left_as_they_are(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        run("present", artifacts=str(served), parameters={"kinds": 200})
        assert run("present", artifacts=str(served))["changes"] == {}
        done = announced_and_done(run, tree, "present", artifacts=str(served), parameters={})
        assert done["changes"]["options"] == {"old": {"kinds": "200"}, "new": {}}
        assert not (tree.root / "etc/modprobe.d/toa.conf").exists()

    def test_an_operators_own_file_is_taken_over_and_gone_with_toa(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        tree.write("etc/modprobe.d/toa.conf", "# balancers\noptions toa kinds=200\n")
        done = announced_and_done(
            run, tree, "present", artifacts=str(served), parameters={"kinds": 253}
        )
        assert done["changes"]["options"] == {"old": {"kinds": "200"}, "new": {"kinds": "253"}}
        gone = announced_and_done(run, tree, "absent")
        assert gone["changes"]["options"] == {"old": {"kinds": "253"}, "new": {}}

    def test_they_hold_from_the_next_load_on(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        done = announced_and_done(
            run, tree, "persistent", artifacts=str(served), parameters={"kinds": 200}
        )
        assert done["changes"]["options"] == {"old": {}, "new": {"kinds": "200"}}
        assert tree.facts["loaded"] == "no"

    def test_a_second_place_with_options_is_refused(
        self, run: Run, tree: Tree, served: Path, artifact: dict[str, str]
    ) -> None:
        tree.write("etc/modprobe.d/local.conf", "options toa kinds=200\n")
        comment = failed_without_a_change(
            run, tree, "present", artifacts=str(served), parameters={"kinds": 253}
        )
        assert "/etc/modprobe.d/local.conf has options of toa, too" in comment

    @pytest.mark.parametrize("test", [False, True])
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ([1], "parameters must be a mapping of names and values, not [1] (list)"),
            ({"kindz": 1}, "toa has no parameter 'kindz' (str); it has from_syn, kinds,"),
            ({"hooks": "armed"}, "toa has no parameter 'hooks'"),
            ({"kinds": "254;reboot"}, "kinds is a list of TCP option kinds"),
            ({"kinds": []}, "kinds names no kind"),
            ({"kinds": {"a": 1}}, "kinds is a list, not"),
            ({"trusted": ["10.0.0.0/33"]}, "trusted is a list of networks like 10.0.0.0/8"),
            ({"trusted": ["10.0.0.0/8 x=1"]}, "trusted is a list of networks like"),
            ({"max_connections": "many"}, "max_connections is a number, not 'many' (str)"),
            ({"max_connections": True}, "max_connections is a number, not True (bool)"),
            ({"netns": ["init", "eth0"]}, "netns is all, or a list of init and numbers"),
            ({"from_syn": "yes"}, "from_syn is true or false, not 'yes' (str)"),
        ],
    )
    def test_wrong_ones_are_named(
        self,
        run: Run,
        tree: Tree,
        served: Path,
        artifact: dict[str, str],
        parameters: Any,
        message: str,
        test: bool,
    ) -> None:
        comment = failed_without_a_change(
            run, tree, "present", artifacts=str(served), parameters=parameters, test=test
        )
        assert message in comment


#: Stands in for the verb: what is there is what stands in a file.
_TOOLCHAIN = """\
[ "$1" = toolchain ] || exit 1
home={home}
echo begin=toolchain
echo kernel=6.1.0-99-amd64
echo package_manager=apt
echo "packages=no-such-package-a no-such-package-b"
echo gcc=gcc 12
echo make=GNU Make 4
if [ -f $home/there ]; then
    echo missing= && echo headers=yes && echo changed=no && echo end=0 && exit
fi
case "$*" in
*--dry-run*) echo headers=no ;;
*)
    if [ -f $home/nowhere ]; then
        printf 'error=node\\ndetail=no repository has no-such-package-b\\nhint=fetch it\\nend=9\\n'
        exit 9
    fi
    echo headers=yes && : >$home/there ;;
esac
echo missing=no-such-package-b && echo changed=yes && echo end=0
"""


class TestToolchain:
    """On a stand-in for the verb; the package manager is this host's own, which
    has no such package."""

    @pytest.fixture
    def toolchain(self, minion: Minion, tmp_path: Path) -> Run:
        program = tmp_path / "toa-node-stand-in"
        program.write_text(_TOOLCHAIN.format(home=tmp_path))

        def run(**options: Any) -> State:
            return minion.state("toa.toolchain", node_program=str(program), **options)

        return run

    @pytest.mark.every_salt
    def test_what_is_missing_is_installed(self, toolchain: Run, tmp_path: Path) -> None:
        test = toolchain(test=True)
        assert (test["result"], test["comment"]) == (None, "to be installed: no-such-package-b")
        done = toolchain(headers_package="/root/headers.deb")
        assert done["result"] is True, done
        assert done["changes"] == test["changes"]
        again = toolchain()
        assert (again["result"], again["changes"]) == (True, {})

    def test_what_no_repository_has_is_one_readable_comment(
        self, toolchain: Run, tmp_path: Path
    ) -> None:
        (tmp_path / "nowhere").touch()
        failed = toolchain(headers_package="/root/headers.deb")
        assert (failed["result"], failed["changes"]) == (False, {})
        assert failed["comment"] == (
            "toa-node toolchain: node: no repository has no-such-package-b. What to do: fetch it"
        )


_LEGACY = """\
[ "$1" = legacy-kernel ] || exit 1
home={home}
echo begin=legacy-kernel
case "$*" in
*--dry-run*) word=to-do ;;
*) word=done && : >$home/made ;;
esac
if [ -f $home/made ] && [ $word = to-do ]; then
    echo "step.fetch=was done" && echo "step.build=was done" && echo changed=no
else
    echo "step.fetch=was done" && echo step.build=$word && echo changed=yes
fi
echo kernel_release=2.6.32-toa
echo reboot=due
echo end=0
"""


class TestLegacyKernel:
    """On a stand-in for the verb."""

    @pytest.mark.every_salt
    def test_it_goes_on_where_it_stopped(self, minion: Minion, tmp_path: Path) -> None:
        program = tmp_path / "toa-node-stand-in"
        program.write_text(_LEGACY.format(home=tmp_path))

        def run(**options: Any) -> State:
            return minion.state(
                "toa.legacy_kernel",
                "/srv/kernel.src.rpm",
                sha256="0" * 64,
                node_program=str(program),
                **options,
            )

        test = run(test=True)
        assert test["result"] is None
        assert test["changes"] == {"build": {"old": "to-do", "new": "done"}}
        assert not (tmp_path / "made").exists()
        done = run()
        assert (done["result"], done["changes"]) == (True, test["changes"]), done
        assert done["comment"].endswith("2.6.32-toa with TOA is made; a reboot is due")
        again = run()
        assert (again["result"], again["changes"]) == (True, {}), again

    def test_wrong_arguments_are_named(self, minion: Minion, program: str) -> None:
        failed = minion.state("toa.legacy_kernel", "/x", sha256=["0", 1.5], node_program=program)
        assert failed["result"] is False
        assert "sha256 must be one word, not 1.5 (float)" in failed["comment"]
