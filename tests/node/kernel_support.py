# SPDX-License-Identifier: GPL-2.0-only
"""Artifacts for real kernels, built by toa-node itself, and machines to try them on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from node_support import HARD, PROGRAM, ROOT, Answer, build_id_of, make_tree

import lab
from lab.children import BOX
from lab.chroot import root as build_chroot
from lab.cpio import Content

# $1 chroot, $2 headers, $3 what is seen as /mnt; the rest are arguments of toa-node.
_BUILD = """
set -e
root=$1 headers=$2 work=$3; shift 3
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind "$headers/usr/src" "$root/usr/src"
for dir in "$headers"/usr/lib/linux-*; do
    mkdir -p "$root/usr/lib/${dir##*/}"
    mount --bind "$dir" "$root/usr/lib/${dir##*/}"
done
mount --bind "$work" "$root/mnt"
exec chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin sh /mnt/toa-node --root /mnt/tree "$@"
"""

# Modules that are no toa, for what can go wrong once insmod runs.
_SMALL_MAKEFILE = """
all:
	$(MAKE) -C "$(KERNELDIR)" M="$(CURDIR)" modules
	mkdir -p selftest
	printf '#!/bin/sh\\necho toa=pass\\n' >selftest/toa-selftest
"""
_SMALL_KBUILD = """
obj-m := toa.o
ccflags-y := -DTOA_FINGERPRINT='"$(TOA_FINGERPRINT)"' -DANSWER=%(answer)s
"""
_SMALL_MODULE = """
#include <linux/errno.h>
#include <linux/module.h>

static int __init small_init(void)
{
	return ANSWER;
}

static void __exit small_exit(void)
{
}

module_init(small_init);
module_exit(small_exit);
MODULE_DESCRIPTION("Stands in for a toa that goes wrong");
MODULE_LICENSE("GPL");
MODULE_INFO(toa_fingerprint, TOA_FINGERPRINT);
"""


def toa_source(where: Path, version: str) -> Path:
    """kmod/ as it is, but of another version, so that each build is another artifact."""
    products = shutil.ignore_patterns("*.o", "*.ko", "*.mod", "*.mod.c", ".*.cmd", "toa-selftest")
    shutil.copytree(ROOT / "kmod", where, ignore=products)
    makefile = where / "Makefile"
    text = makefile.read_text().replace("TOA_VERSION := 0.1.0", f"TOA_VERSION := {version}")
    # Static, because a tiny machine has no library of the builder's release.
    makefile.write_text(text.replace("$(LDFLAGS)", "-static"))
    return where


def small_source(where: Path, answer: str) -> Path:
    """A module whose init returns `answer` and says nothing."""
    where.mkdir()
    (where / "Makefile").write_text(_SMALL_MAKEFILE)
    (where / "Kbuild").write_text(_SMALL_KBUILD % {"answer": answer})
    (where / "toa.c").write_text(_SMALL_MODULE)
    return where


_OTHER_MAKEFILE = """
obj-m += toa.o
KERNELDIR ?= /lib/modules/$(shell uname -r)/build
default:
	$(MAKE) -C $(KERNELDIR) M=$(CURDIR) modules
"""
_OTHER_MODULE = """
#include <linux/module.h>

static int __init other_init(void)
{
	pr_info("TOA: toa loaded\\n");
	return 0;
}

static void __exit other_exit(void)
{
	pr_info("TOA: toa unloaded\\n");
}

module_init(other_init);
module_exit(other_exit);
MODULE_DESCRIPTION("Stands in for a TOA of others");
MODULE_LICENSE("GPL");
"""


def other_source(where: Path) -> Path:
    """A module in the layout of other TOAs: src/, and nothing of this project's."""
    (where / "src").mkdir(parents=True)
    (where / "src/Makefile").write_text(_OTHER_MAKEFILE)
    (where / "src/toa.c").write_text(_OTHER_MODULE)
    return where


def build(work: Path, kernel: lab.Kernel, facts: Mapping[str, str], source: Path) -> Path:
    """Runs `toa-node build` where there is a compiler; returns the artifact's directory."""
    work.mkdir()
    os_release = f"ID={facts['os_id']}\nVERSION_ID={facts['os_version_id']}\n"
    make_tree(work / "tree", facts, os_release)
    shutil.copytree(source, work / "kmod")
    arguments = ["build", "--source", "/mnt/kmod", "--output", "/mnt/out",
                 "--kerneldir", kernel.headers_dir]  # fmt: skip
    where_there_is_a_compiler(work, kernel, *arguments).done()
    return work / "out"


def where_there_is_a_compiler(work: Path, kernel: lab.Kernel, *arguments: str) -> Answer:
    """Runs toa-node on the system tree work/tree, with the headers of that kernel installed."""
    shutil.copy(PROGRAM, work / "toa-node")
    words = [*BOX, "sh", "-c", _BUILD, "sh", build_chroot(), kernel.headers_tree, work, *arguments]
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


def install_kernel(tree: Path, kernel: lab.Kernel) -> None:
    """Puts a kernel into a system tree as its packages do: image, modules (one), headers."""
    modules = tree / "lib/modules" / kernel.release
    image = tree / f"boot/vmlinuz-{kernel.release}"
    module = next(kernel.modules.glob("kernel/drivers/net/dummy.ko*"))
    for target, origin in (
        (image, kernel.vmlinuz),
        (modules / module.relative_to(kernel.modules), module),
    ):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(origin, target)
    (modules / "build").symlink_to(kernel.headers_dir)


def files_below(tree: Path, *names: str) -> dict[str, Content]:
    """What stands below these directories of a tree, as files of a machine."""
    return {
        f"/{path.relative_to(tree)}": path
        for name in names
        for path in sorted((tree / name).rglob("*"))
        if path.is_file()
    }


class Node:
    """A machine on which toa-node runs under one shell."""

    def __init__(self, machine: lab.TinyMachine, shell: str) -> None:
        self.machine = machine
        self.shell = "sh" if shell == "busybox" else shell

    def __call__(self, words: str, before: str = "") -> Answer:
        """Runs `toa-node WORDS`; `before` is a line of shell to run first."""
        command = f"{before}\nexec {self.shell} /root/toa-node {words}"
        done = self.machine.run(command, timeout=120, shell=self.shell)
        return Answer(done.status, done.stdout, done.stderr)

    def clear(self) -> None:
        """Back to a node that never heard of toa."""
        self.machine.run("rmmod toa; rm -rf /var/lib/toa /run/bin; dmesg -c >/dev/null")

    def push(self, artifact: Path, where: str) -> None:
        """Copies an artifact there."""
        for path in artifact.iterdir():
            if path.is_file():
                self.machine.push(f"{where}/{path.name}", path.read_bytes(), 0o755)


def facts_of(machine: lab.TinyMachine) -> dict[str, str]:
    """The hard fields of a machine."""
    done = machine.run("exec dash /root/toa-node fingerprint", shell="dash")
    answer = Answer(done.status, done.stdout, done.stderr).done()
    return {key: answer[key] for key in HARD}


def artifact_build_id(artifact: Path) -> str:
    """The build-id of an artifact's module."""
    return build_id_of((artifact / "toa.ko").read_bytes())


def unavailable() -> Optional[str]:
    """Why there can be no machines here."""
    return lab.available()
