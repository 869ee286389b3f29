# SPDX-License-Identifier: GPL-2.0-only
"""The bootstrap, run by the real shells of this machine in a directory of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from toa_fleet.bundle import BOOTSTRAP, Part, Request, bundled, plain
from toa_fleet.errors import LocalError
from toa_fleet.protocol import parse

# Shows what it was given: its arguments, and the parts cut out by size.
_PROGRAM = b"""
echo "begin=$1"
echo "arguments=$*"
echo "bundle=$(sha256sum <"$3/bundle" | cut -c 1-64)"
echo "stdin=$(cat)"
echo "end=7"
exit 7
"""
_SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(not shutil.which(shell[0]), reason="not here"))
    for shell in (["dash"], ["bash"], ["busybox", "sh"], ["ksh"], ["mksh"])
]
_LOGIN_SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(not shutil.which(shell), reason="not here"))
    for shell in ("sh", "bash", "tcsh", "csh", "fish", "zsh")
]


def _run(
    request: Request, root: Path, shell: list[str], data: bytes
) -> subprocess.CompletedProcess[bytes]:
    line = request.argv[2].replace("/var/lib/toa", str(root))
    argv = [*shell, "-c", line, *request.argv[3:]]
    return subprocess.run(argv, input=data, capture_output=True, timeout=20, check=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lib" / "toa"


_REQUEST = bundled(_PROGRAM, "deploy", [Part("toa.ko", b"\0\1\2" * 999)], ["--flag"])
_DATA = b"".join(_REQUEST.payload)


@pytest.mark.parametrize("shell", _SHELLS)
def test_the_program_gets_its_parts_and_nothing_is_left(shell: list[str], root: Path) -> None:
    done = _run(_REQUEST, root, shell, _DATA)
    answer = parse("deploy", done.stdout, done.returncode)
    assert answer.status == 7
    staging = answer.values["arguments"].split()[2]
    assert staging.startswith(f"{root}/.staging.")
    assert answer.values["arguments"].split()[3:] == list(_REQUEST.argv[6:])
    assert answer.values["bundle"] == hashlib.sha256(_DATA).hexdigest()
    assert answer.values["stdin"] == ""
    assert not root.exists()


@pytest.mark.parametrize("shell", _SHELLS)
def test_a_store_that_is_there_stays(shell: list[str], root: Path) -> None:
    (root / "kept").mkdir(parents=True)
    _run(_REQUEST, root, shell, _DATA)
    assert [path.name for path in root.iterdir()] == ["kept"]


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize("length", [0, 1, len(_PROGRAM) - 1])
def test_a_program_that_was_cut_short_is_never_run(
    length: int, shell: list[str], root: Path
) -> None:
    done = _run(_REQUEST, root, shell, _DATA[:length])
    answer = parse("deploy", done.stdout, done.returncode)
    assert answer.status == 9
    assert answer.values["error"] == "node"
    assert "cut short" in answer.values["detail"]
    assert not root.exists()


@pytest.mark.parametrize("shell", _SHELLS)
def test_where_nothing_can_be_written_the_input_is_drained_and_the_reason_told(
    shell: list[str], root: Path
) -> None:
    root.parent.mkdir()
    root.write_text("in the way")
    done = _run(_REQUEST, root, shell, _DATA * 50)
    answer = parse("deploy", done.stdout, done.returncode)
    assert answer.status == 9
    assert str(root) in answer.values["detail"]
    assert answer.values["hint"]


@pytest.mark.skipif(os.getuid() != 0, reason="NOT TESTED: a full disk needs root and a mount")
def test_a_full_disk_is_told_and_leaves_nothing(root: Path) -> None:
    root.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(root)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: no tmpfs can be mounted here")
    try:
        done = _run(_REQUEST, root, ["sh"], _DATA + bytes(1 << 20))
        answer = parse("deploy", done.stdout, done.returncode)
        assert answer.status == 9
        assert "No space left" in answer.values["detail"]
        assert list(root.iterdir()) == []
    finally:
        subprocess.run(["umount", str(root)], check=True)


@pytest.mark.parametrize("login", _LOGIN_SHELLS)
def test_any_login_shell_passes_the_bootstrap_on(login: str, root: Path) -> None:
    import shlex

    line = shlex.join(_REQUEST.argv).replace("/var/lib/toa", str(root))
    done = subprocess.run(
        [login, "-c", line], input=_DATA, capture_output=True, timeout=20, check=False
    )
    assert parse("deploy", done.stdout, done.returncode).status == 7, done.stderr


def test_the_bootstrap_has_nothing_that_a_login_shell_could_take_for_its_own() -> None:
    assert not set(BOOTSTRAP) & set("'!\\\n\r\t")
    assert BOOTSTRAP.isascii()
    assert len(BOOTSTRAP) < 2000


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a/./b", "a b", "a;b", "ü"])
def test_names_that_the_protocol_rules_out_cannot_be_sent(name: str) -> None:
    with pytest.raises(LocalError):
        Part(name, b"")


def test_a_request_without_parts_is_the_program_alone() -> None:
    request = plain(b"program", "status")
    assert request.argv == ("sh", "-s", "--", "status")
    assert request.payload == (b"program",)
    assert request.size == 7
