# SPDX-License-Identifier: GPL-2.0-only
"""Systems with a real package manager, to install on without touching this machine.

A system is this machine's own file system under an overlay in memory, in mount and
network namespaces of its own: whatever is installed there is gone with it, and it
reaches no network. Its repositories and packages are made here.
"""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from node_support import PROGRAM, SHELLS, Answer, environment, write

MACHINE = platform.machine()
TOOLS = ("dnf", "zypper", "rpm", "rpmbuild", "createrepo_c", "apt-ftparchive", "unshare", "nsenter")

_SETUP = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
cd "$1"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount --rbind /proc root/proc
mount --rbind /dev root/dev
for memory in tmp run var/tmp; do mount -t tmpfs -o mode=1777 tmpfs root/$memory; done
# A machine with /usr on a file system of its own cannot be one.
test -x root/usr/bin/env
mkdir root/repo
mount --bind "$2" root/repo
mkdir -p root/run/toa-node
mount --bind "$3" root/run/toa-node
echo ready
exec sleep 900
"""


def missing_tools() -> list[str]:
    """What this machine lacks for these tests."""
    return [name for name in TOOLS if shutil.which(name) is None]


@dataclass(frozen=True)
class Package:
    """A package to be made: its files, by path, and what it depends on."""

    name: str
    version: str
    files: Mapping[str, str]
    arch: str = MACHINE
    links: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()

    def lay_out(self, where: Path) -> None:
        """Its files below a directory; programs are executable."""
        for path, text in self.files.items():
            made = write(where / path.lstrip("/"), text)
            if "/bin/" in path:
                made.chmod(0o755)
        for path, target in self.links.items():
            link = where / path.lstrip("/")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)


def program(name: str) -> Package:
    """A package with a program that only knows its version."""
    text = f"#!/bin/sh\necho {name} of the test repository\n"
    return Package(name, "1.0-1", {f"/usr/bin/{name}": text})


def headers(release: str, where: str, says: str = "") -> dict[str, str]:
    """The files of a headers package that are looked at."""
    return {
        f"{where}/Makefile": "",
        f"{where}/include/generated/utsrelease.h": f'#define UTS_RELEASE "{says or release}"\n',
    }


_SPEC = """
%global debug_package %{{nil}}
%define __os_install_post %{{nil}}
Name: {name}
Version: {version}
Release: {release}
Summary: made by a test
License: none
AutoReqProv: no
{needs}
%description
made by a test
%install
cp -a {tree}/. %{{buildroot}}/
%files
{files}
"""


def make_rpm(package: Package, work: Path, repository: Path) -> Path:
    """Builds with rpmbuild into a repository directory."""
    version, _, release = package.version.partition("-")
    tree = work / f"{package.name}-{package.version}"
    package.lay_out(tree)
    spec = write(
        work / f"{package.name}-{package.version}.spec",
        _SPEC.format(
            name=package.name,
            version=version,
            release=release,
            tree=tree,
            needs="\n".join(f"Requires: {need}" for need in package.needs),
            files="\n".join([*package.files, *package.links]),
        ),
    )
    words = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {work}/top", "--define"]
    words += [f"_rpmdir {repository}", "--target", package.arch, str(spec)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return repository / package.arch / f"{package.name}-{package.version}.{package.arch}.rpm"


def make_deb(package: Package, work: Path, repository: Path) -> Path:
    """Builds with dpkg-deb into a repository directory."""
    tree = work / f"{package.name}-{package.version}"
    package.lay_out(tree)
    needs = f"Depends: {', '.join(package.needs)}\n" if package.needs else ""
    write(
        tree / "DEBIAN/control",
        f"Package: {package.name}\nVersion: {package.version}\nArchitecture: {package.arch}\n"
        f"Maintainer: a test <test@localhost>\n{needs}Description: made by a test\n",
    )
    repository.mkdir(parents=True, exist_ok=True)
    made = repository / f"{package.name}_{package.version}_{package.arch}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-b", "-Zgzip", tree, made],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return made


def index_rpms(repository: Path) -> None:
    """Makes the metadata of an rpm repository."""
    repository.mkdir(parents=True, exist_ok=True)
    subprocess.run(["createrepo_c", "-q", repository], check=True)


def index_debs(repository: Path) -> None:
    """Makes the index of a deb repository."""
    repository.mkdir(parents=True, exist_ok=True)
    with open(repository / "Packages", "wb") as index:
        subprocess.run(
            ["apt-ftparchive", "packages", "."], check=True, cwd=repository, stdout=index
        )


class System:
    """One system; `root` is its file system as this process sees it."""

    def __init__(self, holder: subprocess.Popen[str], place: Path) -> None:
        self._holder = holder
        self._place = place
        self.root = Path(f"/proc/{holder.pid}/root{place}/root")

    def write(self, path: str, text: str) -> Path:
        """Writes a file there, whatever link stood in its place."""
        made = self.root / path.lstrip("/")
        made.unlink(missing_ok=True)
        return write(made, text)

    def changes(self) -> set[str]:
        """Every path that differs from this machine's."""
        upper = self.root.parent / "upper"
        return {str(path.relative_to(upper)) for path in upper.rglob("*")}

    def words(self, *command: str) -> list[str]:
        """A command line that enters the system."""
        enter = ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "--"]
        return [*enter, "chroot", str(self._place / "root"), *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command inside."""
        return subprocess.run(
            self.words(*command), capture_output=True, text=True, timeout=120, check=False,
            env=environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def boot(self, release: str) -> None:
        """From now on /proc says that this kernel runs."""
        inside = self._place / "osrelease"
        first = not (self.root.parent / "osrelease").exists()
        (self.root.parent / "osrelease").write_text(release + "\n")
        if first:
            target = self._place / "root/proc/sys/kernel/osrelease"
            enter = ["nsenter", "-t", str(self._holder.pid), "-m", "--"]
            subprocess.run([*enter, "mount", "--bind", inside, target], check=True)

    def node(self, shell: str, *arguments: str, before: Sequence[str] = ()) -> Answer:
        """Runs toa-node inside."""
        program = f"/run/toa-node/{PROGRAM.name}"
        done = self.run(*before, *SHELLS[shell], program, *arguments)
        return Answer(done.returncode, done.stdout, done.stderr)

    def node_from_outside(self, shell: str, *arguments: str) -> Answer:
        """Runs toa-node beside the system, with --root."""
        enter = ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "--"]
        words = [*enter, *SHELLS[shell], str(PROGRAM), "--root", str(self._place / "root")]
        done = subprocess.run(
            [*words, *arguments], capture_output=True, text=True, timeout=120, check=False,
            env=environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Answer(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def system(place: Path, repository: Path, os_release: str) -> Iterator[Optional[System]]:
    """A system with these repositories at /repo; None where mounts are not allowed."""
    place.mkdir()
    words = ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", _SETUP, "sh"]
    holder = subprocess.Popen(
        [*words, place, repository, PROGRAM.parent], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout
        if holder.stdout.readline() != "ready\n":
            yield None
            return
        made = System(holder, place)
        made.write("etc/os-release", os_release)
        yield made
    finally:
        holder.kill()
        holder.wait()


_BASE_FILES = """\
Package: base-files
Essential: yes
Status: install ok installed
Maintainer: a test <test@localhost>
Architecture: all
Version: 1.0
Description: owns the directories of the root file system
"""


def use_apt(system: System, source: str = "deb [trusted=yes] file:/repo ./") -> None:
    """An apt that knows nothing but this source, and a dpkg that knows of one package:
    as everywhere, one owns /lib, or dpkg would take that link away with the last
    package that has a file behind it, and every library with it."""
    shutil.rmtree(system.root / "etc/apt/sources.list.d", ignore_errors=True)
    shutil.rmtree(system.root / "var/lib/apt/lists", ignore_errors=True)
    shutil.rmtree(system.root / "var/lib/dpkg", ignore_errors=True)
    for name in ("info", "updates", "triggers", "alternatives"):
        (system.root / "var/lib/dpkg" / name).mkdir(parents=True)
    for name in ("available", "lock", "lock-frontend"):
        system.write(f"var/lib/dpkg/{name}", "")
    system.write("var/lib/dpkg/status", _BASE_FILES)
    tops = sorted(path.name for path in system.root.iterdir() if path.is_dir())
    system.write(
        "var/lib/dpkg/info/base-files.list",
        "/.\n" + "".join(f"/{name}\n" for name in tops) + "/usr/lib\n",
    )
    system.write("etc/apt/sources.list", source + "\n")
    # The machine's own hooks and its way to the network stay outside.
    shutil.rmtree(system.root / "etc/apt/apt.conf.d", ignore_errors=True)
    (system.root / "etc/apt/apt.conf").unlink(missing_ok=True)


def use_rpm(system: System, *urls: str) -> None:
    """dnf and zypper with these repositories, and an rpm without packages."""
    system.write("etc/rpm/macros.test", "%_dbpath /var/lib/rpm\n")
    shutil.rmtree(system.root / "var/lib/rpm", ignore_errors=True)
    for folder in ("etc/yum.repos.d", "etc/zypp/repos.d"):
        shutil.rmtree(system.root / folder, ignore_errors=True)
        (system.root / folder).mkdir(parents=True)
        for number, url in enumerate(urls or ("file:///repo",)):
            text = f"[test{number}]\nname=test\nbaseurl={url}\nenabled=1\ngpgcheck=0\n"
            system.write(f"{folder}/test{number}.repo", text)
    assert system.run("rpm", "--initdb").returncode == 0
    # Debian's dnf and zypper guess these from packages that are not here.
    system.write("etc/dnf/vars/releasever", "9\n")


def keep_only(system: System, manager: str) -> None:
    """Takes the other package managers out of the system."""
    for name in {"apt-get", "dnf", "yum", "zypper"} - {manager}:
        (system.root / "usr/bin" / name).unlink(missing_ok=True)


def dedent(text: str) -> str:
    """A script, without its indentation."""
    return textwrap.dedent(text).lstrip()
