# SPDX-License-Identifier: GPL-2.0-only
"""One Debian trixie with a compiler that builds the module for every kernel here."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import cache, debootstrap
from .children import BOX, end, spawn, tail
from .errors import BuildFailed
from .kernels import Kernel

PACKAGES = (
    "gcc-14", "gcc", "make", "libc6-dev", "bc", "kmod", "pahole", "libelf-dev", "libssl-dev",
    "binutils", "perl", "file",
)  # fmt: skip
NAMES = debootstrap.SHELL / "name-compilers"
BUILD = debootstrap.SHELL / "build-in-chroot"
BUILD_SECONDS = 600
# What an earlier make may have left in the source: not part of it.
PRODUCTS = (
    "*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd", "Module.symvers", "modules.order", "toa-selftest",
    ".tmp_versions", "have.h", "have.log",
)  # fmt: skip

# What kbuild says because gcc-14 answers to other compilers' names, and nothing else.
_NOT_A_WARNING = ("the compiler differs from the one used to build the kernel",)


@dataclass(frozen=True)
class Build:
    """What a build left in `path`; `log` is all that make and the compiler said."""

    path: Path
    log: str

    @property
    def module(self) -> Path:
        """The kernel module."""
        return self.path / "toa.ko"

    @property
    def selftest(self) -> Path:
        """The program that proves it."""
        return self.path / "selftest" / "toa-selftest"

    @property
    def warnings(self) -> tuple[str, ...]:
        """The lines of the log that speak of a warning about the source."""
        lines = (line for line in self.log.splitlines() if "warning" in line.lower())
        return tuple(one for one in lines if not any(known in one for known in _NOT_A_WARNING))


def root() -> Path:
    """The chroot's directory; made if it is not there."""
    return cache.entry("chroot", ["4", PACKAGES, NAMES.read_text()], _make) / "root"


def build_module(source: Path, kernel: Kernel, *, make_args: Sequence[str] = ()) -> Build:
    """Runs make in a copy of SOURCE for KERNEL and returns what came out.

    The same source, kernel and arguments are built once and kept. Raises
    BuildFailed, with the log, when make fails or takes longer than 10 minutes.

    >>> build = build_module(Path("kmod"), kernel("bookworm"), make_args=["W=1"])
    >>> assert not build.warnings
    """
    source = Path(source)
    recipe = ["1", PACKAGES, kernel.headers, tuple(make_args), _tree_hash(source)]

    def make(folder: Path) -> None:
        work = folder / "out"
        shutil.copytree(source, work, symlinks=True, ignore=shutil.ignore_patterns(*PRODUCTS))
        (folder / "log").write_text(_make_in(work, kernel, make_args))

    entry = cache.entry(f"build-{kernel.release}", recipe, make)
    return Build(entry / "out", (entry / "log").read_text())


def _make(folder: Path) -> None:
    system = folder / "root"
    finish = f'cp -a "$1" {shlex.quote(str(system))}'
    debootstrap.make("trixie", folder, PACKAGES, finish, hooks=[NAMES])


def _make_in(work: Path, kernel: Kernel, make_args: Sequence[str]) -> str:
    """Runs make in WORK inside the chroot; returns its words."""
    chroot, headers = root(), kernel.headers_tree
    words = [f"KERNELDIR={kernel.headers_dir}", *make_args]
    child = spawn(
        [*BOX, BUILD, chroot, headers, work, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        out, _ = child.communicate(timeout=BUILD_SECONDS)
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"make for {kernel.release}: not done in {BUILD_SECONDS} s", "") from None
    finally:
        end(child)
    log = out.decode(errors="replace")
    if child.returncode != 0:
        text = f"make for {kernel.release} failed, exit status {child.returncode}\n{tail(log)}"
        raise BuildFailed(text, log)
    return log


def _tree_hash(source: Path) -> str:
    """SHA-256 over the names, modes and contents of all files below SOURCE."""
    total = hashlib.sha256()
    for path in _files(source):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        total.update(
            f"{path.relative_to(source)} {path.lstat().st_mode:o} {len(content)}\n".encode()
        )
        total.update(content)
    return total.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            if not any(fnmatch.fnmatch(name, pattern) for pattern in PRODUCTS):
                yield Path(folder) / name
