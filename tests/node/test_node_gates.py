# SPDX-License-Identifier: GPL-2.0-only
"""The gates: may this node load a module at all?"""

from __future__ import annotations

from pathlib import Path

import pytest
from node_support import RELEASE, node, note, write

CASES = {
    "modules_disabled": ("proc/sys/kernel/modules_disabled", "1\n", "closed", "reboot"),
    "signature": ("sys/module/module/parameters/sig_enforce", "Y\n", "closed", "sign"),
    "lockdown": ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n", "closed",
                 "integrity"),
    "kprobes": ("sys/kernel/debug/kprobes/enabled", "0\n", "closed", "echo 1"),
}  # fmt: skip
OPEN_CASES = {
    "modules_disabled": ("proc/sys/kernel/modules_disabled", "0\n"),
    "signature": ("sys/module/module/parameters/sig_enforce", "N\n"),
    "lockdown": ("sys/kernel/security/lockdown", "[none] integrity confidentiality\n"),
    "kprobes": ("proc/sys/debug/kprobes-optimization", "1\n"),
}


@pytest.mark.parametrize("gate", CASES)
def test_a_closed_gate_says_why_and_what_to_do(shell: str, gate: str, tree: Path) -> None:
    path, content, word, remedy = CASES[gate]
    write(tree / path, content)
    verdict = node(shell, "status", root=tree).done()[f"gate.{gate}"]
    assert verdict.startswith(f"{word}: ") and remedy in verdict


@pytest.mark.parametrize("gate", OPEN_CASES)
def test_an_open_gate_says_open(shell: str, gate: str, tree: Path) -> None:
    path, content = OPEN_CASES[gate]
    write(tree / path, content)
    assert node(shell, "status", root=tree).done()[f"gate.{gate}"] == "open"


@pytest.mark.parametrize(
    ("line", "word"),
    [("CONFIG_KRETPROBES=y\n", "open"), ("# CONFIG_KPROBES is not set\n", "closed")],
)
def test_kprobes_are_looked_up_in_the_configuration(
    shell: str, line: str, word: str, tree: Path
) -> None:
    write(tree / f"boot/config-{RELEASE}", line)
    assert node(shell, "status", root=tree).done()["gate.kprobes"].startswith(word)


def test_ftrace_switched_off_closes_the_kprobes_gate(shell: str, tree: Path) -> None:
    write(tree / "proc/sys/debug/kprobes-optimization", "1\n")
    write(tree / "proc/sys/kernel/ftrace_enabled", "0\n")
    verdict = node(shell, "status", root=tree).done()["gate.kprobes"]
    assert verdict.startswith("closed: ") and "sysctl" in verdict


def test_the_modules_parameters_come_from_modprobe_d(shell: str, tree: Path) -> None:
    write(tree / "etc/modprobe.d/a.conf", "# options toa kinds=1\noptions toast kinds=2\n")
    write(tree / "etc/modprobe.d/toa.conf", "options toa kinds=254,200 trusted=10.0.0.0/8\n")
    write(tree / "etc/modprobe.d/z.conf", "\toptions  toa\tmax_connections=5")
    write(tree / "etc/modprobe.d/toa.conf.old", "options toa kinds=3\n")
    answer = node(shell, "status", root=tree).done()
    assert answer["options"] == "kinds=254,200 trusted=10.0.0.0/8 max_connections=5"
    assert answer["gate.options"] == "open"


@pytest.mark.parametrize(
    "words", ["kinds", "kinds=254 200", "kinds='254'", "kinds=$(id)", "kinds=*", "a=b=c", "x=1 \\"]
)
def test_a_parameter_that_insmod_could_misread_closes_a_gate(
    shell: str, words: str, tree: Path
) -> None:
    write(tree / "etc/modprobe.d/toa.conf", f"options toa {words}\n")
    verdict = node(shell, "status", root=tree).done()["gate.options"]
    assert verdict.startswith("closed: /etc/modprobe.d/toa.conf: bad option")


def test_a_toa_that_is_not_ours_is_named(shell: str, tree: Path) -> None:
    module = tree / "sys/module/toa"
    write(module / "initstate", "live\n")
    write(module / "srcversion", "ABCDEF\n")
    write(module / "notes/.note.gnu.build-id", note(b"GNU\0", 3, b"\xab" * 20))
    write(module / "parameters/hooks", "armed\n")
    answer = node(shell, "status", root=tree).done()
    assert (answer["loaded"], answer["loaded_artifact"]) == ("yes", "")
    assert answer["loaded_build_id"] == "ab" * 20
    assert answer["hooks"] == "armed"
    verdict = answer["gate.foreign"]
    assert verdict.startswith("closed: ") and "ab" * 20 in verdict and "ABCDEF" in verdict
