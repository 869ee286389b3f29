# SPDX-License-Identifier: GPL-2.0-only
"""The facts that toa-node tells of a node, on trees of real systems and of hostile ones."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from node_support import (
    FACTS,
    HARD,
    KERNEL_BUILD_ID,
    PROGRAM,
    SHELLS,
    fingerprint_id,
    make_stand_in_module,
    make_tree,
    node,
    note,
    run,
    snapshot,
    write,
)

# Systems of odd release files; those that are supported are in systems.py, and
# test_node_boot.py looks at their facts. File, content, id, version.
SYSTEMS = {
    "openSUSE 13.1": (
        "SuSE-release", "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n",
        "opensuse", "13.1",
    ),
    "Debian 6": ("debian_version", "6.0.10\n", "debian", "6.0.10"),
    "Debian testing": (
        "os-release",
        'PRETTY_NAME="Debian GNU/Linux forky/sid"\nVERSION_CODENAME=forky\nID=debian\n',
        "debian", "forky",
    ),
    "Arch": ("os-release", "ID=arch\nBUILD_ID=rolling\n", "arch", "rolling"),
    "Void": ("os-release", 'ID="void"\nPRETTY_NAME="Void Linux"\n', "void", "rolling"),
}  # fmt: skip


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_distribution_is_told_by_its_own_files(
    shell: str, system: str, tmp_path: Path
) -> None:
    file, content, os_id, version = SYSTEMS[system]
    tree = make_tree(tmp_path / "tree", os_release="")
    write(tree / "etc" / file, content)
    answer = node(shell, "fingerprint", root=tree).done()
    assert (answer["os_id"], answer["os_version_id"]) == (os_id, version)


def test_oracle_linux_is_not_taken_for_red_hat(shell: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", os_release="")
    write(tree / "etc/redhat-release", "Red Hat Enterprise Linux Server release 6.9 (Santiago)\n")
    write(tree / "etc/oracle-release", "Oracle Linux Server release 6.9\n")
    assert node(shell, "fingerprint", root=tree).done()["os_id"] == "ol"


def test_os_release_in_usr_lib_is_read_where_etc_has_none(shell: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", os_release="")
    write(tree / "usr/lib/os-release", "ID=nixish\nVERSION_ID=1\n")
    assert node(shell, "fingerprint", root=tree).done()["os_id"] == "nixish"


def test_os_release_is_parsed_and_never_run(shell: str, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    tree = make_tree(
        tmp_path / "tree",
        os_release=f'ID=$(touch {trap})\nVERSION_ID="`touch {trap}`"\n'
        f"PRETTY_NAME='a'; touch {trap}\nPATH=/nowhere\n",
    )
    answer = node(shell, "fingerprint", root=tree).done()
    assert answer["os_id"] == f"$(touch {trap})"
    assert answer["os_version_id"] == f"`touch {trap}`"
    assert not trap.exists()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (r'ID="a\"b\\c\$d"', 'a"b\\c$d'),
        ("ID='it is'", "it is"),
        ("ID=plain   ", "plain"),
        ("ID=dos\r", "dos"),
        ("ID=first\nID=last", "last"),
        ("ID=bell\a\x1b[31m", "bell??[31m"),
        ("ID=umläut", "umläut"),
        ("ID=*", "*"),
        ("ID=-n", "-n"),
        ("ID=\\c", "c"),
    ],
)
def test_odd_values_of_os_release_come_through_on_one_line(
    shell: str, line: str, value: str, tmp_path: Path
) -> None:
    tree = make_tree(tmp_path / "tree", os_release=f"VERSION_ID=1\n{line}")
    answer = node(shell, "fingerprint", root=tree).done()
    assert answer["os_id"] == value
    assert answer["fingerprint"] == fingerprint_id(answer.values)


def test_a_very_long_value_is_cut(shell: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", os_release=f"VERSION_ID=1\nID={'x' * 100_000}\n")
    answer = node(shell, "fingerprint", root=tree).done()
    assert len(answer["os_id"]) <= 4096
    assert answer["fingerprint"] == fingerprint_id(answer.values)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("size", [16, 20, 32])
def test_the_build_id_is_found_in_notes_of_either_byte_order(
    shell: str, order: str, size: int, tree: Path
) -> None:
    build_id = bytes(range(0xA0, 0xA0 + size))
    notes = (
        note(b"Xen\0", 6, b"linux\0", order)
        + note(b"Linux\0", 0x101, b"\0\0\0\0", order)
        + note(b"GNU\0", 3, build_id, order)
        + note(b"Xen\0", 5, b"\x03\0\0\0GNU\0", order)
    )
    write(tree / "sys/kernel/notes", notes)
    assert node(shell, "fingerprint", root=tree).done()["kernel_build_id"] == build_id.hex()


@pytest.mark.parametrize("notes", [b"", b"\0" * 7, note(b"GNU\0", 3, b"\1" * 20)[:-4]])
def test_notes_without_a_whole_build_id_give_none(shell: str, notes: bytes, tree: Path) -> None:
    write(tree / "sys/kernel/notes", notes)
    assert node(shell, "fingerprint", root=tree).done()["kernel_build_id"] == ""


def test_the_fingerprint_is_the_hash_of_the_nine_lines(shell: str, tree: Path) -> None:
    answer = node(shell, "fingerprint", root=tree).done()
    assert {key: answer[key] for key in HARD} == FACTS
    assert list(answer.values)[1:10] == list(HARD)
    assert answer["fingerprint"] == fingerprint_id(FACTS)


def test_recorded_facts_are_read(shell: str, tree: Path) -> None:
    write(
        tree / "proc/version",
        "Linux version 2.6.32-642.el6.x86_64 (mock@worker) (gcc version 4.4.7 20120313 "
        "(Red Hat 4.4.7-17) (GCC) ) #1 SMP Tue May 10 17:27:01 UTC 2016\n",
    )
    write(tree / "sys/fs/selinux/enforce", "1")
    answer = node(shell, "fingerprint", root=tree).done()
    assert answer["taint"] == "12288"
    assert answer["uptime"] == "4711"
    assert answer["selinux"] == "enforcing"
    assert answer["boot_system"] == "systemd"
    assert answer["compiler"].startswith("gcc version 4.4.7 20120313 (Red Hat 4.4.7-17) (GCC)")


@pytest.mark.parametrize("packed", ["", ".gz", ".xz", ".zst"])
def test_vermagic_comes_from_an_in_tree_module_however_packed(
    shell: str, packed: str, tree: Path, tmp_path: Path
) -> None:
    tool = {"": "cp", ".gz": "gzip", ".xz": "xz", ".zst": "zstd"}[packed]
    if shutil.which(tool) is None:
        pytest.skip(f"NOT TESTED: {tool} is not installed")
    vermagic = f"{FACTS['kernel_release']} SMP mod_unload modversions"
    plain = make_stand_in_module(tmp_path / "plain.ko", {**FACTS, "vermagic": vermagic})
    modules = tree / "lib/modules" / FACTS["kernel_release"]
    packed_module = modules / f"kernel/net/dummy.ko{packed}"
    content = plain.read_bytes()
    if packed:
        content = subprocess.run([tool, "-c", plain], capture_output=True, check=True).stdout
    write(packed_module, content)
    write(modules / "extra/first.ko", b"vermagic=another-kernel\0")
    listed = ("extra/first.ko", "kernel/gone.ko", f"kernel/net/dummy.ko{packed}")
    write(modules / "modules.dep", "".join(f"{name}:\n" for name in listed))
    assert node(shell, "fingerprint", root=tree).done()["vermagic"] == vermagic


def test_a_noisy_login_shell_does_not_spoil_the_answer(shell: str, tree: Path) -> None:
    command = f"{' '.join(SHELLS[shell])} {PROGRAM} --root {tree} status"
    script = f"echo Welcome; echo begin here; exec {command}"
    answer = run(["sh", "-c", script])
    assert answer.lines[0] == "begin=status" and answer.lines[-2] == "end=0"


def test_it_runs_from_standard_input(shell: str, tree: Path) -> None:
    program = PROGRAM.read_bytes()
    words = [*SHELLS[shell], "-s", "--", "status", "--root", str(tree)]
    assert run(words, stdin=program).done()["fingerprint"] == fingerprint_id(FACTS)


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.999])
def test_a_program_that_arrives_cut_does_nothing(shell: str, kept: float, tree: Path) -> None:
    program = PROGRAM.read_bytes()
    words = [*SHELLS[shell], "-s", "--", "remove", "--root", str(tree)]
    answer = run(words, stdin=program[: int(len(program) * kept)])
    assert answer.stdout == ""


def test_status_needs_no_root_and_leaves_nothing(shell: str, tree: Path) -> None:
    before = snapshot(tree)
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("NOT TESTED: setpriv is not installed")
        for path in [tree, *tree.parents]:
            path.chmod(path.stat().st_mode | 0o055)
        program = PROGRAM.read_bytes()
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                 *SHELLS[shell], "-s", "--", "status", "--root", str(tree)]  # fmt: skip
        answer = run(words, stdin=program).done()
        assert answer["uid"] == "65534"
        assert answer["gate.root"].startswith("closed: ")
    else:
        answer = node(shell, "status", root=tree).done()
    assert answer["kernel_build_id"] == KERNEL_BUILD_ID
    assert (answer["loaded"], answer["installed"], answer["persistent"]) == ("no", "", "no")
    assert snapshot(tree) == before


def test_it_runs_with_unset_variables_as_errors(shell: str, tree: Path) -> None:
    words = [*SHELLS[shell], "-u", str(PROGRAM), "--root", str(tree), "status"]
    answer = run(words)
    answer.done()
    assert answer.stderr == ""


def test_status_on_this_machine_agrees_with_uname(shell: str) -> None:
    answer = node(shell, "status").done()
    uname = os.uname()
    assert answer["kernel_release"] == uname.release
    assert answer["kernel_version"] == uname.version
    assert answer["arch"] == uname.machine
    assert answer["page_size"] == str(os.sysconf("SC_PAGESIZE"))
    assert answer.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        [], ["nonsense"], ["status", "verify"], ["status", "--from", "/x"], ["build", "--part"],
        ["deploy"], ["install", "--what"], ["status", "--root", "relative"], ["build"],
        ["load", "--root", "/tmp"], ["status;reboot"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_arguments_are_answered_as_usage_errors(shell: str, words: list[str]) -> None:
    node(shell, *words).failed("usage")
