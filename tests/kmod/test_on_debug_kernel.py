# SPDX-License-Identifier: GPL-2.0-only
"""toa.ko in a kernel that watches it: `make test-debug-kernel`, see docs/proof.md.

test_on_kernels.py runs on the same kernel then; here is what no other kernel can do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import KERNELS, MAKE_ARGS

import lab

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        lab.debug.NAME not in KERNELS, reason="make test-debug-kernel builds the kernel for it"
    ),
]

KMEMLEAK = "/sys/kernel/debug/kmemleak"
FAULTY = Path(__file__).parent / "faulty"


@pytest.fixture(scope="module")
def careless() -> Iterator[lab.TinyMachine]:
    """A machine of its own for a module with faults: most watchers give up after a report."""
    kernel = lab.debug.debug_kernel()
    build = lab.build_module(FAULTY, kernel, make_args=MAKE_ARGS[lab.debug.NAME])
    files = {"/root/faulty.ko": build.path / "faulty.ko"}
    # Without kasan_multi_shot it reports once and rests.
    options = f"kasan_multi_shot {lab.debug.APPEND}"
    with lab.TinyMachine(kernel, files=files, memory=lab.debug.MEMORY, append=options) as machine:
        yield machine


# In this order: lockdep is off after lock-order, and after KASAN's first report.
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("sleep-under-spinlock", "BUG: sleeping function called from invalid context"),
        ("this-cpu-while-preemptible", "BUG: using smp_processor_id() in preemptible"),
        ("rcu-list-without-rcu", "WARNING: suspicious RCU usage"),
        ("lock-order", "WARNING: possible circular locking dependency detected"),
        ("call-rcu-twice", "ODEBUG: activate active"),
        ("shift-out-of-bounds", "UBSAN: shift-out-of-bounds"),
        ("use-after-free", "BUG: KASAN: "),
        ("heap-out-of-bounds", "BUG: KASAN: slab-out-of-bounds"),
        ("stack-out-of-bounds", "BUG: KASAN: stack-out-of-bounds"),
    ],
)
def test_a_fault_of_a_module_is_seen(careless: lab.TinyMachine, fault: str, words: str) -> None:
    careless.check("dmesg -c >/dev/null")
    assert careless.run(f"insmod /root/faulty.ko fault={fault}").status != 0
    assert words in careless.check("dmesg")


def test_a_leak_of_a_module_is_seen(careless: lab.TinyMachine) -> None:
    careless.run("insmod /root/faulty.ko fault=leak")
    assert "size 96" in leaks(careless)


def test_a_write_over_the_end_of_a_stack_is_seen(careless: lab.TinyMachine) -> None:
    with pytest.raises(lab.MachineDied):
        careless.run("insmod /root/faulty.ko fault=end-of-the-stack")
    assert "Kernel panic - not syncing: corrupted stack end detected" in careless.console()


def test_nothing_is_leaked_by_a_module_that_has_gone(machine: lab.TinyMachine) -> None:
    machine.check(f"echo scan >{KMEMLEAK}; echo clear >{KMEMLEAK}", timeout=300)
    machine.check("toa-selftest && traffic many 200 && traffic backlog-closed", timeout=300)
    machine.check("echo 10.0.0.0/8,2001:db8::/32 >/sys/module/toa/parameters/trusted")
    machine.run("echo 10.0.0.0/8,x >/sys/module/toa/parameters/trusted")
    machine.check("echo 254,200 >/sys/module/toa/parameters/kinds; rmmod toa")
    assert machine.run("insmod /root/toa.ko trusted=10.0.0.0/8 max_connections=0").status != 0
    machine.run("insmod /root/toa.ko trusted=10.0.0.0/8 kinds=2")
    assert leaks(machine) == ""


def test_the_watchers_are_still_awake(machine: lab.TinyMachine) -> None:
    """Lockdep switches itself off after a report, or when its tables are full."""
    assert machine.check("cat /proc/lockdep_stats | grep -w debug_locks:").split()[-1] == "1"


def leaks(machine: lab.TinyMachine) -> str:
    """What kmemleak reports: of memory without a pointer to it for longer than 5 seconds."""
    scan = f"sleep 6; echo scan >{KMEMLEAK}; sleep 6; echo scan >{KMEMLEAK}; cat {KMEMLEAK}"
    return machine.check(scan, timeout=600)
