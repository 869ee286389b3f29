"""Debian systems in a directory, made by mmdebstrap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import apt
from .errors import LabError
from .proc import BOX, run

# The programs that the lab runs beside or inside its machines.
SHELL = Path(__file__).parent / "shell"

# What no machine of the lab reads, and what takes long to write.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")


def make(
    release: str,
    folder: Path,
    packages: Sequence[str],
    *,
    hooks: Sequence[Path] = (),
    debs: Sequence[Path] = (),
    variant: str = "essential",
) -> None:
    """Makes a Debian RELEASE with PACKAGES in FOLDER, in at most 15 minutes.

    `hooks` are programs run at the end with the new root as $1. `debs`
    are package files that need no download. `variant` is mmdebstrap's.
    """
    suites = [suite for suite in apt.suites(release) if apt.is_served(suite)]
    if release not in suites:
        raise LabError(f"{release} is not served by {apt.mirror(release)}")
    argv = [
        *BOX, "mmdebstrap", "--mode=root", "--format=directory", f"--variant={variant}",
        "--architectures=amd64", "--include=" + ",".join(packages),
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT),
        *(f"--aptopt={option}" for option in apt.network_options()),
        "--aptopt=Acquire::Languages \"none\"",
        "--aptopt=Acquire::PDiffs \"false\"",
        "--aptopt=Apt::Install-Recommends \"false\"",
    ]  # fmt: skip
    if debs:
        archive = '"$1"/var/cache/apt/archives'
        files = " ".join(f"'{deb}'" for deb in debs)
        argv += [
            "--skip=download/empty",
            f"--setup-hook=mkdir -p {archive} && ln {files} {archive} || cp {files} {archive}",
        ]
    argv += [f"--customize-hook={hook}" for hook in hooks]
    # The machine's way to the network is not the new system's.
    argv += ['--customize-hook=rm -f "$1"/etc/apt/apt.conf.d/99mmdebstrap']
    argv += [release, str(folder), *(apt.source(suite) for suite in suites)]
    run(argv, timeout=900, what=f"mmdebstrap {release}", env={"INITRD": "No", "LC_ALL": "C.UTF-8"})
