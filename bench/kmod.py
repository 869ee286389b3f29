# SPDX-License-Identifier: GPL-2.0-only
"""`make bench-kmod`: what toa.ko costs, in instructions, on a kernel of the lab.

QEMU counts instructions as the guest's nanoseconds (-icount shift=0), so the
figures are the same in every run, whatever else the machine does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import lab

ROOT = Path(__file__).resolve().parents[1]
RUNS = 4
COUNT_INSTRUCTIONS = ("-icount", "shift=0,sleep=off")


def compiled(folder: Path) -> Path:
    """The program of socket_calls.c, static."""
    program = folder / "socket-calls"
    sources = [ROOT / "bench/socket_calls.c", ROOT / "kmod/selftest/wire.c"]
    include = f"-I{ROOT / 'kmod/selftest'}"
    subprocess.run(["cc", "-O2", "-static", include, "-o", program, *sources], check=True)
    return program


def measure(machine: lab.TinyMachine) -> dict[str, int]:
    """Instructions for each call, by name: the least of some runs.

    What is more comes from caches that were cold and timers that struck.
    """
    least: dict[str, int] = {}
    for _ in range(RUNS):
        for line in machine.check("/root/socket-calls", timeout=600).splitlines():
            name, _, count = line.partition("=")
            least[name] = min(int(count), least.get(name, int(count)))
    return least


def main(names: list[str]) -> int:
    """Measures on the kernels called NAMES and prints a table for each.

    A name with a slash is the directory of a kernel with its toa.ko (docs/kernels.md).
    """
    reason = lab.available()
    if reason:
        print(f"bench-kmod: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
        try:
            for name in names or ["bookworm"]:
                compare(*kernel_and_module(name), program)
        except lab.LabError as error:
            print(f"bench-kmod: {error}", file=sys.stderr)
            return 1
    return 0


def kernel_and_module(name: str) -> tuple[lab.Kernel, Path]:
    """The kernel called NAME, and toa.ko for it."""
    if "/" in name:
        given = lab.given(Path(name))
        return given, given.module
    kernel = lab.kernel(name)
    return kernel, lab.build_module(ROOT / "kmod", kernel).module


def compare(kernel: lab.Kernel, module: Path, program: Path) -> None:
    """Prints the figures without and with the module, and the difference."""
    files = {"/root/toa.ko": module, "/root/socket-calls": program}
    with lab.TinyMachine(kernel, files=files, options=COUNT_INSTRUCTIONS) as machine:
        machine.check("chmod +x /root/socket-calls")
        without = measure(machine)
        machine.check("insmod /root/toa.ko")
        loaded = measure(machine)
    print(f"{kernel.release}: instructions a call")
    print(f"{'':22}{'no module':>12}{'toa':>12}{'more':>10}{'':>9}")
    for name, before in without.items():
        more = loaded[name] - before
        print(f"{name:22}{before:12,}{loaded[name]:12,}{more:+10,}{more / before:+9.2%}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
