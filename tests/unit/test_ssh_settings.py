# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import getpass
import shutil
import socket
import time
from pathlib import Path
from typing import Optional

import pytest

from toa_fleet.carriers.ssh import openssh
from toa_fleet.carriers.ssh.settings import SshConfig, SshSettings
from toa_fleet.errors import Unreachable, UsageError
from toa_fleet.inventory import parse_host

#: By whom the files are read; what both can read they have to read alike.
CLIENTS = {"ssh": shutil.which("ssh"), "parser": None}
both = pytest.mark.parametrize("reader", CLIENTS)


def _settings(
    tmp_path: Path, text: str, host: str = "node7", reader: str = "ssh", given: bool = True
) -> SshSettings:
    client: Optional[str] = CLIENTS[reader]
    if reader == "ssh" and client is None:
        pytest.skip("NOT TESTED: OpenSSH's client is not installed")
    path = tmp_path / "config"
    path.write_text(text)
    identities = [Path("/given")] if given else []
    return SshConfig(path, identities, client).settings(parse_host(host))


@both
def test_the_entry_of_a_host_is_honoured(tmp_path: Path, reader: str) -> None:
    settings = _settings(
        tmp_path,
        """
        Host node7
          HostName 192.0.2.7
          Port 2222
          User admin
          IdentityFile ~/.ssh/fleet
          IdentitiesOnly yes
          UserKnownHostsFile ~/a /b
          GlobalKnownHostsFile none
          HashKnownHosts yes
          ConnectTimeout 3
        """,
        reader=reader,
    )
    assert (settings.address, settings.port, settings.user) == ("192.0.2.7", 2222, "admin")
    assert settings.key_name == "192.0.2.7"
    assert settings.identities == (Path("/given"), Path("~/.ssh/fleet").expanduser())
    assert settings.identities_only
    assert settings.user_known_hosts == (Path("~/a").expanduser(), Path("/b"))
    assert settings.global_known_hosts == ()
    assert settings.hash_known_hosts
    assert settings.connect_timeout == 3.0


@both
def test_what_the_host_itself_says_goes_before_its_entry(tmp_path: Path, reader: str) -> None:
    text = "Host node7\n  Port 2222\n  User admin\n"
    settings = _settings(tmp_path, text, "root@node7:23", reader)
    assert (settings.port, settings.user) == (23, "root")


@both
def test_without_an_entry_the_defaults_are_those_of_ssh(tmp_path: Path, reader: str) -> None:
    settings = _settings(tmp_path, "", reader=reader)
    assert (settings.address, settings.port) == ("node7", 22)
    assert settings.user == getpass.getuser()
    assert settings.user_known_hosts[0] == Path("~/.ssh/known_hosts").expanduser()
    assert settings.global_known_hosts[0] == Path("/etc/ssh/ssh_known_hosts")
    assert settings.jump is None
    assert settings.proxy_command == ""


@both
def test_host_key_alias_names_the_key(tmp_path: Path, reader: str) -> None:
    settings = _settings(tmp_path, "Host *\n  HostKeyAlias pool\n  Port 2222\n", reader=reader)
    assert (settings.key_name, settings.key_port, settings.port) == ("pool", 22, 2222)


@both
def test_jump_hosts_are_chained_and_have_entries_of_their_own(tmp_path: Path, reader: str) -> None:
    settings = _settings(
        tmp_path,
        """
        Host node7
          ProxyJump gate,admin@inner:2200
        Host gate
          HostName 192.0.2.1
        """,
        reader=reader,
    )
    inner = settings.jump
    assert inner is not None
    assert (inner.address, inner.user, inner.port) == ("inner", "admin", 2200)
    assert inner.jump is not None
    assert inner.jump.address == "192.0.2.1"
    assert inner.jump.jump is None


def test_a_jump_host_that_the_entry_for_all_sends_to_itself(tmp_path: Path) -> None:
    """ssh will have none of it; the parser goes there directly."""
    text = "Host *\n  ProxyJump gate\n"
    with pytest.raises(Unreachable, match="jumphost loop via gate"):
        _settings(tmp_path, text)
    settings = _settings(tmp_path, text, reader="parser")
    assert settings.jump is not None
    assert settings.jump.jump is None


@both
def test_jump_hosts_may_be_addresses(tmp_path: Path, reader: str) -> None:
    text = "Host node7\n  ProxyJump 192.0.2.1,ops@192.0.2.2:2200,[2001:db8::1]:23\n"
    third = _settings(tmp_path, text, reader=reader).jump
    assert third is not None and third.jump is not None and third.jump.jump is not None
    assert (third.address, third.port) == ("2001:db8::1", 23)
    assert (third.jump.address, third.jump.user) == ("192.0.2.2", "ops")
    assert third.jump.jump.address == "192.0.2.1"


@both
def test_jump_hosts_in_a_circle_are_an_error_of_that_node(tmp_path: Path, reader: str) -> None:
    text = "Host node7\n  ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a"
    with pytest.raises(Unreachable, match="loop"):
        _settings(tmp_path, text, reader=reader)


@both
def test_a_proxy_command_is_taken_with_its_tokens(tmp_path: Path, reader: str) -> None:
    text = "Host node7\n  ProxyCommand nc -X 5 %h %p %r\n  Port 2222\n  User admin\n"
    assert _settings(tmp_path, text, reader=reader).proxy_command == "nc -X 5 node7 2222 admin"
    given = _settings(tmp_path, text, "root@node7:23", reader)
    assert given.proxy_command == "nc -X 5 node7 23 root"


@both
@pytest.mark.parametrize("entry", ["Port many", "Port 0", "ConnectTimeout soon"])
def test_an_entry_that_cannot_be_is_an_error(entry: str, tmp_path: Path, reader: str) -> None:
    with pytest.raises((Unreachable, UsageError)) as refused:
        _settings(tmp_path, f"Host node7\n  {entry}\n", reader=reader)
    # ssh names the line, the parser the node.
    assert ("config line 2" if reader == "ssh" else "node7") in refused.value.detail


# ---- what OpenSSH's client alone reads ----

HOME = str(Path("~").expanduser())


def test_files_are_included_wherever_that_stands(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/10.conf").write_text("Host node7\n  User ops\n")
    (tmp_path / "d/20.conf").write_text("Match host node7\n  Port 2207\n")
    (tmp_path / "inner").write_text("HostName 192.0.2.7\n")
    text = f"Include {tmp_path}/d/*.conf\nHost node7\n  Include {tmp_path}/inner\n"
    settings = _settings(tmp_path, text)
    assert (settings.user, settings.port, settings.address) == ("ops", 2207, "192.0.2.7")
    assert _settings(tmp_path, text, "other").address == "other"


@pytest.mark.parametrize(
    ("match", "counts"),
    [
        ("all", True),
        ("final all", False),  # it comes behind all others
        ("host node7", True),
        ("Host node*", True),
        ("host=node7", True),
        ("host !node7,*", False),
        ("originalhost node7", True),
        ("originalhost node8", False),
        ("user ops", False),
        (f"localuser {getpass.getuser()}", True),
        ("localuser nobody-of-that-name", False),
        ("exec true", True),
        ('exec "false"', False),
        ('exec "test %h = node7"', True),
        ("canonical host node7", False),
    ],
)
def test_every_criterion_of_match_counts_as_for_ssh(
    match: str, counts: bool, tmp_path: Path
) -> None:
    text = f"Match {match}\n  User stranger\nMatch all\n  User ours\n"
    assert _settings(tmp_path, text).user == ("stranger" if counts else "ours")


def test_a_criterion_that_nobody_knows_applies_to_no_host(tmp_path: Path) -> None:
    """Before OpenSSH 9.4 it is an error of the file, since then it may be known."""
    text = "Match localnetwork 203.0.113.0/24\n  User stranger\nMatch all\n  User ours\n"
    try:
        assert _settings(tmp_path, text).user == "ours"
    except UsageError as error:
        assert "config line 1" in error.detail


@pytest.mark.parametrize(
    ("line", "attribute", "value"),
    [
        ("HostName 10.0.0.9 # git server", "address", "10.0.0.9"),
        ("HostName %h.example.org", "address", "node7.example.org"),
        ("ConnectTimeout 1m30s", "connect_timeout", 90.0),
        ("ConnectTimeout none", "connect_timeout", None),
        ("IdentityFile none", "identities", ()),
        ("IdentityFile ~/.ssh/%r@%h", "identities", (Path(f"{HOME}/.ssh/ops@node7"),)),
        ("IdentityFile ${HOME}/key", "identities", (Path(f"{HOME}/key"),)),
        ('IdentityFile "%d/my key"', "identities", (Path(f"{HOME}/my key"),)),
        ("CertificateFile ~/.ssh/%h-cert.pub", "certificates",
         (Path(f"{HOME}/.ssh/node7-cert.pub"),)),
        ("IdentityAgent none", "agent", ""),
        ('IdentityAgent "~/.1password/agent.sock"', "agent", f"{HOME}/.1password/agent.sock"),
        ("IdentityAgent SSH_AUTH_SOCK", "agent", "/of/the/environment"),
        ("IdentityAgent $OTHER_AGENT", "agent", "/of/another"),
        ("Compression yes", "agent", "/of/the/environment"),
        ('UserKnownHostsFile "~/my hosts" /b/%h ${HOME}/c', "user_known_hosts",
         (Path(f"{HOME}/my hosts"), Path("/b/node7"), Path(f"{HOME}/c"))),
        ("UserKnownHostsFile none", "user_known_hosts", ()),
        ("GlobalKnownHostsFile /dev/null", "global_known_hosts", (Path("/dev/null"),)),
        ("AddressFamily inet", "family", int(socket.AF_INET)),
        ("BindAddress 127.0.0.1", "bind_address", "127.0.0.1"),
        ("ProxyCommand nc %h %p %n %r 100%%", "proxy_command", "nc node7 22 node7 ops 100%"),
        ("ProxyCommand none", "proxy_command", ""),
        ("ProxyJump none", "jump", None),
        ("StrictHostKeyChecking accept-new", "accept_new", True),
        ("StrictHostKeyChecking no", "accept_new", True),
        ("StrictHostKeyChecking yes", "accept_new", False),
        ("StrictHostKeyChecking ask", "accept_new", False),
        ("IdentitiesOnly yes", "identities_only", True),
    ],
)  # fmt: skip
def test_values_are_what_ssh_makes_of_them(
    line: str, attribute: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/of/the/environment")
    monkeypatch.setenv("OTHER_AGENT", "/of/another")
    settings = _settings(tmp_path, f"Host node7\n  User ops\n  {line}\n", given=False)
    assert getattr(settings, attribute) == value


def test_an_address_with_a_zone_and_a_name_that_looks_like_an_option(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "Host fe80*\n  User ops\n", "fe80::1%lo")
    assert (settings.address, settings.user) == ("fe80::1%lo", "ops")
    with pytest.raises(UsageError):
        parse_host("-oProxyCommand=touch")


def test_a_file_that_ssh_cannot_use_is_told_once_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="config: line 1: Bad configuration option: bogus"):
        _settings(tmp_path, "Bogus yes\n")
    with pytest.raises(UsageError, match=r"%x is not known here"):
        try:
            _settings(tmp_path, "Host node7\n  IdentityFile ~/%x\n")
        except Unreachable as error:  # it is this host's alone
            raise UsageError(error.detail) from None


@pytest.mark.parametrize(
    "line", ["RevokedHostKeys /etc/ssh/revoked", "ProxyUseFdpass yes", "BindInterface lo"]
)
def test_what_ssh_would_do_and_is_not_done_here_is_no_secret(line: str, tmp_path: Path) -> None:
    text = f"Host node7\n  {line}\n  ProxyCommand nc %h %p\n"
    with pytest.raises(
        Unreachable, match=f"entry for node7: {line.split(maxsplit=1)[0]} .* is not done"
    ):
        _settings(tmp_path, text)
    assert _settings(tmp_path, text, "node8").proxy_command == ""


def test_a_match_exec_that_does_not_end_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settings(tmp_path, "")
    monkeypatch.setattr(openssh, "_LIMIT", 2.0)
    text = f'Match exec "sleep 1000 & echo $! >{tmp_path}/pid; wait"\n  User ops\n'
    began = time.monotonic()
    with pytest.raises(UsageError, match="no answer within 2 s"):
        _settings(tmp_path, text)
    assert time.monotonic() - began < 60
    command = Path("/proc", (tmp_path / "pid").read_text().strip(), "cmdline")
    for _ in range(100):
        if not command.exists() or not command.read_bytes():
            break
        time.sleep(0.1)
    assert not command.exists() or command.read_bytes() == b""


# ---- what the parser leaves to OpenSSH's client ----


@pytest.mark.parametrize(
    "line",
    [
        "Include /etc/ssh/ssh_config.d/*.conf",
        "Match final all",
        "Match canonical",
        "Match host=node7",
        "Match Host node7",
        "Match localnetwork 10.0.0.0/8",
        "Match exec true",
        "Match host node7 tagged x",
        "CanonicalizeHostname yes",
        "HostKeyAlgorithms +ssh-rsa",
        "PKCS11Provider /usr/lib/x.so",
        "RevokedHostKeys /etc/ssh/revoked",
        "HostName 10.0.0.9 # git server",
        'IdentityFile "~/my key"',
        "Bogus yes",
    ],
)
def test_the_parser_refuses_what_it_would_get_wrong(line: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config:2: ") as refused:
        _settings(tmp_path, f"# a file of mine\n{line}\n  User x\n", reader="parser")
    assert "install OpenSSH's client" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "Host node7 *.example.org !bad\n  User ops\n  Port = 2207\n",
        "Match host node7 user ops\n  Port 2207\n",
        "Match !host node8\n  User ops\n",
        "Host n*\n  ServerAliveInterval 10\n  IdentityFile ~/.ssh/a\n  IdentityFile /b\n",
        "Host *\n  StrictHostKeyChecking accept-new\n  AddressFamily inet6\n",
    ],
)
def test_what_the_parser_reads_it_reads_as_ssh(text: str, tmp_path: Path) -> None:
    by_ssh = _settings(tmp_path, text, given=False)
    assert _settings(tmp_path, text, reader="parser", given=False) == by_ssh


def test_a_config_that_is_not_there_is_an_error_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ssh_config"):
        SshConfig(tmp_path / "none")
