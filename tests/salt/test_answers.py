# SPDX-License-Identifier: GPL-2.0-only
"""What _modules/ makes of answers: replayed by stand-ins for toa-node, so
that no Salt is needed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from extension_files import Modules, StandInError, load_modules
from node_trees import Tree


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return load_modules(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def face(modules: Modules) -> Any:
    return modules.toa


class StandIn:
    """A program that replays one answer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def says(self, answer: str, status: int = 0, noise: str = "") -> str:
        (self.path.parent / "answer").write_text(answer)
        self.path.write_text(
            f"printf '%s' '{noise}' >&2\ncat '{self.path.parent}/answer'\nexit {status}\n"
        )
        return str(self.path)

    def does(self, script: str) -> str:
        self.path.write_text(script)
        return str(self.path)


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path / "toa-node-stand-in")


def test_values_come_back_as_what_they_are(face: Any, stand_in: StandIn) -> None:
    answer = (
        "begin=status\npage_size=4096\nuptime=12\nheaders=no\nvermagic=\nos_version_id=12\n"
        "loaded=yes\npersistent=no\nartifacts=aa/bb cc/dd\ngate.root=open\n"
        "gate.disk=closed: full; make room: there\ngate.lockdown=unknown: not mounted\n"
        "parameter.kinds=254\nparameter.trusted=\noptions=kinds=254 a=b\n"
        "kernels_without_artifact=6.1 6.2\ninstalled=\n"
        "fingerprint=0123456789abcdef\nkernel_release=6.1\ngcc=\nhooks=\nloaded_build_id=\n"
        "loaded_artifact=\ninstalled_build_id=\ninstalled_fingerprint=\nend=0\n"
    )
    assert face.status(node_program=stand_in.says(answer)) == {
        "page_size": 4096,
        "uptime": 12,
        "headers": False,
        "vermagic": None,
        "os_version_id": "12",
        "loaded": True,
        "persistent": False,
        "parameters": {"kinds": "254", "trusted": ""},
        "options": {"kinds": "254", "a": "b"},
        "kernels_without_artifact": ["6.1", "6.2"],
        "artifacts": [
            {"fingerprint": "aa", "artifact": "bb"},
            {"fingerprint": "cc", "artifact": "dd"},
        ],
        "gates": {
            "root": {"open": True, "reason": None},
            "disk": {"open": False, "reason": "full; make room: there"},
            "lockdown": {"open": None, "reason": "not mounted"},
        },
        "fingerprint": "0123456789abcdef",
        "kernel_release": "6.1",
        **dict.fromkeys(("gcc", "hooks", "loaded_build_id", "loaded_artifact")),
        **dict.fromkeys(("installed", "installed_build_id", "installed_fingerprint")),
    }


def test_proofs_are_yes_no_or_not_to_be_had_and_then_why(face: Any, stand_in: StandIn) -> None:
    answer = (
        "begin=verify\nproof.build_id=yes\nproof.dmesg=unknown\nproof.hooks=no\n"
        "selftest.ipv4=fail: the peer: 10.0.0.1\nproof.selftest=skipped: no /dev/net/tun\nend=0\n"
    )
    proven = face.verify(node_program=stand_in.says(answer))
    assert proven["proof"] == {"build_id": True, "dmesg": None, "hooks": False, "selftest": None}
    assert proven["skipped"] == {"selftest": "no /dev/net/tun"}
    assert proven["selftest"] == {"ipv4": {"result": "fail", "reason": "the peer: 10.0.0.1"}}


def test_words_before_the_answer_are_skipped(face: Any, stand_in: StandIn) -> None:
    answer = "Welcome to this machine\nbegin=unload\nchanged=yes\nend=0\n"
    assert face.unload(node_program=stand_in.says(answer)) == {"changed": True}


@pytest.mark.parametrize(
    ("answer", "status", "flaw"),
    [
        pytest.param("", 0, "it is empty", id="empty"),
        pytest.param("begin=status\narch=x\n", 0, "has no end", id="cut between lines"),
        pytest.param("begin=status\narch=x\nend=0", 0, "has no end", id="cut in the last line"),
        pytest.param("begin=status\nend=0\n", 1, "exit status is 1", id="end and status differ"),
        pytest.param("begin=status\nend=77\n", 77, "no exit status 77", id="unknown status"),
        pytest.param("begin=load\nend=0\n", 0, "does not begin", id="another verb's"),
        pytest.param("begin=status\nhello\nend=0\n", 0, "not key=value", id="no pair"),
        pytest.param("begin=status\nA=b\nend=0\n", 0, "not key=value", id="no key"),
        pytest.param("begin=status\na=1\na=2\nend=0\n", 0, "gives a twice", id="twice"),
        pytest.param(f"begin=status\na={'x' * 5000}\nend=0\n", 0, "longer than", id="too long"),
        pytest.param("begin=status\nloaded=maybe\nend=0\n", 0, "neither yes nor no", id="no bool"),
        pytest.param("begin=status\nuptime=1x\nend=0\n", 0, "not a number", id="no number"),
        pytest.param("begin=status\ngate.a=ajar\nend=0\n", 0, "a gate is neither", id="no gate"),
        pytest.param("begin=status\nproof.a=soon\nend=0\n", 0, "a proof is neither", id="no proof"),
        pytest.param("begin=status\nartifacts=a\nend=0\n", 0, "not fingerprint/", id="no list"),
    ],
)
def test_a_broken_answer_is_an_error_and_never_a_success(
    face: Any, stand_in: StandIn, answer: str, status: int, flaw: str
) -> None:
    with pytest.raises(StandInError) as error:
        face.status(node_program=stand_in.says(answer, status))
    message = str(error.value)
    assert flaw in message
    assert "toa-node status gave a broken answer" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("call", "answer", "flaw"),
    [
        (
            ("status",),
            "begin=status\nloaded=no\nend=0\n",
            "it lacks artifacts, fingerprint, gate.root",
        ),
        (
            ("gates",),
            "begin=status\nloaded=no\nend=0\n",
            "it lacks artifacts, fingerprint, gate.root",
        ),
        (("artifacts",), "begin=status\nend=0\n", "it lacks artifacts, fingerprint, gate.root"),
        (("available",), "begin=fingerprint\nend=0\n", "it lacks fingerprint, gcc, headers"),
        (("toolchain",), "begin=toolchain\nend=0\n", "it lacks changed, gcc, headers, kernel"),
        (("legacy_kernel",), "begin=legacy-kernel\nend=0\n", "it lacks changed, kernel_release"),
        (
            ("deploy", "/a"),
            "begin=deploy\nchanged=yes\nend=0\n",
            "it lacks build_id, proof.build_id",
        ),
        (
            ("deploy", "/a"),
            "begin=deploy\nbuild_id=1\nproof.build_id=unknown\nend=0\n",
            "without the proof that this very module runs",
        ),
    ],
)
def test_an_answer_that_lacks_what_it_must_have_is_no_success(
    face: Any, stand_in: StandIn, call: tuple[str, ...], answer: str, flaw: str
) -> None:
    """Of another version of toa-node, or of something else by that name."""
    with pytest.raises(StandInError) as error:
        getattr(face, call[0])(*call[1:], node_program=stand_in.says(answer))
    assert flaw in str(error.value)
    assert "is it of another version?" in str(error.value)


def test_a_broken_answer_names_what_the_program_said(face: Any, stand_in: StandIn) -> None:
    with pytest.raises(StandInError, match="it said: sh: syntax error"):
        face.status(node_program=stand_in.says("", 2, noise="progress\nsh: syntax error\n"))


def test_a_failure_is_the_nodes_own_words_and_what_to_do_in_one_line(
    face: Any, stand_in: StandIn
) -> None:
    answer = (
        "begin=deploy\nmismatch.kernel_release.artifact=5.10\nmismatch.kernel_release.node=6.1\n"
        "error=mismatch\ndetail=kernel_release: artifact 5.10, node 6.1\nhint=build another\n"
        "end=3\n"
    )
    with pytest.raises(StandInError) as error:
        face.deploy("/artifact", node_program=stand_in.says(answer, 3))
    assert str(error.value) == (
        "toa-node deploy: mismatch: kernel_release: artifact 5.10, node 6.1. "
        "What to do: build another"
    )


def test_control_characters_do_not_reach_a_terminal(face: Any, stand_in: StandIn) -> None:
    answer = "begin=unload\nos_name=evil\x1b[31m\x07\nend=0\n"
    assert face.unload(node_program=stand_in.says(answer))["os_name"] == "evil?[31m?"


def test_a_program_that_hangs_is_stopped_and_may_roll_back(
    modules: Modules,
    face: Any,
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(modules.node, "_LIMIT", 1)
    script = f"""
        trap 'echo rolled back >{tmp_path}/rolled-back; exit 9' TERM
        echo loading >&2
        sleep 100 & wait
    """
    started = time.monotonic()
    with pytest.raises(StandInError) as error:
        face.load(node_program=stand_in.does(script))
    assert time.monotonic() - started < 20
    assert (tmp_path / "rolled-back").exists()
    assert "toa-node load was not done after 1 seconds and was stopped" in str(error.value)
    assert "it last said: loading" in str(error.value)


def test_a_program_that_ignores_the_request_to_stop_is_killed_with_its_children(
    modules: Modules,
    face: Any,
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(modules.node, "_LIMIT", 0.5)
    monkeypatch.setattr(modules.node, "_GRACE", 0.5)
    script = f"trap '' TERM\nsleep 100 & echo $! >{tmp_path}/child\nwhile :; do wait; done\n"
    with pytest.raises(StandInError, match="was stopped"):
        face.load(node_program=stand_in.does(script))
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    deadline = time.monotonic() + 5
    while child.exists() and " Z " not in child.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists() or " Z " in child.read_text()


def test_an_endless_answer_does_not_fill_the_memory(
    modules: Modules, face: Any, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules.node, "_MAX_OUTPUT", 100_000)
    endless = "echo begin=status\nhead -c 5000000 /dev/zero | tr '\\0' 'x'\n"
    with pytest.raises(StandInError, match="longer than 100000 bytes"):
        face.status(node_program=stand_in.does(endless))


def test_the_program_gets_the_same_environment_from_everywhere(
    face: Any, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOA_ROOT", "/elsewhere")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    # Salt's own packages set such for what they bring along themselves.
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/saltstack/salt/lib")
    monkeypatch.setenv("PATH", "/opt/saltstack/salt/bin")
    seen = "$TOA_ROOT,$LC_ALL,$PWD,$LD_LIBRARY_PATH,$PATH"
    program = stand_in.does(f'echo begin=unload\necho "seen={seen}"\necho end=0\n')
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert face.unload(node_program=program)["seen"] == f",C,/,,{system}"


@pytest.mark.parametrize("wanted", ["relative/toa-node", ["/a"], 7, {"a": 1}])
def test_a_place_must_be_an_absolute_path_or_a_url(face: Any, wanted: Any) -> None:
    with pytest.raises(StandInError, match="node_program must be an absolute path or a salt://"):
        face.fingerprint(node_program=wanted)


def test_switches_must_be_true_or_false(face: Any, stand_in: StandIn) -> None:
    with pytest.raises(StandInError, match=r"persist must be True or False, not 'no' \(str\)"):
        face.install("/artifact", persist="no", node_program=stand_in.says(""))


def test_switches_become_the_programs_options(face: Any, stand_in: StandIn) -> None:
    program = stand_in.does(
        'echo begin=deploy\necho "said=$*"\necho build_id=1\necho proof.build_id=yes\necho end=0\n'
    )
    plain = face.deploy("/artifact", node_program=program)
    assert plain["said"] == "deploy --from /artifact"
    full = face.deploy(
        "/artifact",
        persist=False,
        replace_foreign=True,
        allow_unproven=True,
        node_program=program,
    )
    assert full["said"] == (
        "deploy --from /artifact --no-persist --replace-foreign --allow-unproven"
    )


def test_counters_are_sums_or_numbers_per_cpu(face: Any, tree: Tree) -> None:
    tree.write(
        "proc/net/toa_stats",
        "                             CPU0       CPU1   \n"
        "syn_recv_sock_toa        :         3          4 \n"
        "connections              :         7          0 \n",
    )
    program = str(tree.program)
    assert face.stats(node_program=program) == {"syn_recv_sock_toa": 7, "connections": 7}
    assert face.stats(per_cpu=True, node_program=program) == {
        "syn_recv_sock_toa": [3, 4],
        "connections": [7, 0],
    }


def test_counters_of_hundreds_of_cpus_are_whole(face: Any, tree: Tree) -> None:
    numbers = [18446744073709551615 - number for number in range(700)]
    columns = "".join(f"{number:10} " for number in numbers)
    tree.write("proc/net/toa_stats", f"CPU0\nconnections              :{columns}\n")
    found = face.stats(per_cpu=True, node_program=str(tree.program))
    assert found == {"connections": numbers}
    total = face.stats(node_program=str(tree.program))
    assert total == {"connections": sum(numbers)}


@pytest.mark.parametrize("line", ["no counter at all", "syn:12:13", "syn: 12 x", ": 12", "A b: 1"])
def test_lines_that_are_no_counters_are_named(face: Any, tree: Tree, line: str) -> None:
    tree.write("proc/net/toa_stats", f"CPU0\n{line}\n")
    with pytest.raises(StandInError, match="has a line that is no counter"):
        face.stats(node_program=str(tree.program))


def test_counters_without_the_module_are_an_error(face: Any, tree: Tree) -> None:
    with pytest.raises(StandInError, match="is toa loaded"):
        face.stats(node_program=str(tree.program))


def test_a_manifest_is_read_strictly(face: Any, tmp_path: Path) -> None:
    def read(text: str) -> Any:
        (tmp_path / "manifest").write_text(text)
        return face.manifest(str(tmp_path))

    good = f"manifest=1\nfingerprint={'a' * 16}\nsha256={'b' * 64}\nbuild_id={'c' * 40}\n"
    found = read(good + "size=12\nimports=printk:0x12,memcpy\nkernel_build_id=\n")
    assert found["artifact"] == "b" * 16
    assert found["size"] == 12
    assert found["imports"] == {"printk": "0x12", "memcpy": ""}
    assert found["kernel_build_id"] is None
    for broken, flaw in (
        (good + "nonsense\n", "not key=value"),
        (good + "manifest=1\n", "twice"),
        (good.replace("manifest=1", "manifest=2"), "version 1"),
        (good.replace("c" * 40, "../../etc"), "its build_id is none"),
        (good + "x=" + "y" * 70000, "larger than"),
    ):
        with pytest.raises(StandInError, match=flaw):
            read(broken)


def test_a_master_that_takes_no_files_is_named_with_the_remedy(
    modules: Modules, face: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cp.push is stood in for: it returns False where the master has no file_recv."""
    manifest = f"manifest=1\nfingerprint={'a' * 16}\nsha256={'b' * 64}\nbuild_id={'c' * 40}\n"
    for name in ("toa.ko", "toa-selftest", "manifest"):
        (tmp_path / name).write_text(manifest)
    pushed: list[str] = []
    monkeypatch.setitem(modules.salt, "cp.push", pushed.append)
    with pytest.raises(StandInError) as error:
        face.send_to_master(str(tmp_path))
    assert str(error.value) == (
        f"the master did not take {tmp_path}/toa.ko. What to do: set `file_recv: True` in the "
        "master's configuration and restart it; see its log"
    )
    assert pushed == [f"{tmp_path}/toa.ko"]


def test_scratch_directories_do_not_stay(modules: Modules, tmp_path: Path) -> None:
    scratch = modules.artifact._scratch()
    with pytest.raises(StandInError, match="cannot stage files"), scratch as directory:
        (Path(directory) / "file").write_text("")
        raise OSError("disk full")
    assert not os.path.exists(directory)
