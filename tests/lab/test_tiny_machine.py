# SPDX-License-Identifier: GPL-2.0-only
"""A tiny machine runs commands on a real kernel and says exactly how they ended."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

import lab

pytestmark = pytest.mark.lab


def test_it_runs_the_kernel_it_was_given(machine: lab.TinyMachine) -> None:
    assert machine.check("uname -r").strip() == machine.kernel.release


def test_status_output_and_errors_are_kept_apart(machine: lab.TinyMachine) -> None:
    result = machine.run("echo out; echo err >&2; exit 7")
    assert result == lab.Result(7, "out\n", "err\n")


@pytest.mark.parametrize(
    ("shell", "program"),
    [("sh", "busybox"), ("dash", "dash"), ("bash", "bash"), ("mksh", "mksh")],
)
def test_commands_run_under_each_shell(machine: lab.TinyMachine, shell: str, program: str) -> None:
    result = machine.run("readlink /proc/$$/exe; exit 3", shell=shell)
    assert result == lab.Result(3, f"/bin/{program}\n", "")


def test_standard_input_reaches_the_command_whole(machine: lab.TinyMachine) -> None:
    data = bytes(range(256)) * 1000
    assert machine.run("wc -c", input=data).stdout.strip() == "256000"
    assert machine.run("read -r x; echo $?", input=b"").stdout == "1\n"


def test_large_output_comes_back_whole(machine: lab.TinyMachine) -> None:
    assert machine.run("yes 0123456789 | head -n 100000").stdout == "0123456789\n" * 100000


def test_files_given_at_the_start_and_pushed_later_are_there(
    machine: lab.TinyMachine, tmp_path: Path
) -> None:
    (tmp_path / "script").write_bytes(b"#!/bin/sh\necho ran\n")
    machine.push("/root/deep/script", tmp_path / "script", mode=0o755)
    assert machine.check("cat /root/greeting; /root/deep/script") == "hello\nran\n"


def test_a_command_over_its_limit_is_killed_with_its_children(machine: lab.TinyMachine) -> None:
    started = time.monotonic()
    with pytest.raises(lab.CommandTimeout) as caught:
        machine.run("echo begun; sleep 1000 & sleep 1001", timeout=2)
    assert time.monotonic() - started < 8
    assert caught.value.stdout == "begun\n"
    assert machine.run("pidof sleep").status == 1


def test_commands_may_run_side_by_side(machine: lab.TinyMachine) -> None:
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(machine.check(f"sleep 1; echo {n}")))
        for n in range(5)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [f"{n}\n" for n in range(5)]
    assert time.monotonic() - started < 4


def test_it_has_what_module_tests_need(machine: lab.TinyMachine) -> None:
    machine.check("test -c /dev/net/tun && test -d /sys/kernel/debug/kprobes", shell="dash")
    machine.check("ip addr show lo | grep -q 127.0.0.1", shell="dash")
    machine.check("modprobe tls && grep -q '^tls ' /proc/modules", shell="dash")


def test_a_panic_is_an_error_that_ends_with_the_console(needs_machines: None) -> None:
    with lab.TinyMachine("bookworm") as doomed:
        with pytest.raises(lab.MachineDied, match="Kernel panic - not syncing: sysrq"):
            doomed.run("echo c >/proc/sysrq-trigger", timeout=30)
        with pytest.raises(lab.MachineDied):
            doomed.run("true")


def test_a_hang_is_an_error_too(needs_machines: None) -> None:
    with lab.TinyMachine("bookworm") as hanging:
        os.kill(hanging.qemu.pid, signal.SIGSTOP)
        with pytest.raises(lab.MachineDied, match="silent after 1 s of: true"):
            hanging.run("true", timeout=1)


@pytest.mark.parametrize("name", ["bullseye", "bookworm-backports", "trixie", "trixie-backports"])
def test_the_other_kernels_boot_too(needs_machines: None, name: str) -> None:
    if name not in lab.kernels():
        pytest.skip(f"NOT TESTED: Debian's indexes offer no kernel {name}")
    with lab.TinyMachine(name) as machine:
        assert machine.check("uname -r").strip() == lab.kernel(name).release
