# SPDX-License-Identifier: GPL-2.0-only
"""No machine and no file outlives the program that started it, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

import pytest

from lab import cache, run_folder

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("needs_machines")]

# Shells that run the same text in the background, as a package's scripts would.
BOXED = "(sleep 1000; true) & setsid sh -c 'sleep 1000; true' $0 & sleep 1000; true"

PROGRAM = """
import sys, time
import lab
with lab.TinyMachine("bookworm") as machine:
    print(machine.qemu.pid, machine.qemu.folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["SIGINT", "SIGTERM", "SIGHUP"]
)
def test_a_signal_leaves_no_machine_and_no_files(number: signal.Signals) -> None:
    program, qemu, folder = started()
    program.send_signal(number)
    program.communicate(timeout=20)
    assert gone(qemu)
    assert not folder.exists()


def test_a_kill_leaves_no_machine_and_the_next_run_removes_its_files() -> None:
    program, qemu, folder = started()
    program.kill()
    program.communicate(timeout=20)
    assert gone(qemu)
    assert folder.exists()
    run_folder.sweep()
    assert not folder.exists()


def test_a_kill_ends_all_that_a_boxed_command_started() -> None:
    marker = f"{time.time():.6f}"
    code = (
        "import sys; from lab.children import BOX, run; "
        "run([*BOX, 'sh', '-c', *sys.argv[1:]], timeout=60)"
    )
    program = subprocess.Popen([sys.executable, "-c", code, BOXED, marker], cwd=ROOT)
    assert eventually(lambda: len(commands_with(marker)) > 2)
    program.kill()
    program.wait(timeout=20)
    assert eventually(lambda: not commands_with(marker))


def test_a_running_lab_is_not_swept_away() -> None:
    program, qemu, folder = started()
    try:
        run_folder.sweep()
        assert folder.exists()
        assert not gone(qemu, seconds=0.2)
        assert program.pid in run_folder.owners()
    finally:
        program.terminate()
        program.communicate(timeout=20)


def test_an_exception_leaves_nothing() -> None:
    code = PROGRAM.replace("time.sleep(60)", "raise SystemExit('trouble')")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    qemu, folder = done.stdout.split()
    assert done.returncode == 1
    assert gone(int(qemu))
    assert not Path(folder).exists()


def test_no_lab_is_left_by_these_tests() -> None:
    assert [pid for pid in run_folder.owners() if pid == os.getpid()] == []
    assert cache.root().exists()


def started() -> tuple[subprocess.Popen[str], int, Path]:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    qemu, folder = program.stdout.readline().split()
    return program, int(qemu), Path(folder)


def gone(pid: int, seconds: float = 10) -> bool:
    return eventually(lambda: has_ended(pid), seconds)


def has_ended(pid: int) -> bool:
    """Also where whoever inherited it has not asked for its exit status yet."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    for _ in range(int(seconds * 10) + 1):
        if condition():
            return True
        time.sleep(0.1)
    return False


def commands_with(marker: str) -> list[str]:
    """The shells that run with MARKER as their name, in any process namespace."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = file.read_bytes().split(b"\0")
            if words[:1] == [b"sh"] and marker.encode() in words:
                found.append(str(file))
    return found
