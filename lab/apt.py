# SPDX-License-Identifier: GPL-2.0-only
"""Debian's package indexes and packages, through an apt state of the lab's own.

The machine's own apt is only asked how it reaches the network (proxy,
certificates, date checks); nothing of it is changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import cache
from .children import run
from .errors import CommandFailed, LabError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
RELEASES = {"bullseye": "11", "bookworm": "12", "trixie": "13"}

Stanza = dict[str, str]


def mirror(suite: str) -> str:
    """Where SUITE comes from: $TOA_LAB_MIRROR, its security suites beside it."""
    base = os.environ.get("TOA_LAB_MIRROR", "http://deb.debian.org/debian").rstrip("/")
    return base + "-security" if suite.endswith("-security") else base


def suites(release: str) -> tuple[str, ...]:
    """The suites that RELEASE is made of; backports first asked for by name."""
    if release == "bullseye":
        return (release, f"{release}-security")
    return (release, f"{release}-updates", f"{release}-security", f"{release}-backports")


def source(suite: str) -> str:
    """The line of a sources.list for SUITE."""
    return f"deb [arch=amd64 signed-by={KEYRING}] {mirror(suite)} {suite} main"


def update() -> list[str]:
    """Fetches the indexes of all suites; returns those that could be had.

    A suite that its mirror no longer serves is left out. Raises LabError when
    there is none at all.
    """
    wanted = [suite for release in RELEASES for suite in suites(release)]
    words = ""
    with cache.lock("apt"):
        (_folder() / "sources.list").write_text("".join(source(suite) + "\n" for suite in wanted))
        try:
            run(["apt-get", *_options(), "update"], timeout=300, what="apt-get update")
        except CommandFailed as error:  # some suites may be gone for good
            words = str(error)
        (_folder() / "updated").touch()
    served = [suite for suite in wanted if _index_files(suite)]
    if not served:
        raise LabError(f"no package index could be fetched from {mirror('')}\n{words}")
    for suite in wanted:
        if suite not in served:
            cache.say(f"{suite} is not served by {mirror(suite)}: left out")
    return served


def seconds_since_update() -> float:
    """How old the package indexes are; infinite when there are none."""
    try:
        return time.time() - (cache.root() / "apt" / "updated").stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def is_served(suite: str) -> bool:
    """Whether the last `update` could fetch the index of SUITE."""
    return bool(_index_files(suite))


def stanzas(suite: str, prefix: str) -> Iterator[Stanza]:
    """The fields of every package of SUITE whose name starts with PREFIX."""
    pattern = re.compile(rf"^Package: {re.escape(prefix)}.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
    for file in _index_files(suite):
        text = run(
            ["/usr/lib/apt/apt-helper", "cat-file", file], timeout=120, what=f"reading {file.name}"
        ).decode()
        for match in pattern.finditer(text):
            yield _fields(match.group())


def download(packages: Sequence[tuple[str, str]]) -> list[Path]:
    """The .deb files of PACKAGES, each a name and a version; fetches what is missing.

    Raises LabError when the mirror no longer has them: `update` and a new choice
    of kernels is the remedy.
    """
    pool = _folder() / "debs"
    pool.mkdir(exist_ok=True)
    with cache.lock("apt"):
        missing = [
            f"{name}={version}" for name, version in packages if not _deb(pool, name, version)
        ]
        if missing:
            _download(missing, pool)
    files = []
    for name, version in packages:
        found = _deb(pool, name, version)
        if not found:
            raise LabError(f"apt-get downloaded no {name} {version}")
        os.utime(found[0])
        files.append(found[0])
    return files


def _download(wanted: Sequence[str], pool: Path) -> None:
    """Fetches WANTED (name=version) into POOL, each file whole or not at all."""
    staging = _folder() / "download"
    cache.remove(staging)
    staging.mkdir()
    run(
        ["apt-get", *_options(), "-qq", "download", *wanted],
        timeout=900,
        what=f"downloading packages; `python3 -m lab kernels --refresh` looks for newer ones\n"
        f"    {' '.join(wanted)}",
        cwd=staging,
        stderr=subprocess.STDOUT,
    )
    for file in staging.iterdir():
        file.rename(pool / file.name)


def network_options() -> list[str]:
    """The machine's own apt settings about reaching a mirror, as `Key "value"`."""
    text = run(["apt-config", "dump"], timeout=30).decode()
    wanted = re.compile(r"^Acquire::(https?::.|Check-|Retries)")
    lines = [line.rstrip(";") for line in text.splitlines() if wanted.match(line)]
    return [line for line in lines if not line.endswith('""')]


def _folder() -> Path:
    folder = cache.root() / "apt"
    for name in ("lists/partial", "cache/archives/partial", "empty"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    return folder


def _options() -> list[str]:
    return options(cache.root() / "apt", "amd64")


def options(folder: Path, architectures: str) -> list[str]:
    """apt's options for a state of its own in FOLDER, which knows ARCHITECTURES."""
    settings = {
        "Dir::State": folder,
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "empty",
        "Dir::Etc::preferences": folder / "empty" / "none",
        "Dir::Etc::preferencesparts": folder / "empty",
        "APT::Architecture": "amd64",
        "APT::Architectures": architectures,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::PDiffs": "false",
        "Acquire::Retries": "3",
        "Acquire::http::Timeout": "30",
        "APT::Update::Post-Invoke-Success::": "true",
    }
    return [f"-o{name}={value}" for name, value in settings.items()]


def lists(suite: str) -> list[Path]:
    """The files that `update` fetched for SUITE: its signed release and its index."""
    where = mirror(suite).split("://", 1)[-1].replace("_", "%5f").replace("/", "_")
    return sorted((cache.root() / "apt" / "lists").glob(f"{where}_dists_{suite}_*"))


def _index_files(suite: str) -> list[Path]:
    return [file for file in lists(suite) if "_binary-amd64_Packages" in file.name]


def _deb(pool: Path, name: str, version: str) -> list[Path]:
    return list(pool.glob(f"{name}_{version.replace(':', '%3a')}_*.deb"))


def _fields(text: str) -> Stanza:
    fields: Stanza = {}
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if colon and not line.startswith(" "):
            fields[name] = value
    return fields
