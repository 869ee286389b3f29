# SPDX-License-Identifier: GPL-2.0-only
"""One QEMU process, and whether this machine can run it at all."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from . import cache
from .children import end, spawn, tail
from .errors import CommandFailed, MachineDied
from .kernels import Kernel

PROGRAM = "qemu-system-x86_64"
NEEDED = (PROGRAM, "qemu-img", "mmdebstrap", "busybox", "mksh", "mkfs.ext4", "ssh", "depmod", "xz")
KVM_SECONDS = 3.0
# One thread for all processors: with a thread each, QEMU before 8.1 can keep a translation
# of code that another processor was patching, and runs a breakpoint that is long gone.
EMULATED = "tcg,thread=single,tb-size=64"


def available() -> str | None:
    """None when this machine can run the lab, else what is missing and what to do."""
    if os.geteuid() != 0:
        return "the lab makes Debian systems with mmdebstrap and must run as root"
    if os.uname().machine != "x86_64":
        return f"the lab's kernels are for x86_64, this machine is {os.uname().machine}"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=path) is None]
    if missing:
        return f"not installed: {', '.join(missing)}; run lab/setup.sh"
    return None


class Qemu:
    """A virtual machine's process; its serial console is kept in `folder`/console.

    `memory` is in MiB. It is killed with this program, however that ends.
    """

    def __init__(
        self,
        kernel: Kernel,
        initrd: Path,
        folder: Path,
        *,
        memory: int,
        append: str = "",
        options: Sequence[str] = (),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.folder = folder
        self.console_file = folder / "console"
        words = f"console=ttyS0 quiet no_timer_check {append}".strip()
        accel = "kvm" if kvm_works(kernel) else EMULATED
        self._words = folder / "qemu.log"
        with open(self._words, "ab") as log:
            self._child = spawn(
                [
                    PROGRAM, "-accel", accel, "-cpu", kernel.cpu, "-m", str(memory), "-nodefaults",
                    "-no-user-config", "-display", "none",
                    "-chardev", f"file,id=console,path={self.console_file},append=on",
                    "-serial", "chardev:console",
                    "-kernel", kernel.vmlinuz, "-initrd", initrd, "-append", words, *options,
                ],
                stdout=log, stderr=subprocess.STDOUT, pass_fds=tuple(pass_fds),
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def console(self) -> str:
        """All that the machine wrote on its serial console since its first boot."""
        try:
            return self.console_file.read_bytes().decode(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def panicked(self) -> bool:
        """Whether the kernel of this boot gave up."""
        return "Kernel panic - not syncing" in self.console()

    def died(self, what: str) -> MachineDied:
        """The error that says WHAT happened, with QEMU's words and the console's last lines."""
        words = self._words.read_text(errors="replace")
        return MachineDied(f"{what}\n{tail(words, 5)}\n{_trouble(self.console())}")

    def kill(self) -> None:
        """Ends the machine as a power cut does."""
        end(self._child)


# How the kernel begins to say that it is broken.
_BROKEN = re.compile(r"Kernel panic|BUG:|Oops|general protection|stack-protector|WARNING: CPU")


def _trouble(console: str) -> str:
    """What a person needs to see of CONSOLE: the first sign of trouble, else the end."""
    lines = console.splitlines()
    first = next((n for n, line in enumerate(lines) if _BROKEN.search(line)), len(lines) - 30)
    shown = lines[max(first, 0) :][:60]
    return tail("\n".join(shown), 60)


@functools.cache
def kvm_works(kernel: Kernel) -> bool:
    """Whether KVM really runs a kernel here: it may be there and hang every guest.

    Tried once per boot of this machine, for at most KVM_SECONDS.
    """
    device = Path("/dev/kvm")
    if os.environ.get("TOA_LAB_KVM") == "no" or not os.access(device, os.R_OK | os.W_OK):
        return False
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    record = cache.root() / f"kvm-{boot}"
    with cache.lock("kvm"):
        if not record.exists():
            for old in cache.root().glob("kvm-*"):
                old.unlink()
            works = _kvm_boots(kernel)
            record.write_text("yes" if works else "no")
            cache.say("KVM works here" if works else "no working KVM here: machines are emulated")
        return record.read_text() == "yes"


def _kvm_boots(kernel: Kernel) -> bool:
    """Boots a kernel without a root: it panics at once and QEMU ends, where KVM works."""
    vmlinuz = kernel.vmlinuz
    try:
        child = spawn(
            [
                PROGRAM, "-accel", "kvm", "-cpu", "host", "-m", "128", "-nodefaults",
                "-display", "none", "-no-reboot", "-kernel", vmlinuz, "-append", "panic=-1 quiet",
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except CommandFailed:
        return False
    started = time.monotonic()
    try:
        return child.wait(KVM_SECONDS) == 0 and time.monotonic() - started > 0.1
    except subprocess.TimeoutExpired:
        return False
    finally:
        end(child)
