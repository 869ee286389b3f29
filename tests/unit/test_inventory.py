# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import io
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.errors import UsageError
from toa_fleet.inventory import parse_host, read, read_file


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
        ("root@[fe80::1%eth0.5]:22", "root", "fe80::1%eth0.5", 22),
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
        "[node]",
        "[192.0.2.1]:22",
        "web[01:50]",
        "fe80::1%a;b",
        "fe80::1%$(x)",
        "fe80::1%",
        "192.0.2.1%eth0",
        "node:022",
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
        ("web1\x0cweb2\n", ":1: more than one word"),
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


def test_lines_end_as_editors_see_them(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"web1\r\nweb2\rweb3")
    assert [(host.name, host.source) for host in read_file(path)] == [
        ("web1", f"{path}:1"),
        ("web2", f"{path}:2"),
        ("web3", f"{path}:3"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[web]\nweb1\n", 1),
        ("# hosts\nweb1\n[web:children]\nother\n", 3),
        ("web1\nweb2 ansible_host=192.0.2.2 ansible_port=2222\n", 2),
        ("all:\n  hosts:\n    web1:\n", 1),
        ("---\nweb:\n  children: {front: }\n", 2),
        ('{"_meta": {"hostvars": {}}, "all": {"children": ["web"]}}', 1),
    ],
)
def test_an_inventory_of_ansibles_is_refused_and_the_way_out_named(
    text: str, line: int, tmp_path: Path
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_file(path)
    assert f"{path}:{line}: " in caught.value.detail
    assert "Ansible's" in caught.value.detail
    assert "--list-hosts" in caught.value.hint


def test_what_ansible_lists_is_a_host_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "    web1\n    web2\n")
    assert [host.name for host in read_file(path)] == ["web1", "web2"]


def test_a_group_of_ansibles_is_no_ipv6_address(tmp_path: Path) -> None:
    assert read_file(_file(tmp_path, "[2001:db8::1]\n"))[0].address == "2001:db8::1"


@pytest.mark.parametrize("text", ["web1\nroot@web2\n", "web1: web1\nweb2: root@web2\n"])
def test_hosts_come_from_standard_input(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    web1, web2 = read([], [Path("-")])
    assert (web1.source, web2.address, web2.user) == ("standard input:1", "web2", "root")


def test_standard_input_is_given_once() -> None:
    with pytest.raises(UsageError, match="once only"):
        read([], [Path("-"), Path("-")])


def test_a_program_is_no_list_of_hosts(tmp_path: Path) -> None:
    path = _file(tmp_path, "#!/usr/bin/env python3\nprint()\n")
    with pytest.raises(UsageError, match=":1: this is a program"):
        read_file(path)


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
