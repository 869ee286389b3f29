# SPDX-License-Identifier: GPL-2.0-only
"""toa.ko on a PREEMPT_RT kernel, where probe handlers can ask nobody for memory."""

from __future__ import annotations

import pytest

import lab
from kmod.test_on_kernels import connections_after_a_moment, ktls_works_or_is_skipped, stats

pytestmark = [
    pytest.mark.lab,
    pytest.mark.parametrize("kernel", ["bookworm-rt"], indirect=True, scope="module"),
]


def test_the_selftest_sees_the_clients_address(machine: lab.TinyMachine) -> None:
    assert "PREEMPT_RT" in machine.check("uname -v")
    result = machine.run("toa-selftest")
    assert result.status == 0, result.stdout


def test_ktls_works_on_a_connection_with_a_client_address(machine: lab.TinyMachine) -> None:
    ktls_works_or_is_skipped(machine)


def test_more_connections_than_the_stock_of_entries_holds(machine: lab.TinyMachine) -> None:
    assert machine.run("traffic many 10000", timeout=240).stdout == "pass\n"
    assert stats(machine)["store_no_memory"] == 0
    assert connections_after_a_moment(machine) == 0


def test_loading_and_unloading_under_load(machine: lab.TinyMachine) -> None:
    script = """
        traffic load >/tmp/1 & one=$!
        until [ -s /tmp/1 ]; do sleep 0.1; done
        for cycle in 1 2 3; do rmmod toa && insmod /root/toa.ko || exit 1; done
        kill $one
        wait
        cat /tmp/1
    """
    assert machine.check(script, timeout=120).endswith("connections, pass\n")
    assert connections_after_a_moment(machine) == 0
