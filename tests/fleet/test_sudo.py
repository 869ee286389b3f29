# SPDX-License-Identifier: GPL-2.0-only
"""What sudo says is told apart in any language, over a real sshd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any, Callable

import pytest

from fleet.loopback import Fleet, Node

Run = Callable[..., Any]
Fields = dict[str, str]


def _says(words: str, status: int = 1) -> str:
    return f'cat >&2 <<"END"\n{words}\nEND\nexit {status}'


# A stand-in that speaks Chinese as the real one does: unless it is asked not to.
_CHINESE = """case $LC_ALL in
C) echo 'sudo: a password is required' ;;
*) echo 'sudo: 需要密码' ;;
esac >&2
exit 1"""

_PASSWORD = "sudo wants a password"
_REFUSED = "sudo refuses this user"
_SILENT = ("without a word", "Welcome!")
_TROUBLE = {
    "password": (_says("sudo: a password is required"), _PASSWORD, "NOPASSWD"),
    "password, in Chinese": (_CHINESE, _PASSWORD, "NOPASSWD"),
    "in Chinese whatever it is asked": (
        _says("sudo: 需要密码"),
        "sudo did not run the node program: sudo: 需要密码",
        "NOPASSWD",
    ),
    _SILENT[0]: ("exit 1", "sudo did not run the node program", "NOPASSWD"),
    "password of sudo-rs": (
        _says("sudo: interactive authentication is required"),
        _PASSWORD,
        "NOPASSWD",
    ),
    "terminal": (
        _says("sudo: sorry, you must have a tty to run sudo"),
        "sudo wants a terminal",
        "requiretty",
    ),
    "refused": (_says("x is not in the sudoers file."), _REFUSED, "sudoers"),
    "refused by sudo-rs": (
        _says("sudo: I'm sorry deploy. I'm afraid I can't do that"),
        _REFUSED,
        "sudoers",
    ),
    "expired": (
        _says(
            "sudo: Account or password is expired, reset your password and try again\n"
            "sudo: a password is required"
        ),
        "sudo takes this account for expired or locked",
        "chage",
    ),
    "broken": (
        _says("sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set"),
        "sudo does not work on this node",
        "visudo -c",
    ),
    "not to be executed": (
        _says("env: 'sudo': Permission denied", 126),
        "there is no sudo that this user may execute",
        "install sudo",
    ),
}


def _found(toa_fleet: Run, node: Node) -> dict[str, Any]:
    outcome = toa_fleet("status", node.name, "--sudo", "--json")
    assert outcome.status == 4, outcome.text
    found: dict[str, Any] = json.loads(outcome.out)["nodes"][0]
    return found


# Silence behind a noisy profile is not told from a login shell that runs nothing.
_CASES = [
    (kind, noise) for kind in _TROUBLE for noise in ("", "Welcome!") if (kind, noise) != _SILENT
]


@pytest.mark.parametrize(("kind", "noise"), _CASES)
def test_trouble_with_sudo_is_told_apart(
    kind: str, noise: str, fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    script, says, remedy = _TROUBLE[kind]
    node = fleet.node().be(fields).write("banner", noise).with_commands(sudo=script)
    found = _found(toa_fleet, node)
    assert found["class"] == "sudo"
    assert says in found["detail"]
    assert remedy in found["hint"]
    assert "root without --sudo" in found["hint"]


def test_sudo_that_is_not_there_is_told(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    found = _found(toa_fleet, fleet.node().be(fields).with_commands())
    assert found["class"] == "sudo"
    assert "sudo is not installed" in found["detail"]
    assert "install sudo" in found["hint"]


def test_sudo_that_works_runs_the_program(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    works = '[ "$1" = -n ] && shift && exec "$@"'
    node = fleet.node().be(fields).with_commands(sudo=works)
    assert toa_fleet("status", node.name, "--sudo").status == 0
    assert node.commands == ["env LC_ALL=C sudo -n status"]


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("sudo") or not shutil.which("setpriv"),
    reason="NOT TESTED: no sudo here, or not run by root",
)
@pytest.mark.parametrize("language", ["C", "zh_CN.utf8"])
def test_the_real_sudo_is_understood_in_any_language(
    language: str, fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    locales = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    if language not in locales.split():
        pytest.skip(f"NOT TESTED: no locale {language} here")
    # The language is the account's, so it is set outside of what toa-fleet sends.
    real = (
        f"export LANG={language}\n"
        f"exec {shutil.which('setpriv')} --reuid=65534 --regid=65534 --clear-groups "
        f'{shutil.which("sudo")} "$@"'
    )
    found = _found(toa_fleet, fleet.node().be(fields).with_commands(sudo=real))
    assert (found["class"], found["detail"]) == (
        "sudo",
        f"{_PASSWORD}: sudo: a password is required",
    )
    assert "NOPASSWD" in found["hint"]
