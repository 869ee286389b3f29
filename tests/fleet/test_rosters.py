# SPDX-License-Identifier: GPL-2.0-only
"""Salt's rosters, over a real sshd: what they say is done."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from fleet import stand_ins
from fleet.loopback import Fleet

Run = Callable[..., Any]
Fields = dict[str, str]


def test_nodes_behind_a_rosters_jump_host_are_reached(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path
) -> None:
    jump = fleet.address(9)
    nodes = [fleet.node(number).be(fields) for number in (1, 2)]
    roster = tmp_path / "roster"
    roster.write_text(
        f"web1: &web\n"
        f"  host: {nodes[0].address}\n"
        f"  port: {fleet.port}\n"
        f"  ssh_options: ['ProxyJump={jump}:{fleet.port}']\n"
        f"web2: {{<<: *web, host: {nodes[1].address}}}\n"
    )
    before = fleet.accepted()
    outcome = toa_fleet("status", "-i", roster)
    assert outcome.status == 0, outcome.text
    # The jump host is logged in to once.
    assert fleet.accepted() - before == 3


def test_a_rosters_jump_host_goes_before_the_ssh_configs(
    fleet: Fleet, toa_fleet: Run, fields: Fields, tmp_path: Path
) -> None:
    node = fleet.node().be(fields)
    fleet.write_config("Host 127.0.*", "  ProxyCommand false")
    roster = tmp_path / "roster"
    roster.write_text(
        f"web1: {{host: {node.address}, port: {node.port}, ssh_options: [ProxyJump=none]}}\n"
    )
    outcome = toa_fleet("status", "-i", roster)
    assert outcome.status == 0, outcome.text


def test_a_rosters_timeout_ends_the_wait_for_a_connection(
    fleet: Fleet, toa_fleet: Run, tmp_path: Path
) -> None:
    started = time.monotonic()
    with stand_ins.stand_in(stand_ins.never_sends_a_banner) as port:
        roster = tmp_path / "roster"
        roster.write_text(f"web1: {{host: 127.0.0.1, port: {port}, timeout: 1}}\n")
        outcome = toa_fleet("status", "-i", roster, "--json")
    assert json.loads(outcome.out)["nodes"][0]["class"] == "timeout"
    assert time.monotonic() - started < 6


def test_hosts_come_through_a_pipe(
    fleet: Fleet, toa_fleet: Run, fields: Fields, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [fleet.node(number).be(fields).name for number in (1, 2)]
    piped = io.BytesIO("".join(f"{name}\n" for name in names).encode())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(piped))
    outcome = toa_fleet("status", "-i", "-", "--json")
    assert [node["host"] for node in json.loads(outcome.out)["nodes"]] == names
