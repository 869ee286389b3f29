# SPDX-License-Identifier: GPL-2.0-only
"""Salt's rosters: read as YAML and Salt mean them, or refused with the line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from toa_fleet.errors import UsageError
from toa_fleet.inventory import Host, read_file
from toa_fleet.inventory.roster import read_roster


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "roster"
    path.write_text(text)
    return path


def _refusal(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_roster("R", text)
    assert caught.value.detail.isprintable()
    return caught.value


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
        f"{tmp_path / 'roster'}:3",
    )
    assert (web2.name, web2.address, web2.sudo) == ("web2", "192.0.2.2", None)
    assert (web3.address, web3.sudo) == ("web3.example.com", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'web 1':\n  user: x\n", ":1: web 1 lacks host: 'web 1' is neither"),
        ("web1:\n  host: a\nweb1:\n  host: b\n", ":3: web1 stands in line 1 already"),
        ("web1:\n  host: a\n  port: many\n", "'many' is no port"),
        ("web1:\n  host: a\n  sudo: perhaps\n", "neither true nor false"),
        ("web1:\n  host: a\n  sudo_user: www\n", "sudo_user"),
        ("web1:\n  host: '-x'\n", "neither a host name"),
        ("web1:\n  - a\n", "neither a host nor a mapping"),
        ("web1:\n  host: [a\n", "not YAML"),
        ("web1:\n  host: {{ address }}\n", ":2: the roster is a template"),
        ("web1: !!python/object:os.system x\n  y: z\n", "not YAML"),
    ],
)
def test_a_bad_roster_is_named_with_its_line(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read_file(_file(tmp_path, text))
    assert str(tmp_path / "roster") in caught.value.detail
    assert says in caught.value.detail


def test_anchors_and_merge_keys_are_yamls() -> None:
    web1, web2, web3 = read_roster(
        "R",
        """
web1: &w {host: 192.0.2.1, user: deploy, port: 2222, sudo: True}
web2: {<<: *w, host: 192.0.2.2}
web3:
  <<: [*w, {timeout: 9, port: 23}]
  host: 192.0.2.3
  user: root
  port: 24
""",
    )
    assert (web2.address, web2.user, web2.port, web2.sudo) == ("192.0.2.2", "deploy", 2222, True)
    assert (web3.address, web3.user, web3.port, web3.sudo) == ("192.0.2.3", "root", 24, True)
    assert web3.connect_timeout == 9
    assert [host.source for host in (web1, web2, web3)] == ["R:2", "R:3", "R:4"]


_MAPPINGS = st.dictionaries(st.sampled_from(["user", "port", "timeout"]), st.integers(1, 9))


@given(_MAPPINGS, st.lists(_MAPPINGS, min_size=1, max_size=3))
def test_what_is_merged_is_what_pyyaml_merges(
    own: dict[str, int], merged: list[dict[str, int]]
) -> None:
    def flow(mapping: object) -> str:
        return yaml.safe_dump(mapping, default_flow_style=True).strip()

    # Of two mappings with the same key, another test tells.
    seen = set(own)
    for each in merged:
        for key in seen & each.keys() - own.keys():
            del each[key]
        seen |= each.keys()
    below = ", ".join(map(flow, merged))
    body = flow({**own, "host": "a"})[1:-1]
    text = f"web1: {{<<: [{below}], {body}}}"
    meant = yaml.safe_load(text)["web1"]
    (host,) = read_roster("R", text)
    assert host.port == meant.get("port")
    assert host.user == (str(meant["user"]) if "user" in meant else None)
    assert host.connect_timeout == meant.get("timeout")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("w: &w {host: a, <<: *w}\n", "R:1: a mapping is merged into itself"),
        ("w:\n  host: a\n  <<: 3\n", "R:3: << merges mappings"),
        ("w:\n  host: a\n  <<: [{user: x}, y]\n", "R:3: << merges mappings"),
        ("w:\n  <<: {user: x}\n  <<: {port: 3}\n", "R:3: << stands in line 2 already"),
        (
            "w:\n  host: a\n  <<: [{port: 1}, {port: 2}]\n",
            "R:3: << brings port from line 3 and from line 3",
        ),
        ("w: {host: *nobody}\n", "R:1: not YAML: found undefined alias"),
        ("w:\n  host: a\n  port: 1\n  port: 2\n", "R:4: port stands in line 3 already"),
        ("no: {host: a}\n", "R:1: YAML reads the key no as something else"),
        ("? [a]\n: {host: a}\n", "R:1: a key is one word"),
        ("a: b\n---\nc: d\n", "R:2: not YAML: expected a single document"),
        ('a: "\\UFFFFFFFF"\n', "R: not YAML"),
        ("a: b\nc: \x01\n", "R:2: not YAML"),
        ("a: " + "[" * 5000, "R: not a roster: nested too deep"),
        ("- a\n", "R:1: a roster maps ids to hosts"),
        ("w: !vault a\n", "R:1: w: neither a host nor a mapping"),
    ],
)
def test_yaml_that_is_no_roster_is_refused_with_its_line(text: str, says: str) -> None:
    assert says in _refusal(text).detail


def test_mappings_that_merge_each_other_over_and_over_cost_little() -> None:
    lines = ["x0: &x0 {host: a, user: u}"]
    for number in range(1, 40):
        before = ", ".join([f"*x{number - 1}"] * 20)
        lines.append(f"x{number}: &x{number} {{<<: [{before}]}}")
    started = time.monotonic()
    assert len(read_roster("R", "\n".join(lines))) == 40
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("key", "says", "remedy"),
    [
        ("prot: 2222", "prot: a roster has no such key", "is port meant?"),
        ("frobnicate: 1", "frobnicate: a roster has no such key", "the keys are host, user"),
        ("port: 022", "port: YAML reads '022' as something else", "quotes"),
        ("port: [22]", "port: one word goes here", ""),
        ("user: yes", "user: YAML reads 'yes' as something else", "quotes"),
        ("user: '-x'", "user: '-x' is no proper user name", ""),
        ("sudo: 'no'", "sudo: 'no' is neither true nor false", "without quotes"),
        ("sudo_user: www", "sudo_user: 'www' is not root", "loaded by root"),
        ("timeout: soon", "timeout: 'soon' is no number of seconds", ""),
        ("timeout: 1000000", "timeout: '1000000' is no number of seconds", ""),
        ("priv: sdb://vault/key", "priv: 'sdb://vault/key' is no path", ""),
        ('priv: "a\\0b"', "is no path", ""),
        ("priv: ~no-such-user/key", "no such user's home", ""),
        ("winrm: True", "winrm: nodes are reached over SSH", ""),
        ("ssh_pre_hook: vault-login", "ssh_pre_hook: commands before", "run it yourself"),
        ("ssh_options: Port=22", "ssh_options: a list goes here", ""),
        ("ssh_options: [ProxyJump]", "'ProxyJump' is no Option=argument", ""),
        ("ssh_options: ['ProxyJump=a;b']", "'a;b' is neither a host name", ""),
        ("ssh_options: [ProxyCommand=nc %h]", "ProxyCommand is not read here", "`ProxyCommand nc"),
        ("ssh_options: [StrictHostKeyChecking=no]", "is not done", "--accept-new-host-keys"),
    ],
)
def test_what_is_not_understood_is_an_error_with_line_host_and_key(
    key: str, says: str, remedy: str
) -> None:
    error = _refusal(f"web0: a\nweb1:\n  host: b\n  {key}\n")
    assert error.detail.startswith("R:4: web1: ")
    assert says in error.detail
    assert remedy in error.hint


def test_each_ssh_option_is_refused_with_its_own_line() -> None:
    options = "\n    - ProxyJump=b\n    - ForwardX11=yes\n"
    error = _refusal(f"web1:\n  host: a\n  ssh_options:{options}")
    assert error.detail.startswith("R:5: web1: ssh_options: ForwardX11")
    assert "`Host a`" in error.hint


def test_ssh_options_that_say_which_node_and_as_whom_are_obeyed() -> None:
    options = "[ProxyJump=root@bastion:22, Port 2222, user = deploy, ConnectTimeout=7]"
    (host,) = read_roster("R", f"web1: {{host: a, ssh_options: {options}}}")
    assert (host.jump, host.port, host.user) == ("root@bastion:22", 2222, "deploy")
    assert host.connect_timeout == 7


def test_keys_at_odds_are_an_error() -> None:
    error = _refusal("web1: {host: a, port: 22, ssh_options: [Port=2222]}")
    assert "2222 here, and 22 by another key" in error.detail


def test_a_host_without_host_is_reached_by_its_id_as_in_salt() -> None:
    (host,) = read_roster("R", "web1.example.com: {user: deploy}")
    assert (host.address, host.user) == ("web1.example.com", "deploy")


@pytest.mark.parametrize("unset", ["null", "~", "", "''"])
def test_null_and_nothing_are_unset(unset: str) -> None:
    keys = "".join(
        f"  {key}: {unset}\n"
        for key in ("user", "port", "priv", "sudo", "sudo_user", "timeout", "ssh_options", "winrm")
    )
    assert read_roster("R", f"web1:\n  host: a\n{keys}") == [Host("web1", "a", source="R:1")]


def test_what_matters_to_salt_alone_is_let_be() -> None:
    text = """
web1:
  host: a
  passwd: secret
  tty: True
  thin_dir: /var/tmp/thin
  cmd_umask: 0077
  set_path: '$PATH:/usr/local/bin/'
  ssh_pre_flight: /srv/pre.sh
  minion_opts: {grains: {role: web}}
  ssh_options: [LogLevel=ERROR, StrictHostKeyChecking=yes]
"""
    assert read_roster("R", text) == [Host("web1", "a", source="R:2")]


@pytest.mark.parametrize("first", ["#!yaml", "#!jinja|yaml", "#!yaml_jinja", "#!jinja | yaml", ""])
def test_a_roster_without_a_template_in_it_is_read(first: str, tmp_path: Path) -> None:
    assert read_file(_file(tmp_path, f"{first}\nweb1: {{host: a}}\n"))[0].address == "a"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("#!py\ndef run():\n    return {}\n", 1),
        ("#!mako|yaml\nweb1: a\n", 1),
        ("#!yaml|gpg\nweb1: a\n", 1),
        ("#!jinja|yaml\nweb1: {{ address }}\n", 2),
        ("web0: a\n{% for n in [1] %}\nweb1: a\n{% endfor %}\n", 2),
        ("web0: a\n{# hosts #}\n", 2),
    ],
)
def test_what_salt_has_to_render_is_refused(text: str, line: int, tmp_path: Path) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(UsageError, match="rendered by Salt") as caught:
        read_file(path)
    assert f"{path}:{line}: " in caught.value.detail
    assert "--carrier salt" in caught.value.hint


_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["w: &w", "  host: a", "  port: 22", "  <<: *w", "x: *w", "  ssh_options: [Port=1]"]
        ),
        st.text(max_size=20),
    ),
    max_size=8,
)


@given(_LINES)
def test_no_roster_does_more_than_be_refused(lines: list[str]) -> None:
    try:
        hosts = read_roster("R", "\n".join(lines))
    except UsageError as error:
        assert error.detail.isprintable()
        assert error.hint.isprintable()
    else:
        assert all(host.name.isprintable() for host in hosts)
