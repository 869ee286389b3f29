# SPDX-License-Identifier: GPL-2.0-only
"""An arm64 kernel of Debian's, emulated: toa.ko is built for it with a cross compiler.

It runs one script, as its first and only program, and powers off.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import apt, cache, chroot, debootstrap
from .children import BOX, run, tail
from .cpio import Archive, Content
from .errors import BuildFailed, LabError
from .kernels import unpack

PROGRAM = "qemu-system-aarch64"
RELEASE = "trixie"
CROSS = (
    *chroot.PACKAGES, "gcc-14-aarch64-linux-gnu", "libc6-dev-arm64-cross",
    "linux-libc-dev-arm64-cross",
)  # fmt: skip
PREFIX = "aarch64-linux-gnu-"
BOOT_SECONDS = 300.0


def available() -> str | None:
    """None when this machine can run it, else what is missing."""
    if shutil.which(PROGRAM) is None:
        return f"{PROGRAM} is not installed: `make test-arm64` installs it"
    return None


class Arm64:
    """The newest cloud kernel of Debian 13 for arm64; all is fetched and made once.

    `folder` is where it works: empty, the caller's.
    """

    def __init__(self, folder: Path) -> None:
        """Looks up which kernel that is."""
        self.folder = folder
        run(["apt-get", *_options(), "update"], timeout=300, what="apt-get update for arm64")
        depends = _field("linux-image-cloud-arm64:arm64", "Depends")
        self.release = depends.split()[0].removeprefix("linux-image-")
        headers = "linux-headers-" + self.release
        needs = [
            word.split()[0].split(":")[0]
            for word in _field(headers + ":arm64", "Depends").split(",")
        ]
        shared = [name for name in needs if name.startswith(("linux-headers-", "linux-kbuild-"))]
        self._headers = [headers + ":arm64", *shared]
        self._image = [f"linux-image-{self.release}:arm64", "busybox-static:arm64"]

    def build(self, source: Path, programs: Mapping[str, Sequence[str]]) -> tuple[Path, str]:
        """Makes toa.ko of SOURCE, and PROGRAMS (static) of sources there, below one directory.

        Returns it and what make said. Raises BuildFailed.
        """
        system = cache.entry("chroot-arm64", ["1", CROSS], _make_chroot) / "root"
        headers = self._tree("headers", self._headers, ["./usr/src/*", "./usr/lib/linux-*"])
        work = self.folder / "build"
        shutil.copytree(source, work, ignore=shutil.ignore_patterns(*chroot.PRODUCTS))
        makefile = work / "arm64.mk"
        compiler = f"{PREFIX}gcc-14 -O2 -Wall -Wextra -Werror -static -Iselftest"
        rules = "".join(
            f"\t{compiler} -o {name} {shlex.join(files)}\n" for name, files in programs.items()
        )
        makefile.write_text(f"all:\n\t$(MAKE) module\n{rules}")
        words = [
            "-f", "arm64.mk", f"KERNELDIR=/usr/src/linux-headers-{self.release}", "W=1",
            "ARCH=arm64", f"CROSS_COMPILE={PREFIX}",
        ]  # fmt: skip
        done = subprocess.run(
            [*BOX, debootstrap.SHELL / "build-in-chroot", system, headers, work, *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=600,
        )  # fmt: skip
        log = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise BuildFailed(f"make for {self.release} failed\n{tail(log)}", log)
        return work, log

    def run(self, script: str, files: Mapping[str, Content], modules: Sequence[str]) -> str:
        """Boots, loads MODULES of the kernel's in their order, runs SCRIPT.

        Returns the console's words.
        """
        tree = self._tree("image", self._image, ["*/modules/*", "*/vmlinuz*", "*/bin/busybox"])
        folder = self.folder
        with open(folder / "initrd", "wb") as stream:
            archive = Archive(stream)
            for name in ("dev", "proc", "sys", "tmp", "root"):
                archive.folder(name)
            archive.device("dev/console", 5, 1)
            archive.file("bin/busybox", next(tree.rglob("bin/busybox")), 0o755)
            for place, name in enumerate(modules):
                module = _plain(next(tree.rglob(f"{name}.ko*")))
                archive.file(f"modules/{place:02}-{name}.ko", module)
            for name, content in files.items():
                archive.file(name.lstrip("/"), content, 0o755)
            archive.file("init", _INIT.format(script=script), 0o755)
            archive.close()
        console = folder / "console"
        try:
            run(
                [
                    PROGRAM, "-M", "virt", "-cpu", "cortex-a57", "-accel", "tcg,thread=single",
                    "-smp", "2", "-m", "256", "-nodefaults", "-display", "none", "-no-reboot",
                    "-serial", f"file:{console}", "-kernel", next(tree.rglob("vmlinuz*")),
                    "-initrd", folder / "initrd", "-append", "console=ttyAMA0 panic=-1 quiet",
                ],
                timeout=BOOT_SECONDS, what=f"booting {self.release}",
            )  # fmt: skip
        except LabError as error:
            words = console.read_text(errors="replace") if console.exists() else ""
            raise LabError(f"{error}\n{tail(words)}") from error
        return console.read_text(errors="replace").replace("\r", "")

    def _tree(self, what: str, packages: Sequence[str], wanted: Sequence[str]) -> Path:
        def make(folder: Path) -> None:
            debs = folder / "debs"
            debs.mkdir()
            run(["apt-get", *_options(), "-qq", "download", *packages], timeout=900, cwd=debs)
            (folder / "usr/lib").mkdir(parents=True)
            (folder / "lib").symlink_to("usr/lib")
            for deb in debs.iterdir():
                unpack(deb, folder, wanted)
            cache.remove(debs)

        return cache.entry(f"arm64-{what}", ["1", self.release, packages], make)


_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
ip link set lo up
for module in /modules/*; do insmod $module; done
{script}
poweroff -f
"""


def _make_chroot(folder: Path) -> None:
    finish = f'cp -a "$1" {shlex.quote(str(folder / "root"))}'
    debootstrap.make(RELEASE, folder, CROSS, finish)


def _options() -> list[str]:
    """apt's, for an own state that knows one release's packages of both machines."""
    folder = cache.root() / "apt-arm64"
    for name in ("lists/partial", "cache/archives/partial", "empty"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    line = apt.source(RELEASE).replace("arch=amd64", "arch=amd64,arm64")
    (folder / "sources.list").write_text(line + "\n")
    return apt.options(folder, "amd64,arm64")


def _field(package: str, name: str) -> str:
    """The field NAME of the newest PACKAGE."""
    words = ["apt-cache", *_options(), "--no-all-versions", "show", package]
    for line in run(words, timeout=60).decode().splitlines():
        key, _, value = line.partition(": ")
        if key == name:
            return value
    raise LabError(f"{package} has no {name}")


def _plain(module: Path) -> bytes:
    return run(["xz", "-dc", module], timeout=60) if module.suffix == ".xz" else module.read_bytes()
