# SPDX-License-Identifier: GPL-2.0-only
"""Debian systems, made by mmdebstrap."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from . import apt
from .children import BOX, run
from .errors import LabError

# The programs that the lab runs beside or inside its machines.
SHELL = Path(__file__).parent / "shell"

# What no machine of the lab reads, and what takes long to write.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
_TREE_GIB = 3


def make(
    release: str,
    staging: Path,
    packages: Sequence[str],
    finish: str,
    *,
    hooks: Sequence[Path] = (),
    debs: Sequence[Path] = (),
) -> None:
    """Makes a Debian RELEASE with PACKAGES, and runs the shell command FINISH on it.

    FINISH gets the system's root directory as $1 and has to take it from there:
    it is below STAGING, or in memory, and gone afterwards. `hooks` are programs
    run before, with the root as $1. `debs` are package files that need no
    download. Takes at most 15 minutes.
    """
    suites = [suite for suite in apt.suites(release) if apt.is_served(suite)]
    if release not in suites:
        raise LabError(f"{release} is not served by {apt.mirror(release)}")
    tree = staging / "tree"
    argv: list[str | Path] = [
        *BOX, SHELL / "make-system", tree, _size(), finish,
        "--variant=essential", "--architectures=amd64", "--include=" + ",".join(packages),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        *(f"--aptopt={option}" for option in apt.network_options()),
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::PDiffs "false"',
        '--aptopt=Apt::Install-Recommends "false"',
        *_with_lists([file for suite in suites for file in apt.lists(suite)]),
        *_with_debs(debs),
        *(f"--customize-hook={hook}" for hook in hooks),
        # The machine's way to the network is not the new system's.
        '--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap',
        release, tree, *(apt.source(suite) for suite in suites),
    ]  # fmt: skip
    run(argv, timeout=900, what=f"mmdebstrap {release}", env={"INITRD": "No", "LC_ALL": "C.UTF-8"})


def _with_lists(files: Sequence[Path]) -> list[str]:
    """The options that give apt the package lists FILES instead of an update."""
    folder = '"$1"/var/lib/apt/lists'
    words = " ".join(f"'{file}'" for file in files)
    return ["--skip=update", f"--setup-hook=mkdir -p {folder} && cp {words} {folder}"]


def _with_debs(debs: Sequence[Path]) -> list[str]:
    """The options that let apt find DEBS as if it had just downloaded them."""
    if not debs:
        return []
    archive = '"$1"/var/cache/apt/archives'
    files = " ".join(f"'{deb}'" for deb in debs)
    return ["--skip=download/empty", f"--setup-hook=mkdir -p {archive} && cp {files} {archive}"]


def _size() -> str:
    """The size for a tree in memory (mount's), empty where memory is short.

    Two trees are made at once, and each holds less than half of its size.
    """
    text = Path("/proc/meminfo").read_text()
    match = re.search(r"^MemAvailable: +(\d+) kB", text, re.MULTILINE)
    available = int(match.group(1)) if match else 0
    return f"{_TREE_GIB}g" if available > 2 * _TREE_GIB << 20 else ""
