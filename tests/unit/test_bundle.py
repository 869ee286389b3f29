# SPDX-License-Identifier: GPL-2.0-only
"""The bootstrap, run by the real shells of this machine in a directory of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional

import pytest

from toa_fleet.bundle import Part, Request, bundled, plain
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
    request: Request,
    root: Path,
    shell: list[str],
    data: bytes,
    environment: Optional[dict[str, str]] = None,
) -> subprocess.CompletedProcess[bytes]:
    line = request.argv[2].replace("/var/lib/toa", str(root))
    argv = [*shell, "-c", line, *request.argv[3:]]
    return subprocess.run(
        argv, input=data, capture_output=True, timeout=20, check=False, env=environment
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lib" / "toa"


_REQUEST = bundled(_PROGRAM, "deploy", [Part("toa.ko", b"\0\1\2" * 999)], ["--flag"])
_DATA = b"".join(_REQUEST.payload)
_PLAIN = plain(b'echo "begin=$1"; echo "arguments=$*"; echo end=0\n', "status", ["--flag"])


@pytest.mark.parametrize("shell", _SHELLS)
def test_the_program_gets_its_parts_and_nothing_is_left(shell: list[str], root: Path) -> None:
    done = _run(_REQUEST, root, shell, _DATA)
    answer = parse("deploy", done.stdout, done.returncode)
    assert answer.status == 7
    staging = answer.values["arguments"].split()[2]
    assert staging.startswith(f"{root}/.staging.")
    assert answer.values["arguments"].split()[3:] == list(_REQUEST.argv[6:])
    whole = b"".join(_REQUEST.unpacked().payload)
    assert answer.values["bundle"] == hashlib.sha256(whole).hexdigest()
    assert answer.values["stdin"] == ""
    assert not root.exists()


@pytest.mark.parametrize("shell", _SHELLS)
def test_a_store_that_is_there_stays(shell: list[str], root: Path) -> None:
    (root / "kept").mkdir(parents=True)
    _run(_REQUEST, root, shell, _DATA)
    assert [path.name for path in root.iterdir()] == ["kept"]


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("length", [0, 1, 30, len(_PROGRAM) - 1])
def test_a_program_that_was_cut_short_is_never_run(
    length: int, packed: bool, shell: list[str], root: Path
) -> None:
    request = _REQUEST if packed else _REQUEST.unpacked()
    done = _run(request, root, shell, b"".join(request.payload)[:length])
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
        big = bundled(_PROGRAM, "deploy", [Part("toa.ko", bytes(1 << 20))])
        done = _run(big, root, ["sh"], b"".join(big.payload))
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


@pytest.mark.parametrize("request_", [_REQUEST, _PLAIN], ids=["bundle", "plain"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_bootstrap_has_nothing_that_a_login_shell_could_take_for_its_own(
    request_: Request, packed: bool
) -> None:
    bootstrap = (request_ if packed else request_.unpacked()).argv[2]
    assert not set(bootstrap) & set("'!\\\n\r\t")
    assert bootstrap.isascii()
    assert len(bootstrap) < 2000


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize("packed", [True, False])
def test_a_program_alone_is_run_with_its_arguments(
    shell: list[str], packed: bool, root: Path
) -> None:
    request = _PLAIN if packed else _PLAIN.unpacked()
    done = _run(request, root, shell, b"".join(request.payload))
    assert parse("status", done.stdout, done.returncode).values == {"arguments": "status --flag"}
    assert not root.exists()


@pytest.mark.parametrize("shell", _SHELLS)
@pytest.mark.parametrize("request_", [_REQUEST, _PLAIN], ids=["bundle", "plain"])
def test_a_node_without_gzip_says_so_and_takes_it_unpacked(
    shell: list[str], request_: Request, root: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("cat", "rm", "mkdir", "rmdir", "chmod", "wc", "dd", "sh", "sha256sum", "cut"):
        (tools / name).symlink_to(shutil.which(name) or name)
    # busybox has a gzip inside of it, which it prefers.
    words = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    if shell[0] == "busybox":
        pytest.skip("busybox is its own gzip")
    only = {"PATH": str(tools)}
    done = _run(request_, root, words, b"".join(request_.payload), only)
    answer = parse(request_.verb, done.stdout, done.returncode)
    assert (answer.values["unpacked"], answer.status) == ("wanted", 9)
    assert "gzip" in answer.values["detail"]
    again = request_.unpacked()
    done = _run(again, root, words, b"".join(again.payload), only)
    assert parse(request_.verb, done.stdout, done.returncode).status in (0, 7)
    assert not root.exists()


def test_what_compresses_is_packed() -> None:
    program = b"# the same line again and again\n" * 999
    request = plain(program, "status")
    assert request.size < len(program) / 10
    assert request.unpacked().payload == (program,)
    assert plain(program, "status").payload[0] is request.payload[0], "packed once for all nodes"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a/./b", "a b", "a;b", "ü"])
def test_names_that_the_protocol_rules_out_cannot_be_sent(name: str) -> None:
    with pytest.raises(LocalError):
        Part(name, b"")
