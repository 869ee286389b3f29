# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from toa_fleet.carriers.ssh.settings import SshConfig, SshSettings
from toa_fleet.errors import Unreachable, UsageError
from toa_fleet.inventory import parse_host


def _settings(tmp_path: Path, text: str, host: str = "node7") -> SshSettings:
    path = tmp_path / "config"
    path.write_text(text)
    return SshConfig(path, [Path("/given")]).settings(parse_host(host))


def test_the_entry_of_a_host_is_honoured(tmp_path: Path) -> None:
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
    )
    assert (settings.address, settings.port, settings.user) == ("192.0.2.7", 2222, "admin")
    assert settings.key_name == "192.0.2.7"
    assert settings.identities == (Path("/given"), Path("~/.ssh/fleet").expanduser())
    assert settings.identities_only
    assert settings.user_known_hosts == (Path("~/a").expanduser(), Path("/b"))
    assert settings.global_known_hosts == ()
    assert settings.hash_known_hosts
    assert settings.connect_timeout == 3.0


def test_what_the_host_itself_says_goes_before_its_entry(tmp_path: Path) -> None:
    text = "Host node7\n  Port 2222\n  User admin\n"
    settings = _settings(tmp_path, text, "root@node7:23")
    assert (settings.port, settings.user) == (23, "root")


def test_without_an_entry_the_defaults_are_those_of_ssh(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "")
    assert (settings.address, settings.port) == ("node7", 22)
    assert settings.user == getpass.getuser()
    assert settings.user_known_hosts[0] == Path("~/.ssh/known_hosts").expanduser()
    assert settings.global_known_hosts[0] == Path("/etc/ssh/ssh_known_hosts")
    assert settings.jump is None
    assert settings.proxy_command == ""


def test_host_key_alias_names_the_key(tmp_path: Path) -> None:
    settings = _settings(tmp_path, "Host *\n  HostKeyAlias pool\n  Port 2222\n")
    assert (settings.key_name, settings.key_port, settings.port) == ("pool", 22, 2222)


def test_jump_hosts_are_chained_and_have_entries_of_their_own(tmp_path: Path) -> None:
    settings = _settings(
        tmp_path,
        """
        Host node7
          ProxyJump gate,admin@inner:2200
        Host gate
          HostName 192.0.2.1
        """,
    )
    inner = settings.jump
    assert inner is not None
    assert (inner.address, inner.user, inner.port) == ("inner", "admin", 2200)
    assert inner.jump is not None
    assert inner.jump.address == "192.0.2.1"
    assert inner.jump.jump is None


def test_a_jump_host_that_the_entry_for_all_sends_to_itself_is_reached_directly(
    tmp_path: Path,
) -> None:
    settings = _settings(tmp_path, "Host *\n  ProxyJump gate\n")
    assert settings.jump is not None
    assert settings.jump.jump is None


def test_jump_hosts_in_a_circle_are_an_error_of_that_node(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="loop"):
        _settings(tmp_path, "Host node7\n  ProxyJump a\nHost a\n ProxyJump b\nHost b\n ProxyJump a")


def test_a_proxy_command_is_taken_with_its_tokens(tmp_path: Path) -> None:
    text = "Host node7\n  ProxyCommand nc -X 5 %h %p %r\n  Port 2222\n  User admin\n"
    assert _settings(tmp_path, text).proxy_command == "nc -X 5 node7 2222 admin"
    given = _settings(tmp_path, text, "root@node7:23")
    assert given.proxy_command == "nc -X 5 node7 23 root"


@pytest.mark.parametrize("entry", ["Port many", "Port 0", "ConnectTimeout soon", "ProxyJump a b"])
def test_an_entry_that_cannot_be_is_an_error_of_that_node(entry: str, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="node7"):
        _settings(tmp_path, f"Host node7\n  {entry}\n")


def test_a_config_that_is_not_there_is_an_error_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no ssh_config"):
        SshConfig(tmp_path / "none")
