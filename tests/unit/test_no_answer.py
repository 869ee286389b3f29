# SPDX-License-Identifier: GPL-2.0-only
"""Why a command left no answer, found in its exit status and its words."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from toa_fleet.bundle import plain
from toa_fleet.carriers.base import Completed
from toa_fleet.carriers.no_answer import explain
from toa_fleet.errors import BrokenAnswer, NoAnswer, NodeError, NoShell
from toa_fleet.inventory import parse_host
from unit.stand_ins import StandInSession

_SHELLS = ("dash", "bash", "mksh", "busybox sh", "zsh", "tcsh", "fish", "ksh93", "yash")


def _explained(
    status: int, stderr: bytes = b"", stdout: bytes = b"", sudo: bool = True
) -> NodeError:
    completed = Completed(status, stdout, stderr)
    return explain(NoAnswer("no answer"), completed, stderr.decode(), sudo)


@pytest.mark.parametrize(
    "said",
    [
        "sh: 1: sudo: not found",
        "bash: line 1: sudo: command not found",
        "bash: Zeile 1: sudo: Kommando nicht gefunden.",
        "zsh:1: command not found: sudo",
        "mksh: sudo: inaccessible or not found",
        "fish: Unknown command: sudo",
        "env: can't execute 'sudo': No such file or directory",
        "env: “sudo”: 没有那个文件或目录",
    ],
)
def test_a_missing_sudo_is_known_by_its_exit_status(said: str) -> None:
    error = _explained(127, said.encode())
    assert (error.word, error.detail) == ("sudo", f"sudo is not installed: {said}")


@pytest.mark.parametrize("shell", _SHELLS)
def test_a_missing_sudo_is_told_under_every_login_shell(shell: str, tmp_path: Path) -> None:
    words = shell.split()
    found = shutil.which(words[0])
    if not found:
        pytest.skip(f"NOT TESTED: no {shell} here")
    for command in ("env", "sh", "cat"):
        (tmp_path / command).symlink_to(str(shutil.which(command)))
    request = plain(b":", "status")
    command = StandInSession(parse_host("node"), sudo=True).command(request)
    done = subprocess.run(
        [found, *words[1:], "-c", shlex.join(command)],
        input=request.payload[0],
        capture_output=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    error = _explained(done.returncode, done.stderr)
    assert error.word == "sudo"
    assert error.detail.startswith("sudo is not installed: ")


def test_sudos_words_are_found_behind_any_amount_of_noise() -> None:
    error = _explained(1, b"perl: warning: Setting locale failed.\n" * 60 + b"sudo: no\n")
    assert error.detail.endswith("sudo: no")


def test_a_sh_that_sudo_does_not_find_is_no_trouble_with_sudo() -> None:
    error = _explained(1, b"sudo: sh: command not found")
    assert (error.word, error.detail.partition(":")[0]) == ("shell", "the node has no usable sh")


def test_a_login_shell_that_runs_nothing_is_no_trouble_with_sudo() -> None:
    error = _explained(1, stdout=b"Please log in as the user admin.\n")
    assert type(error) is BrokenAnswer


@pytest.mark.parametrize("sudo", [True, False])
@pytest.mark.parametrize(
    ("stdout", "stderr"),
    [
        (b"This account is currently not available.\n", b""),
        (b"", b"WARNING: Your password has expired.\nPassword change required but no TTY.\n"),
    ],
)
def test_an_account_that_runs_nothing_is_told(stdout: bytes, stderr: bytes, sudo: bool) -> None:
    error = _explained(1, stderr, stdout, sudo)
    assert isinstance(error, NoShell)
    assert error.word == "shell"
    assert "account" in error.detail
    assert error.hint


def test_the_failure_of_a_program_that_began_is_never_laid_on_sudo() -> None:
    broken = BrokenAnswer("the answer to status was cut")
    stderr = b"sudo: a password is required"
    assert explain(broken, Completed(1, b"begin=status\n", stderr), "", True).word == "answer"
    assert _explained(2, b"sh: 1: Syntax error").word == "answer"
