# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that Debian does not offer: whoever has one gives it, with what was built for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from .errors import LabError
from .kernels import Kernel


@dataclass(frozen=True)
class GivenKernel(Kernel):
    """A kernel of the user's: `folder` holds `vmlinuz` and perhaps `lib/modules/RELEASE`.

    What a tiny machine needs (virtio, TUN) is built in, or among those modules,
    which depmod has seen. A `busybox` there takes the place of this machine's
    programs, whose C library starts on no kernel before 3.2.
    """

    folder: Path = Path()

    # Old kernels stumble over what the newest processors can do.
    cpu: ClassVar[str] = "qemu64"

    @property
    def files(self) -> Path:
        """The directory that was given."""
        return self.folder

    @property
    def module(self) -> Path:
        """The toa.ko that was made for it; raises LabError when there is none."""
        module = self.folder / "toa.ko"
        if not module.exists():
            raise LabError(f"no {module}: it is made against that kernel's headers")
        return module

    @property
    def busybox(self) -> Path | None:
        """A static busybox that runs on this kernel, where one was given."""
        program = self.folder / "busybox"
        return program if program.exists() else None


def given(folder: Path) -> GivenKernel:
    """The kernel in FOLDER.

    >>> given(Path("/root/rhel7")).release
    '3.10.0-1160.el7.x86_64'
    """
    folder = folder.resolve()
    image = folder / "vmlinuz"
    release, version = _words_of(image)
    modules = folder / "lib/modules" / release
    index = modules / "modules.dep"
    if modules.exists() and not index.exists():
        raise LabError(f"{modules} has no modules.dep: run depmod -b {folder} {release}")
    identity = tuple(
        (str(file), f"{file.stat().st_size} {file.stat().st_mtime_ns}")
        for file in (image, index)
        if file.exists()
    )
    return GivenKernel(folder.name, release, version, "given", identity, (), folder)


def _words_of(image: Path) -> tuple[str, str]:
    """The release and the rest of what a bzImage says of itself (Linux x86 boot protocol)."""
    try:
        data = image.read_bytes()
    except OSError as error:
        raise LabError(f"no kernel in {image.parent}: {error}") from error
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{image} is no x86 bzImage")
    start = struct.unpack_from("<H", data, 0x20E)[0] + 0x200
    release, _, rest = (
        data[start : data.index(b"\0", start)].decode("ascii", "replace").partition(" ")
    )
    return release, rest
