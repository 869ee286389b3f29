# SPDX-License-Identifier: GPL-2.0-only
"""toa-selftest where the store may execute nothing: on file systems mounted for it.

Only this part runs here; test_node_on_kernels.py has the whole proof.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from node_support import SHELLS, environment, write

from toa_fleet import node_program

SELFTEST = '#!/bin/sh\necho "toa=pass"\necho "from=$0"\nls -ld "${0%/*}" | cut -b 1-10 >&2\n'
# No module is loaded into the machine of the test.
SCRIPT = """
modprobe() { :; }
STORE=$1 RUNNABLE_PLACES="$1/run $1/shm"
sweep_runnables
prove_selftest "$1/store" || echo "WHY=$WHY"
drop_runnable
"""


def prove(shell: str, top: Path, mounts: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What is said with the directories mounted so, and what is left in them."""
    write(top / "toa-selftest", SELFTEST).chmod(0o755)
    names = node_program.part_names()
    above = names[: names.index("module/proof.sh") + 1]
    text = "\n".join((node_program.FOLDER / name).read_text() for name in above)
    program = write(top / "program", f"{text}\nROOT=\n{SCRIPT}")
    steps = [f"mkdir -p {top}/store {top}/run {top}/shm"]
    for name, options in mounts.items():
        steps.append(f"mount -t tmpfs -o rw tmpfs {top}/{name} || exit 99")
        steps.append(f"cp -p {top}/toa-selftest {top}/{name}/ && mkdir -m 700 {top}/{name}/mine")
        steps.append(f"mkdir -m 700 {top}/{name}/.toa-runnable.4194304")
        steps.append(f"mount -o remount,{options} {top}/{name}")
    steps.append(f"{shlex.join([*SHELLS[shell], str(program), str(top)])}; status=$?")
    steps.append(f"ls -A {top}/run {top}/shm >{top}/left; exit $status")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", "\n".join(steps)],
        capture_output=True, text=True, env=environment(), check=False, timeout=60,
    )  # fmt: skip
    if os.geteuid() != 0 or done.returncode in (1, 99):
        pytest.skip("NOT TESTED: this machine does not allow mounts")
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    return {**said, "stderr": done.stderr}, (top / "left").read_text().split()


def test_it_runs_from_the_store_where_it_may(shell: str, tmp_path: Path) -> None:
    said, left = prove(shell, tmp_path, {"store": "exec", "run": "exec"})
    assert said["proof.selftest"] == "yes"
    assert said["selftest.from"] == f"{tmp_path}/store/toa-selftest"
    assert left == [f"{tmp_path}/run:", "mine", "toa-selftest", f"{tmp_path}/shm:"]


@pytest.mark.parametrize("first", ["exec", "noexec", "ro"])
def test_from_a_noexec_store_it_runs_as_a_copy_that_is_gone_afterwards(
    shell: str, first: str, tmp_path: Path
) -> None:
    mounts = {"store": "noexec", "run": first, "shm": "exec"}
    said, left = prove(shell, tmp_path, mounts)
    assert said["proof.selftest"] == "yes", said
    place = "run" if first == "exec" else "shm"
    assert said["selftest.from"].startswith(f"{tmp_path}/{place}/.toa-runnable.")
    assert "drwx------" in said["stderr"]
    swept = [name for name in left if name.startswith(".toa")]
    assert swept == ([".toa-runnable.4194304"] if first == "ro" else [])


def test_where_nothing_may_be_executed_it_is_skipped_with_the_reason(
    shell: str, tmp_path: Path
) -> None:
    said, left = prove(shell, tmp_path, {"store": "noexec", "run": "noexec", "shm": "noexec"})
    assert said["proof.selftest"].startswith("skipped: it may not be executed in ")
    assert "noexec" in said["proof.selftest"]
    assert not any(name.startswith(".toa") for name in left)
