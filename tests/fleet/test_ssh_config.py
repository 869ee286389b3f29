# SPDX-License-Identifier: GPL-2.0-only
"""What ssh_config says about logging in and connecting, on a real sshd: a key of an
agent of its own, a certificate, files that are included, addresses that do not answer."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import paramiko
import pytest

from fleet.loopback import Fleet
from toa_fleet.carriers.ssh.auth import KeyAuth, KeyRing
from toa_fleet.carriers.ssh.settings import SshConfig
from toa_fleet.carriers.ssh.wire import dial
from toa_fleet.inventory import parse_host

Run = Callable[..., Any]
Fields = dict[str, str]


def config_without_keys(fleet: Fleet, *lines: str) -> None:
    """The ssh_config of a test that says itself who logs in, and how."""
    text = [*lines, "Host *", f"  UserKnownHostsFile {fleet.known_hosts}"]
    (fleet.home / "config").write_text("\n".join([*text, "  GlobalKnownHostsFile none", ""]))


@pytest.fixture
def agent(tmp_path: Path, fleet: Fleet) -> Iterator[Path]:
    """The socket of a real agent that has the key which the sshd lets in."""
    if not shutil.which("ssh-agent"):
        pytest.skip("NOT TESTED: no ssh-agent here")
    path = tmp_path / "agent socket"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            added = subprocess.run(
                ["ssh-add", "-q", str(fleet.root / "user_key")],
                env={"SSH_AUTH_SOCK": str(path)}, capture_output=True, check=False,
            )  # fmt: skip
            if added.returncode == 0:
                break
        yield path
    finally:
        process.terminate()
        process.wait()


def test_the_agent_that_the_config_names_is_asked(
    fleet: Fleet, toa_fleet: Run, fields: Fields, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fleet.node().be(fields).name
    config_without_keys(fleet, f'IdentityAgent "{agent}"', "IdentityFile none")
    assert toa_fleet("status", name).status == 0
    # The environment's is another one, and is not asked.
    monkeypatch.setenv("SSH_AUTH_SOCK", str(fleet.home / "nobody"))
    assert toa_fleet("status", name).status == 0
    config_without_keys(fleet, "IdentityFile none")
    refused = toa_fleet("status", name)
    assert refused.status == 4 and "tried no key" in refused.text


@pytest.mark.parametrize("beside", [True, False], ids=["by-the-keys-side", "CertificateFile"])
def test_a_certificate_logs_in_where_the_key_alone_does_not(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path, beside: bool
) -> None:
    key = tmp_path / "mine"
    keygen = ["ssh-keygen", "-q"]
    subprocess.run([*keygen, "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    name = fleet.node().be(fields).name
    config_without_keys(fleet, "IdentityAgent none", f"IdentityFile {key}")
    assert toa_fleet("status", name).status == 4

    signed = ["-s", str(fleet.root / "user_ca"), "-I", "me", "-n", getpass.getuser()]
    subprocess.run([*keygen, *signed, f"{key}.pub"], check=True)
    lines = ["IdentityAgent none", f"IdentityFile {key}"]
    if not beside:
        (tmp_path / "mine-cert.pub").rename(tmp_path / "elsewhere.pub")
        config_without_keys(fleet, *lines)
        assert toa_fleet("status", name).status == 4
        lines.append(f"CertificateFile {tmp_path}/elsewhere.pub")
    config_without_keys(fleet, *lines)
    logged_in = toa_fleet("status", name)
    assert logged_in.status == 0, logged_in.text


def test_a_file_that_is_included_says_where_a_node_is(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    node = fleet.node().be(fields)
    (fleet.home / "more").mkdir()
    (fleet.home / "more/web.conf").write_text(
        f"Host web1\n  HostName {node.address}\n  Port {node.port}\n"
    )
    fleet.write_config(f"Include {fleet.home}/more/*.conf")
    asked = toa_fleet("status", "web1")
    assert asked.status == 0, asked.text


def test_a_file_that_ssh_cannot_use_ends_it_with_sshs_words(fleet: Fleet, toa_fleet: Run) -> None:
    fleet.write_config("Host web1", "  Prot 22")
    refused = toa_fleet("status", "web1", "web2")
    assert refused.status == 2
    assert refused.err.count("line 2: Bad configuration option: prot") == 1


def test_an_address_that_swallows_all_leaves_the_next_its_time() -> None:
    with socket.socket() as silent, socket.socket() as answers:
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)
        answers.bind(("127.0.0.1", 0))
        answers.listen(1)
        # Whoever comes behind these gets no answer any more.
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(silent.getsockname())
        places = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", each.getsockname())
            for each in (silent, answers)
        ]
        with dial(places, 0.5, "127.0.0.9") as sock:
            assert sock.getpeername() == answers.getsockname()
            assert sock.getsockname()[0] == "127.0.0.9"
        for each in waiting:
            each.close()


class _TakesNone(paramiko.ServerInterface):
    """Stands in for a server that knows by the network who it is."""

    def get_allowed_auths(self, username: str) -> str:
        return "none"

    def check_auth_none(self, username: str) -> int:
        return int(paramiko.common.AUTH_SUCCESSFUL)


@pytest.mark.parametrize("keys", ["none", "one"])
def test_a_stand_in_server_that_takes_the_method_none_is_logged_in_to(
    keys: str, fleet: Fleet
) -> None:
    identity = "none" if keys == "none" else fleet.root / "other_key"
    config_without_keys(fleet, "IdentityAgent none", f"IdentityFile {identity}")
    settings = SshConfig(fleet.home / "config").settings(parse_host("node7"))
    ours, theirs = socket.socketpair()
    server = paramiko.Transport(theirs)
    server.add_server_key(paramiko.PKey.from_path(fleet.root / "host_key"))
    server.start_server(event=threading.Event(), server=_TakesNone())
    transport = paramiko.Transport(ours)
    try:
        transport.start_client(timeout=20)
        assert KeyAuth(settings, KeyRing()).authenticate(transport) == []
        assert transport.is_authenticated()
    finally:
        transport.close()
        server.close()
