# SPDX-License-Identifier: GPL-2.0-only
"""A first file system that holds a whole tiny machine, or leads to a disk."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import apt, cache
from .children import run
from .cpio import Archive
from .debootstrap import SHELL
from .errors import LabError
from .given_kernel import GivenKernel
from .kernels import Kernel

# Programs of this machine that go into a tiny machine, with their libraries.
_PROGRAMS = {"dash": "bin/dash", "bash": "bin/bash", "mksh": "bin/mksh", "kmod": "bin/kmod"}
_KMOD_NAMES = ("insmod", "rmmod", "lsmod", "modprobe", "modinfo", "depmod")
# virtio of any kernel, TUN, and kTLS with the ciphers that it may ask for.
TINY_MODULES = (
    "virtio_pci", "virtio_console", "virtio_net", "virtio_blk", "tun", "tls", "gcm", "ccm", "ctr",
    "ghash_generic", "ghash_clmulni_intel", "aesni_intel", "aes_generic", "authenc", "seqiv",
    "chacha20poly1305", "dummy", "veth", "overlay",
)  # fmt: skip
NODE_MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console")


def tiny(kernel: Kernel, modules: Sequence[str] = ()) -> Path:
    """The archive of a machine with busybox, dash, bash, mksh and kmod; made once."""
    programs = _programs(kernel)
    wanted = (*TINY_MODULES, *modules)
    facts = [[str(path), path.stat().st_size, path.stat().st_mtime] for path in programs.values()]
    recipe = ["1", facts, kernel.image, wanted, (SHELL / "tiny-init").read_text()]

    def make(folder: Path) -> None:
        with open(folder / "initrd", "wb") as stream:
            archive = Archive(stream)
            _base(archive, programs["busybox"], "tiny-init")
            for name, target in _PROGRAMS.items():
                if name in programs:
                    _add_program(archive, programs[name], target)
                elif name != "kmod":  # dash, bash, mksh: its shell has to do
                    archive.file(target, '#!/bin/busybox sh\nexec /bin/busybox sh "$@"\n', 0o755)
            for name in _KMOD_NAMES:
                tool = "kmod" if "kmod" in programs else "busybox"
                archive.link(f"sbin/{name}", f"/bin/{tool}")
            for name, text in _etc(kernel).items():
                archive.file(name, text)
            _add_modules(archive, kernel, wanted, with_index=True)
            archive.close()

    return cache.entry("tiny-" + kernel.release, recipe, make) / "initrd"


def node(kernel: Kernel) -> Path:
    """The archive that mounts a node's disk and starts its own init; made once."""
    busybox = _program("busybox")
    recipe = ["1", busybox.stat().st_mtime, kernel.image, (SHELL / "node-init").read_text()]

    def make(folder: Path) -> None:
        with open(folder / "initrd", "wb") as stream:
            archive = Archive(stream)
            _base(archive, busybox, "node-init")
            _add_modules(archive, kernel, NODE_MODULES, with_index=False)
            archive.close()

    return cache.entry("initrd-" + kernel.release, recipe, make) / "initrd"


def _programs(kernel: Kernel) -> dict[str, Path]:
    """This machine's programs; of a kernel too old for them, the busybox that came with it."""
    if isinstance(kernel, GivenKernel) and kernel.busybox:
        return {"busybox": kernel.busybox}
    return {name: _program(name) for name in ("busybox", *_PROGRAMS)}


def _base(archive: Archive, busybox: Path, init: str) -> None:
    for name in ("dev", "proc", "sys", "run", "root", "mnt", "var", "lab", "usr/bin", "usr/sbin"):
        archive.folder(name)
    archive.folder("tmp", 0o1777)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", busybox, 0o755)
    for applet in run([busybox, "--list"], timeout=30).decode().split():
        folder = "sbin" if applet in _KMOD_NAMES else "bin"
        if applet != "busybox" and applet not in _PROGRAMS and applet not in _KMOD_NAMES:
            archive.link(f"{folder}/{applet}", "/bin/busybox")
    archive.file("init", (SHELL / init).read_bytes(), 0o755)


def _etc(kernel: Kernel) -> dict[str, str]:
    number = apt.RELEASES.get(kernel.distribution, "0")
    return {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/tmp:/bin/sh\n",
        "etc/group": "root:x:0:\nnogroup:x:65534:\n",
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/os-release": f'ID=debian\nVERSION_ID="{number}"\n'
        f'PRETTY_NAME="Debian GNU/Linux {number} ({kernel.distribution})"\n',
    }


def _add_program(archive: Archive, program: Path, target: str) -> None:
    archive.file(target, program, 0o755)
    libraries = run(["ldd", program], timeout=30).decode()
    for library in re.findall(r"(/\S+) \(0x", libraries):
        archive.file(library, Path(library), 0o755)


def _add_modules(archive: Archive, kernel: Kernel, names: Iterable[str], with_index: bool) -> None:
    """Adds modules NAMES with what they depend on.

    Without the index, they are numbered in an order in which insmod takes them.
    """
    depends = _depends(kernel)
    wanted: list[str] = []
    for name in names:
        for path in depends.get(name.replace("-", "_"), []):  # none: built in, or not there
            if path not in wanted:
                wanted.append(path)
    for number, path in enumerate(wanted):
        source = kernel.modules / path
        if with_index:
            archive.file(f"lib/modules/{kernel.release}/{path}", source, 0o644)
        else:
            archive.file(f"modules/{number:02}-{Path(path).name}", _plain(source), 0o644)
    if with_index:
        for file in kernel.modules.glob("modules.*"):
            archive.file(f"lib/modules/{kernel.release}/{file.name}", file, 0o644)


def _depends(kernel: Kernel) -> dict[str, list[str]]:
    """For each module: the files to load, the module's own last."""
    table: dict[str, list[str]] = {}
    index = kernel.modules / "modules.dep"
    if isinstance(kernel, GivenKernel) and not index.exists():
        return {}  # all is built in
    for line in index.read_text().splitlines():
        path, _, needs = line.partition(":")
        name = Path(path).name.split(".ko")[0].replace("-", "_")
        table[name] = [*reversed(needs.split()), path]
    return table


def _plain(module: Path) -> bytes:
    """The module as insmod of busybox takes it."""
    if module.suffix == ".xz":
        return run(["xz", "-dc", module], timeout=60)
    if module.suffix == ".zst":
        return run(["zstd", "-dcq", module], timeout=60)
    return module.read_bytes()


def _program(name: str) -> Path:
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise LabError(f"{name} is not installed: run lab/setup.sh")
    return Path(path)
