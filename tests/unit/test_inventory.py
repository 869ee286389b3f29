# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.errors import UsageError
from toa_fleet.inventory import Host, parse_host, read, read_file


@pytest.mark.parametrize(
    ("word", "user", "address", "port"),
    [
        ("node7", None, "node7", None),
        ("root@node7.example.com:2207", "root", "node7.example.com", 2207),
        ("192.0.2.1:22", None, "192.0.2.1", 22),
        ("[2001:db8::1]:2222", None, "2001:db8::1", 2222),
        ("root@[2001:db8::1]", "root", "2001:db8::1", None),
        ("2001:db8::1", None, "2001:db8::1", None),
        ("fe80::1%eth0", None, "fe80::1%eth0", None),
        ("DOMAIN\\admin@node7", "DOMAIN\\admin", "node7", None),
    ],
)
def test_hosts_are_read(word: str, user: Optional[str], address: str, port: Optional[int]) -> None:
    host = parse_host(word)
    assert (host.name, host.user, host.address, host.port) == (word, user, address, port)


@pytest.mark.parametrize(
    "word",
    [
        "",
        "-oProxyCommand=x",
        "root@",
        "@node",
        "-x@node",
        "node:",
        "node:0",
        "node:65536",
        "node:ssh",
        "node:22:23",
        "[::1",
        "[::1]x",
        "[node]:x",
        "a b",
        "a;b",
        "a/b",
        "$(x)",
        "nöde",
        "node\n",
    ],
)
def test_what_is_no_host_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse_host(word)


@given(st.text(max_size=30))
def test_no_word_does_more_than_be_refused(word: str) -> None:
    try:
        host = parse_host(word)
    except UsageError as error:
        assert error.detail.isprintable()
    else:
        assert not host.address.startswith("-")


def _file(tmp_path: Path, text: str, name: str = "hosts") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_host_file_has_one_host_a_line_and_comments(tmp_path: Path) -> None:
    path = _file(tmp_path, "# web\nroot@web1:22\n\n  web2  # the second\n[::1]:2222\n")
    hosts = read_file(path)
    assert [host.name for host in hosts] == ["root@web1:22", "web2", "[::1]:2222"]
    assert hosts[1].source == f"{path}:4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("web1\nweb2 web3\n", ":2: more than one word"),
        ("web1\nweb2:x\n", ":2: 'x' is no port"),
        ("web1\n\n-bad\n", ":3: '-bad' is neither"),
        ("# nothing\n", "names no host"),
        ("", "names no host"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number(text: str, says: str, tmp_path: Path) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_file(path)
    assert str(path) in caught.value.detail
    assert says in caught.value.detail


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none"):
        read_file(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"web1\n\xff\xfe\n")
    with pytest.raises(UsageError, match=r"binary:2: not UTF-8"):
        read_file(tmp_path / "binary")


_ROSTER = """
# cmdb export
web1:
  host: 192.0.2.1
  user: deploy
  port: 2222
  priv: ~/.ssh/fleet
  sudo: True
  minion_opts:
    grains: {role: web}
web2: 192.0.2.2
'web3':
  host: web3.example.com
  sudo: no
"""


def test_a_salt_roster_is_read(tmp_path: Path) -> None:
    web1, web2, web3 = read_file(_file(tmp_path, _ROSTER))
    assert web1 == Host(
        "web1",
        "192.0.2.1",
        "deploy",
        2222,
        Path("~/.ssh/fleet").expanduser(),
        True,
        f"{tmp_path / 'hosts'}:4",
    )
    assert (web2.name, web2.address, web2.sudo) == ("web2", "192.0.2.2", None)
    assert (web3.address, web3.sudo) == ("web3.example.com", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("web1:\n  user: x\n", ":2: web1 lacks host"),
        ("web1:\n  host: a\nweb1:\n  host: b\n", ":3: web1 stands in line 1 already"),
        ("web1:\n  host: a\n  port: many\n", "'many' is no port"),
        ("web1:\n  host: a\n  sudo: perhaps\n", "neither true nor false"),
        ("web1:\n  host: a\n  sudo_user: www\n", "sudo_user"),
        ("web1:\n  host: '-x'\n", "neither a host name"),
        ("web1:\n  - a\n", "neither a host nor a mapping"),
        ("web1:\n  host: [a\n", "not YAML"),
        ("web1:\n  host: {{ address }}\n", ":2: the roster is a template"),
        ("web1: !!python/object:os.system x\n  y: z\n", "not YAML"),
        ("#!py\nweb1:\n  host: x\n", "template"),
    ],
)
def test_a_bad_roster_is_named_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_file(_file(tmp_path, text, "roster"))
    assert str(tmp_path / "roster") in caught.value.detail
    assert says in caught.value.detail


def test_a_host_named_twice_is_served_once(tmp_path: Path) -> None:
    hosts = read(["root@web1", "root@web1"], [_file(tmp_path, "root@WEB1\n")])
    assert [host.name for host in hosts] == ["root@web1"]


def test_one_node_with_two_users_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    path = _file(tmp_path, "admin@web1\n")
    with pytest.raises(UsageError) as caught:
        read(["root@web1"], [path])
    assert f"{path}:1" in caught.value.detail
    assert "argument" in caught.value.detail


def test_two_nodes_under_one_name_are_an_error(tmp_path: Path) -> None:
    path = _file(tmp_path, "web1:\n  host: 192.0.2.9\n")
    with pytest.raises(UsageError, match="one name"):
        read(["web1"], [path])


def test_no_hosts_at_all_is_an_error() -> None:
    with pytest.raises(UsageError, match="no hosts"):
        read([], [])
