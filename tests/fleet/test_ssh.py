# SPDX-License-Identifier: GPL-2.0-only
"""Connections that do not come about: each is told apart and names its remedy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from fleet import stand_ins
from fleet.loopback import Fleet, free_port

Run = Callable[..., Any]
Fields = dict[str, str]


def _only(outcome: Any) -> dict[str, Any]:
    assert "Traceback" not in outcome.text
    found: dict[str, Any] = json.loads(outcome.out)["nodes"][0]
    return found


def _keygen_fingerprint(path: Path) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", path], check=True, capture_output=True, text=True)
    return done.stdout.split()[1]


def test_an_unknown_host_is_refused_with_its_fingerprint_and_the_remedy(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    fleet.known_hosts.write_text("")
    found = _only(toa_fleet("status", fleet.node().be(fields).name, "--json"))
    assert (found["outcome"], found["class"]) == ("failed", "host-key")
    assert _keygen_fingerprint(fleet.root / "host_key.pub") in found["detail"]
    assert "--accept-new-host-keys" in found["hint"]
    assert fleet.known_hosts.read_text() == ""


def test_a_new_key_is_recorded_when_that_is_wanted_and_ssh_finds_it(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    fleet.known_hosts.unlink()
    nodes = [fleet.node(number).be(fields) for number in (1, 2, 3)]
    names = [node.name for node in nodes]
    assert toa_fleet("status", *names, "--accept-new-host-keys").status == 0
    assert toa_fleet("status", *names).status == 0
    assert fleet.known_hosts.read_text().count("\n") == 3
    for node in nodes:
        looked_up = ["ssh-keygen", "-F", f"[{node.address}]:{node.port}", "-f", fleet.known_hosts]
        assert subprocess.run(looked_up, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("accept", [[], ["--accept-new-host-keys"]])
def test_a_changed_key_is_refused_always(
    accept: list[str], fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    other = (fleet.root / "other_key.pub").read_text().split()
    fleet.known_hosts.write_text(f"[{fleet.address()}]:{fleet.port} {other[0]} {other[1]}\n")
    before = fleet.known_hosts.read_text()
    found = _only(toa_fleet("status", fleet.node().be(fields).name, "--json", *accept))
    assert found["class"] == "host-key"
    assert "CHANGED" in found["detail"]
    for key in ("host_key.pub", "other_key.pub"):
        assert _keygen_fingerprint(fleet.root / key) in found["detail"]
    assert f"ssh-keygen -R '[{fleet.address()}]:{fleet.port}'" in found["hint"]
    assert fleet.known_hosts.read_text() == before


def test_a_revoked_key_is_refused(fleet: Fleet, toa_fleet: Run, fields: Fields) -> None:
    with fleet.known_hosts.open("a") as stream:
        stream.write(f"@revoked * {fleet.host_key}\n")
    name = fleet.node().be(fields).name
    found = _only(toa_fleet("status", name, "--json", "--accept-new-host-keys"))
    assert (found["outcome"], found["class"]) == ("failed", "host-key")
    assert "the host key is revoked" in found["detail"]


def test_a_wrong_key_is_told_with_the_keys_that_were_tried(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    config = fleet.write_config()
    config.write_text(config.read_text().replace("user_key", "other_key"))
    found = _only(toa_fleet("status", fleet.node().be(fields).name, "--json"))
    assert found["class"] == "auth"
    assert str(fleet.root / "other_key") in found["detail"]
    assert "authorized_keys" in found["hint"]


def test_a_key_with_a_passphrase_and_a_missing_key_are_named(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", locked], check=True)
    config = fleet.write_config()
    config.write_text(config.read_text().replace(str(fleet.root / "user_key"), "/no/such/key"))
    name = fleet.node().be(fields).name
    found = _only(toa_fleet("status", name, "--json", "--identity", locked))
    assert f"{locked} (has a passphrase)" in found["detail"]
    assert "/no/such/key (no such file)" in found["detail"]
    assert "ssh-add" in found["hint"]


def test_identity_goes_before_the_configs_keys(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    config = fleet.write_config()
    config.write_text(config.read_text().replace("user_key", "other_key"))
    name = fleet.node().be(fields).name
    assert toa_fleet("status", name, "--identity", fleet.root / "user_key").status == 0
    missing = toa_fleet("status", name, "--identity", fleet.root / "none")
    assert missing.status == 2


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="NOT TESTED: no ssh-agent here")
def test_the_agent_is_asked(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        while not place.exists():
            time.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
        subprocess.run(["ssh-add", "-q", fleet.root / "user_key"], check=True)
        config = fleet.write_config()
        text = config.read_text().replace(str(fleet.root / "user_key"), "/no/such/key")
        config.write_text(text.replace("IdentityAgent none", ""))
        nodes = [fleet.node(number).be(fields).name for number in range(1, 9)]
        outcome = toa_fleet("status", *nodes)
        assert outcome.status == 0, outcome.text
    finally:
        agent.terminate()
        agent.wait()


def test_a_refused_connection_is_told(fleet: Fleet, toa_fleet: Run) -> None:
    found = _only(toa_fleet("status", f"127.0.0.1:{free_port()}", "--json"))
    assert found["class"] == "connect"
    assert "refuses the connection" in found["detail"]
    assert "sshd" in found["hint"]


def test_a_name_that_cannot_be_resolved_is_told(fleet: Fleet, toa_fleet: Run) -> None:
    found = _only(toa_fleet("status", "no-such-node.invalid", "--json"))
    assert found["class"] == "resolve"
    assert "no-such-node.invalid" in found["detail"]


@pytest.mark.parametrize(
    ("behaviour", "word", "says"),
    [
        (stand_ins.never_sends_a_banner, "timeout", "banner"),
        (stand_ins.stalls_in_the_key_exchange, "timeout", "key exchange"),
        (stand_ins.stalls_after_its_first_packet, "timeout", "key exchange"),
        (stand_ins.hangs_up_at_once, "", ""),
        (stand_ins.hangs_up_after_its_banner, "", ""),
        (stand_ins.speaks_http, "ssh", "does not speak SSH"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_stand_in_for_a_broken_sshd_fails_in_time_and_by_phase(
    behaviour: Callable[[socket.socket], None],
    word: str,
    says: str,
    fleet: Fleet,
    toa_fleet: Run,
) -> None:
    fleet.write_config("Host *", "  ConnectTimeout 1")
    started = time.monotonic()
    with stand_ins.stand_in(behaviour) as port:
        found = _only(toa_fleet("status", f"127.0.0.1:{port}", "--json"))
    assert time.monotonic() - started < 6
    assert found["class"] in ([word] if word else ["hung-up", "ssh"])
    assert says in found["detail"]
    assert found["hint"]


def test_nodes_that_hang_do_not_hold_the_others_up(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    fleet.write_config("Host *", "  ConnectTimeout 60")
    good = [fleet.node(number).be(fields).name for number in range(1, 21)]
    before = fleet.accepted()

    def hangs_until_the_others_are_through(connection: socket.socket) -> None:
        end = time.monotonic() + 90
        while fleet.accepted() - before < len(good) and time.monotonic() < end:
            time.sleep(0.05)
        connection.close()

    with stand_ins.stand_in(hangs_until_the_others_are_through) as port:
        # The server listens on 127.0.0.1 only: these are refused at once.
        refused = [f"127.0.1.{number}:{port}" for number in range(1, 5)]
        hanging = f"127.0.0.1:{port}"
        outcome = toa_fleet("status", hanging, *refused, *good, "--json", "--parallel", "4")
    by_name = {node["host"]: node for node in json.loads(outcome.out)["nodes"]}
    assert [by_name[name]["outcome"] for name in good] == ["read"] * 20
    # Had they waited for it, it would have been given up, a "timeout".
    assert by_name[hanging]["class"] in ("hung-up", "ssh")


def _jump_over(fleet: Fleet, port: int) -> None:
    """Node 9 is the jump host, on this port, for nodes 10 to 19."""
    jump = fleet.address(9)
    fleet.write_config(
        f"Host {jump}", f"  Port {port}", f"Host {fleet.address(1)}?", f"  ProxyJump {jump}"
    )


def test_a_jump_host_is_logged_in_to_once_for_all_behind_it(
    fleet: Fleet, toa_fleet: Run, fields: Fields
) -> None:
    _jump_over(fleet, fleet.port)
    names = [fleet.node(number).be(fields).name for number in range(10, 16)]
    before = fleet.accepted()
    outcome = toa_fleet("status", *names)
    assert outcome.status == 0, outcome.text
    assert fleet.accepted() - before == 1 + len(names)


def test_a_jump_host_that_is_down_is_named_for_each_node_behind_it(
    fleet: Fleet, toa_fleet: Run
) -> None:
    _jump_over(fleet, free_port())
    outcome = toa_fleet("status", fleet.address(10), fleet.address(11), "--json")
    for node in json.loads(outcome.out)["nodes"]:
        assert f"the jump host {fleet.address(9)}" in node["detail"]
        assert node["class"] == "connect"


_RELAY = """
import os, socket, sys, threading
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def out():
    while data := peer.recv(65536):
        os.write(1, data)
threading.Thread(target=out, daemon=True).start()
while data := os.read(0, 65536):
    peer.sendall(data)
"""


def test_a_proxy_command_is_used(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path
) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(_RELAY)
    fleet.write_config("Host 127.0.*", f"  ProxyCommand {sys.executable} {relay} %h %p")
    outcome = toa_fleet("status", fleet.node().be(fields).name)
    assert outcome.status == 0, outcome.text


def test_a_proxy_command_that_fails_is_told_in_its_own_words(fleet: Fleet, toa_fleet: Run) -> None:
    fleet.write_config("Host 127.0.*", "  ProxyCommand echo no route to %h >&2; exit 1")
    found = _only(toa_fleet("status", "127.0.0.1", "--json"))
    assert "no route to 127.0.0.1" in found["detail"]
    assert found["seconds"] < 5


def test_ctrl_c_closes_all_connections_and_ends_with_130(
    fleet: Fleet, fields: Fields, tmp_path: Path
) -> None:
    """A real process, real signals; the nodes hang in a stand-in for a busy sshd."""
    fleet.write_config()
    with stand_ins.stand_in(stand_ins.stalls_in_the_key_exchange) as port:
        names = [f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"]
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "toa_fleet", "status", *names),
                *("--ssh-config", str(fleet.home / "config"), "--store", str(tmp_path / "store")),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "refuses the connection" in first
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert time.monotonic() - started < 5
    assert "Traceback" not in out + err
    assert "interrupted while at work there" in out
