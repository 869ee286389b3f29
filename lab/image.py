# SPDX-License-Identifier: GPL-2.0-only
"""Disks of Debian nodes: systemd, sshd, a compiler, all kernels of the release."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from . import apt, cache, debootstrap
from .errors import LabError
from .kernels import Kernel, kernels
from .versions import version_key

DISK_MIB = 3072
_MKFS = (
    "mkfs.ext4 -q -F -m 0 -O ^metadata_csum_seed,^orphan_file "
    "-E lazy_itable_init=1,lazy_journal_init=1,nodiscard"
)
SETTLE = debootstrap.SHELL / "settle-node"
LABEL = debootstrap.SHELL / "label-node"
PACKAGES = (
    "systemd", "systemd-sysv", "udev", "openssh-server", "sudo", "kmod", "iproute2", "procps",
    "gcc", "make", "libc6-dev", "python3", "passwd", "login", "initramfs-tools",
)  # fmt: skip


# What makes a Debian one that enforces SELinux, with the tools of an administrator.
SELINUX_PACKAGES = (
    "selinux-policy-default", "policycoreutils", "policycoreutils-python-utils", "selinux-utils",
)  # fmt: skip


@dataclass(frozen=True)
class Image:
    """A cached disk of Debian RELEASE; `kernels` are the ones installed in it.

    With `selinux` it has Debian's policy, enforcing, and every file its label.
    """

    release: str
    kernels: tuple[Kernel, ...]
    selinux: bool = False

    def kernel(self, name: Optional[str]) -> Kernel:
        """The installed kernel called NAME (or of that release), the first for None."""
        for one in self.kernels:
            if name in (None, one.name, one.release):
                return one
        inside = ", ".join(one.name for one in self.kernels)
        raise LabError(f"{name} is not installed in the {self.release} image; there are: {inside}")

    @property
    def disk(self) -> Path:
        """The raw ext4 disk, read only for all: machines write to overlays."""
        packages = [one.image + one.headers for one in self.kernels]
        recipe = ["5", _MKFS, PACKAGES, SETTLE.read_text(), DISK_MIB, packages]
        name = f"node-{self.release}"
        if self.selinux:
            name += "-selinux"
            recipe += [SELINUX_PACKAGES, LABEL.read_text()]
        return cache.entry(name, recipe, self._make) / "disk"

    def _make(self, folder: Path) -> None:
        newest: dict[str, str] = {}
        for name, version in (item for one in self.kernels for item in one.image + one.headers):
            newest[name] = max(newest.get(name, version), version, key=version_key)
        more = SELINUX_PACKAGES if self.selinux else ()
        packages = [*PACKAGES, *more, *(f"{name}={version}" for name, version in newest.items())]
        debs = apt.download(list(newest.items()))
        disk = folder / "disk"
        with open(disk, "wb") as file:
            file.truncate(DISK_MIB << 20)
        finish = f'{_MKFS} -d "$1" {shlex.quote(str(disk))}'
        if self.selinux:
            finish = f'{shlex.quote(str(LABEL))} "$1"; {finish}'
        debootstrap.make(self.release, folder, packages, finish, hooks=[SETTLE], debs=debs)
        disk.chmod(0o444)


def images() -> dict[str, Image]:
    """The images that can be made here, by the name of their Debian release."""
    known = kernels()
    found: dict[str, Image] = {}
    for release in apt.RELEASES:
        inside = tuple(one for one in known.values() if one.distribution == release)
        if inside:
            found[release] = Image(release, inside)
    return found


def image(release: str, selinux: bool = False) -> Image:
    """The image of Debian RELEASE; with SELinux if asked so."""
    known = images()
    if release not in known:
        raise LabError(f"no image {release!r} here; there are: {', '.join(known)}")
    return replace(known[release], selinux=selinux)
