# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from toa_fleet.carriers.ssh.known_hosts import KnownHosts, Verdict, sha256_fingerprint

_KEY, _OTHER = b"the key of a host", b"another key of it"
_ED = "ssh-ed25519"


def _line(hosts: str, key: bytes = _KEY, kind: str = _ED) -> str:
    return f"{hosts} {kind} {base64.b64encode(key).decode()} comment\n"


def _known(tmp_path: Path, *lines: str) -> KnownHosts:
    path = tmp_path / "known_hosts"
    path.write_text("".join(lines))
    return KnownHosts([path])


def _verdict(known: KnownHosts, host: str = "node7", port: int = 22, key: bytes = _KEY) -> Verdict:
    return known.check(host, port, _ED, key)[0]


@pytest.mark.parametrize(
    "field", ["node7", "NODE7", "other,node7,192.0.2.7", "node*", "node?", "*,!node8", "n*7"]
)
def test_a_host_is_known_by_name_list_and_pattern(field: str, tmp_path: Path) -> None:
    known = _known(tmp_path, "# comment\n", "\n", _line(field))
    assert _verdict(known) is Verdict.KNOWN
    assert _verdict(known, "Node7") is Verdict.KNOWN
    assert _verdict(known, key=_OTHER) is Verdict.CHANGED


@pytest.mark.parametrize("field", ["node70", "xnode7", "*,!node7", "!node7", "[node7]:2222"])
def test_a_host_that_no_line_names_is_unknown(field: str, tmp_path: Path) -> None:
    assert _verdict(_known(tmp_path, _line(field))) is Verdict.UNKNOWN


def test_another_port_is_looked_up_with_it_and_then_by_the_plain_name(tmp_path: Path) -> None:
    known = _known(tmp_path, _line("[node7]:2222"), _line("node8"))
    assert _verdict(known, "node7", 2222) is Verdict.KNOWN
    assert _verdict(known, "node7", 2222, _OTHER) is Verdict.CHANGED
    assert _verdict(known, "node7", 2223) is Verdict.UNKNOWN
    assert _verdict(known, "node8", 2222) is Verdict.KNOWN
    assert _verdict(known, "node8", 2222, _OTHER) is Verdict.UNKNOWN


def test_brackets_of_a_port_are_no_character_class(tmp_path: Path) -> None:
    known = _known(tmp_path, _line("[node*]:2222"))
    assert _verdict(known, "node7", 2222) is Verdict.KNOWN
    assert _verdict(known, "n", 22) is Verdict.UNKNOWN


def test_a_revoked_key_is_refused_even_where_it_is_known(tmp_path: Path) -> None:
    known = _known(tmp_path, _line("node7"), "@revoked " + _line("*"))
    assert _verdict(known) is Verdict.REVOKED
    assert _verdict(known, port=2222) is Verdict.REVOKED


def test_a_certificate_authority_makes_no_host_known_and_is_told(tmp_path: Path) -> None:
    verdict, lines = _known(tmp_path, "@cert-authority " + _line("*")).check("node7", 22, _ED, _KEY)
    assert verdict is Verdict.UNKNOWN
    assert lines[0].marker == "@cert-authority"


def test_a_key_of_a_type_never_recorded_is_not_new_while_others_are_known(tmp_path: Path) -> None:
    known = _known(tmp_path, _line("node7", _OTHER, "ssh-rsa"))
    assert _verdict(known) is Verdict.CHANGED
    assert known.kinds("node7", 22) == ["ssh-rsa"]


def test_a_key_that_is_one_of_several_is_known(tmp_path: Path) -> None:
    known = _known(tmp_path, _line("node7", _OTHER), _line("node7"))
    assert _verdict(known) is Verdict.KNOWN


@pytest.mark.parametrize("line", ["node7\n", "node7 x !!!\n", "@strange " + _line("node7"), "\0\n"])
def test_lines_that_cannot_be_read_are_passed_over(line: str, tmp_path: Path) -> None:
    known = _known(tmp_path, line, _line("node8"))
    assert _verdict(known) is Verdict.UNKNOWN
    assert _verdict(known, "node8") is Verdict.KNOWN


@pytest.mark.parametrize("hashed", [False, True])
def test_a_recorded_key_is_known_at_once_and_when_read_again(hashed: bool, tmp_path: Path) -> None:
    path = tmp_path / "new" / "known_hosts"
    known = KnownHosts([path])
    known.record(path, "Node7", 2222, _ED, _KEY, hashed)
    assert _verdict(known, "node7", 2222) is Verdict.KNOWN
    assert _verdict(KnownHosts([path]), "node7", 2222) is Verdict.KNOWN
    assert ("node7" in path.read_text()) == (not hashed)
    assert path.stat().st_mode & 0o077 == 0


def test_recording_does_not_swallow_a_last_line_without_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(_line("node8").rstrip("\n"))
    KnownHosts([path]).record(path, "node7", 22, _ED, _KEY, False)
    known = KnownHosts([path])
    assert _verdict(known, "node7") is Verdict.KNOWN
    assert _verdict(known, "node8") is Verdict.KNOWN


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="NOT TESTED: no ssh-keygen here")
def test_hashes_and_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True
    )
    _, encoded, *_ = (tmp_path / "key.pub").read_text().split()
    key = base64.b64decode(encoded)
    path = tmp_path / "known_hosts"
    path.write_text(f"[node7]:2222,node7 {_ED} {encoded}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", path], check=True, capture_output=True)
    assert "node7" not in path.read_text()

    known = KnownHosts([path])
    assert _verdict(known, "node7", 2222, key) is Verdict.KNOWN
    assert _verdict(known, "node7", 22, key) is Verdict.KNOWN
    assert _verdict(known, "node7", 22, _OTHER) is Verdict.CHANGED
    shown = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True
    )
    assert sha256_fingerprint(key) in shown.stdout

    new = tmp_path / "recorded"
    known.record(new, "node9", 2222, _ED, key, True)
    found = subprocess.run(
        ["ssh-keygen", "-F", "[node9]:2222", "-f", new], capture_output=True, check=False
    )
    assert found.returncode == 0, "ssh-keygen does not find what we recorded"
