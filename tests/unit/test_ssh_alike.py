# SPDX-License-Identifier: GPL-2.0-only
"""Hosts share an answer of ``ssh -G`` only where each would have got the same one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toa_fleet.carriers.ssh import openssh
from toa_fleet.carriers.ssh.settings import SshConfig
from toa_fleet.inventory import parse_host

pytestmark = pytest.mark.skipif(
    shutil.which("ssh") is None, reason="NOT TESTED: OpenSSH's client is not installed"
)

HOSTS = ["web1", "web2", "web10", "db1", "db.example.org", "10.0.0.1", "gate", "ops@web1", "Web1"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts for which ssh was run."""
    run, hosts = subprocess.Popen, []

    def counted(words: list[str], **options: Any) -> Any:
        hosts.append(words[-1])
        return run(words, **options)

    monkeypatch.setattr(openssh.subprocess, "Popen", counted)
    return hosts


def test_three_hundred_hosts_of_one_kind_take_one_answer(tmp_path: Path, asked: list[str]) -> None:
    (tmp_path / "config").write_text("Host web*\n  User ops\nHost *\n  ProxyJump none\n")
    config = SshConfig(tmp_path / "config")
    found = [config.settings(parse_host(f"web{number}")) for number in range(300)]
    assert [each.address for each in found] == [f"web{number}" for number in range(300)]
    assert {each.user for each in found} == {"ops"}
    assert asked == ["localhost", "web0"]


@pytest.mark.parametrize(
    "text",
    [
        "Match host web1\n  User ops\n",
        "HostName %h.example.org\n",
        "UserKnownHostsFile ~/.ssh/of_%h\n",
        "CanonicalizeHostname yes\nCanonicalDomains example.org\n",
        'Host "web1"\n  User ops\n',
        "Include {}/more\n",
    ],
)
def test_what_may_tell_them_apart_has_each_asked_about(
    text: str, tmp_path: Path, asked: list[str]
) -> None:
    (tmp_path / "more").write_text("Match host web1\n  User ops\n")
    (tmp_path / "config").write_text(text.format(tmp_path))
    config = SshConfig(tmp_path / "config")
    for host in ("web1", "web2"):
        config.settings(parse_host(host))
    assert asked == ["localhost", "web1", "web2"]


PATTERN = st.sampled_from(["web*", "web?", "!web1", "*", "db1", "*.example.org", "10.*", "gate"])
BLOCK = st.builds(
    lambda patterns, line: f"Host {' '.join(patterns)}\n  {line}\n",
    st.lists(PATTERN, min_size=1, max_size=3),
    st.sampled_from(
        ["User ops", "User root", "Port 2207", "HostName 192.0.2.7", "IdentityFile ~/%h",
         "ProxyCommand nc %h %p", "HostKeyAlias pool", "ConnectTimeout 3"]
    ),
)  # fmt: skip


@settings(max_examples=25, deadline=None, database=None)
@given(blocks=st.lists(BLOCK, max_size=4))
def test_a_shared_answer_is_the_one_that_each_host_would_get(
    blocks: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("alike") / "config"
    path.write_text("".join(blocks))
    shared = SshConfig(path)
    for host in map(parse_host, HOSTS):
        assert shared.settings(host) == SshConfig(path).settings(host)
