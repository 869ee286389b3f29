# SPDX-License-Identifier: GPL-2.0-only
"""toolchain: with real package managers, on repositories that are made here."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable

import package_support as packages
import pytest
from node_support import SHELLS, Answer
from package_support import MACHINE, Package, System

DEB_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(MACHINE, MACHINE)


@dataclass(frozen=True)
class Kind:
    """A distribution: its kernel, the package of its headers, and an older kernel."""

    manager: str
    os_release: str
    release: str
    headers: str
    file: str
    forgotten: str  # a kernel whose headers the repository has no more
    forgotten_headers: str
    forgotten_file: str


_EL = "5.14.0-427.13.1.el9_4." + MACHINE
_EL_OLD = "5.14.0-427.11.1.el9_4." + MACHINE
_SUSE = "5.14.21-150500.55.7"
_SUSE_OLD = "5.14.21-150500.55.6"
KINDS = {
    "apt": Kind(
        "apt", "ID=debian\nVERSION_ID=12\n", "6.1.0-56-cloud", "linux-headers-6.1.0-56-cloud",
        f"linux-headers-6.1.0-56-cloud_6.1.9-1_{DEB_ARCH}.deb", "6.1.0-55-cloud",
        "linux-headers-6.1.0-55-cloud", f"linux-headers-6.1.0-55-cloud_6.1.8-1_{DEB_ARCH}.deb",
    ),
    "dnf": Kind(
        "dnf", 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n', _EL,
        f"kernel-devel-{_EL}", f"kernel-devel-{_EL}.rpm", _EL_OLD, f"kernel-devel-{_EL_OLD}",
        f"kernel-devel-{_EL_OLD}.rpm",
    ),
    "zypper": Kind(
        "zypper", 'ID="sles"\nVERSION_ID="15.5"\n', f"{_SUSE}-default",
        f"kernel-default-devel={_SUSE}.2", f"kernel-default-devel-{_SUSE}.2.{MACHINE}.rpm",
        f"{_SUSE_OLD}-default", f"kernel-default-devel={_SUSE_OLD}.1",
        f"kernel-default-devel-{_SUSE_OLD}.1.{MACHINE}.rpm",
    ),
}  # fmt: skip


def debian_headers(release: str, version: str) -> list[Package]:
    """As Debian does: two packages, the one needing the other."""
    common = f"linux-headers-{release.removesuffix('-cloud')}-common"
    where = f"/usr/src/linux-headers-{release}"
    link = {f"/lib/modules/{release}/build": where}
    return [
        Package(common, version, {f"/usr/src/{common}/Makefile": ""}, "all"),
        Package(f"linux-headers-{release}", version, packages.headers(release, where), DEB_ARCH,
                link, [f"{common} (= {version})"]),
    ]  # fmt: skip


def rhel_headers(release: str, name: str = "kernel", says: str = "") -> Package:
    """As Red Hat does; the link belongs to the kernel's own package, but has to be somewhere."""
    version = release.rpartition(".")[0]
    where = f"/usr/src/kernels/{release}"
    link = {f"/lib/modules/{release}/build": where}
    return Package(f"{name}-devel", version, packages.headers(release, where, says), links=link)


def suse_headers(version: str, rebuild: str) -> list[Package]:
    """As SUSE does: the release lacks the count of rebuilds."""
    release, full = f"{version}-default", f"{version}.{rebuild}"
    where = f"/usr/src/linux-{version}-obj/{MACHINE}/default"
    link = {f"/lib/modules/{release}/build": where}
    return [
        Package("kernel-devel", full, {f"/usr/src/linux-{version}/Makefile": ""}, "noarch"),
        Package("kernel-default-devel", full, packages.headers(release, where), links=link,
                needs=[f"kernel-devel = {full}"]),
    ]  # fmt: skip


def suse_kernel(version: str, rebuild: str) -> Package:
    """The package that a running kernel was installed from."""
    release = f"{version}-default"
    files = {f"/boot/vmlinuz-{release}": "", f"/lib/modules/{release}/modules.dep": ""}
    return Package("kernel-default", f"{version}.{rebuild}", files)


@pytest.fixture(scope="session")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By manager: a repository, and in `elsewhere` packages that it lacks."""
    missing = packages.missing_tools()
    if missing or os.geteuid() != 0:
        pytest.skip(f"NOT TESTED: {', '.join(missing) or 'root'} is missing")
    top = tmp_path_factory.mktemp("repositories")
    work = top / "work"
    tools = [packages.program("gcc"), packages.program("make")]
    debian_tools = [replace(tool, arch=DEB_ARCH) for tool in tools]

    libc = Package("libc6-dev", "2.36-9", {"/usr/include/stdio.h": ""}, DEB_ARCH)
    for deb in [*debian_tools, libc, *debian_headers("6.1.0-56-cloud", "6.1.9-1")]:
        packages.make_deb(deb, work / "deb", top / "apt")
    packages.index_debs(top / "apt")
    for deb in debian_headers("6.1.0-55-cloud", "6.1.8-1"):
        packages.make_deb(deb, work / "deb", top / "apt/elsewhere")

    rhel = [*tools, rhel_headers(_EL), rhel_headers(_EL.replace(".13.1.", ".20.1."))]
    old = rhel_headers(_EL_OLD)
    elsewhere = [
        Package(old.name, old.version, old.files, links=old.links, needs=["make"]),
        rhel_headers(_EL_OLD, "kernel-rt"),
    ]
    suse_old = suse_headers(_SUSE_OLD, "1")
    suse_old[1] = replace(suse_old[1], needs=[*suse_old[1].needs, "make"])
    suse = [*tools, *suse_headers(_SUSE, "2"), *suse_headers("5.14.21-150500.55.9", "1")]
    for name, inside, outside in (
        ("dnf", rhel, elsewhere),
        ("zypper", suse, [*suse_old, suse_kernel(_SUSE_OLD, "1")]),
    ):
        for package in inside:
            packages.make_rpm(package, work / name, top / name)
        packages.index_rpms(top / name)
        for package in outside:
            packages.make_rpm(package, work / name, top / name / "elsewhere")
    lying = rhel_headers(_EL, says="5.14.0-503.el9." + MACHINE)
    packages.make_rpm(lying, work / "lying", top / "lying")
    for package in tools:
        packages.make_rpm(package, work / "tools", top / "lying")
    packages.index_rpms(top / "lying")
    return top


Make = Callable[[str], System]


@pytest.fixture
def make_system(repositories: Path, tmp_path: Path) -> Iterator[Make]:
    """Makes a system of a kind, whose repository is at /repo."""
    with contextlib.ExitStack() as stack:

        def make(kind: str, repository: str = "") -> System:
            place = tmp_path / f"system-{kind}"
            repo = repositories / (repository or kind)
            made = stack.enter_context(packages.system(place, repo, KINDS[kind].os_release))
            if made is None:
                pytest.skip("NOT TESTED: this machine does not allow mounts")
            for tool in ("bin/gcc", "bin/make", "include/stdio.h"):
                (made.root / "usr" / tool).unlink(missing_ok=True)
            packages.keep_only(made, {"apt": "apt-get"}.get(kind, kind))
            if kind == "apt":
                packages.use_apt(made)
            else:
                packages.use_rpm(made)
            return made

        yield make


kinds = pytest.mark.parametrize("name", KINDS)


_THEIRS = ("apt", "dnf", "rpm", "zypp")


def changed(system: System, before: set[str]) -> list[str]:
    """What was changed besides the package managers' own lists, caches and logs."""
    own = ("var/cache", "var/log", "root", *(f"var/lib/{each}" for each in _THEIRS))
    return sorted(path for path in system.changes() - before if not path.startswith(own))


def is_untouched(system: System) -> bool:
    """Whether nothing was installed and nothing left."""
    left = [*(system.root / "var/lib").glob("toa"), *(system.root / "var/tmp").iterdir()]
    assert not left, left
    return not (system.root / "usr/bin/gcc").exists()


@kinds
def test_what_a_build_needs_is_installed_for_exactly_this_kernel(
    shell: str, name: str, make_system: Make
) -> None:
    kind, system = KINDS[name], make_system(name)
    before = system.changes()
    planned = system.node(shell, "toolchain", "--kernel", kind.release, "--dry-run").done()
    tools = "gcc make libc6-dev" if name == "apt" else "gcc make"
    assert planned["packages"] == planned["missing"] == f"{tools} {kind.headers}"
    assert (planned["package_manager"], planned["kernel"]) == (name, kind.release)
    assert (planned["changed"], planned["headers"], planned["gcc"]) == ("yes", "no", "")
    assert changed(system, before) == []

    done = system.node(shell, "toolchain", "--kernel", kind.release).done()
    assert (done["changed"], done["headers"]) == ("yes", "yes")
    assert done["missing"] == planned["missing"]
    assert done["gcc"] == "gcc of the test repository"
    installed = [path.name for path in (system.root / "lib/modules").iterdir()]
    assert kind.release in installed and not any("-55.9" in each for each in installed)
    assert not [*(system.root / "var/lib").glob("toa"), *(system.root / "var/tmp").iterdir()]

    (system.root / "usr/bin" / {"apt": "apt-get"}.get(name, name)).unlink()  # needed no more
    again = system.node(shell, "toolchain", "--kernel", kind.release).done()
    assert (again["changed"], again["missing"], again["headers"]) == ("no", "", "yes")


def test_a_kernel_built_by_clang_wants_clang(shell: str, make_system: Make) -> None:
    """The repositories of this test have none."""
    kind, system = KINDS["dnf"], make_system("dnf")
    for tool in ("clang", "ld.lld", "llvm-nm"):
        (system.root / "usr/bin" / tool).unlink(missing_ok=True)
    system.write(f"boot/config-{kind.release}", "CONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\n")
    words = ["toolchain", "--kernel", kind.release, "--dry-run"]
    answer = system.node(shell, *words).failed("node")
    assert answer["packages"] == f"clang lld llvm make {kind.headers}"
    assert answer["missing"] == answer["packages"] and is_untouched(system)
    system.write("usr/bin/ld.lld", "#!/bin/sh\n").chmod(0o755)
    answer = system.node(shell, *words).failed("node")
    assert answer["missing"] == f"clang llvm make {kind.headers}"


@kinds
def test_where_the_repositories_forgot_the_kernel_nothing_is_installed(
    name: str, make_system: Make
) -> None:
    kind, system = KINDS[name], make_system(name)
    before = system.changes()
    for words in (["--dry-run"], []):
        answer = system.node("dash", "toolchain", "--kernel", kind.forgotten, *words)
        wanted = kind.forgotten_headers
        if name == "zypper":  # how often that was rebuilt, nobody here knows
            wanted = wanted.removesuffix("1") + "N"
        assert wanted in answer.failed("node")["detail"]
        assert "do not have it" in answer["hint"] and "--headers-package" in answer["hint"]
        assert is_untouched(system)
        if words:
            assert changed(system, before) == []
    assert kind.forgotten_headers.split("=")[0] in answer["hint"]


def elsewhere(repositories: Path, name: str) -> list[str]:
    """The packages that the repository lacks, as the system sees them."""
    top = repositories / name
    found = sorted(p for p in (top / "elsewhere").rglob("*.*") if p.suffix in (".rpm", ".deb"))
    return [f"/repo/{path.relative_to(top)}" for path in found]


def with_hashes(repositories: Path, name: str, files: list[str]) -> list[str]:
    """As arguments, each with its hash."""
    words = []
    for file in files:
        data = (repositories / name / file.removeprefix("/repo/")).read_bytes()
        words += ["--headers-package", file, "--sha256", hashlib.sha256(data).hexdigest()]
    return words


@kinds
def test_packages_from_elsewhere_are_taken_when_they_are_of_this_kernel(
    name: str, make_system: Make, repositories: Path
) -> None:
    kind, system = KINDS[name], make_system(name)
    files = [
        f for f in elsewhere(repositories, name) if "rt-devel" not in f and "default-5" not in f
    ]
    words = with_hashes(repositories, name, files)
    before = system.changes()
    planned = system.node("dash", "toolchain", "--kernel", kind.forgotten, "--dry-run", *words)
    assert planned.done()["changed"] == "yes"
    assert changed(system, before) == []
    done = system.node("dash", "toolchain", "--kernel", kind.forgotten, *words).done()
    assert (done["headers"], done["changed"]) == ("yes", "yes")
    assert is_untouched(system) is False


@kinds
def test_packages_of_another_kernel_are_refused(
    name: str, make_system: Make, repositories: Path
) -> None:
    kind, system = KINDS[name], make_system(name)
    (right,) = (f for f in elsewhere(repositories, name) if f.endswith(kind.forgotten_file))
    words = ["toolchain", "--kernel", kind.release, "--headers-package", right]
    answer = system.node("dash", *words).failed("node")
    assert "not of the headers" in answer["detail"] or "none of the packages" in answer["detail"]
    assert kind.headers.split("=")[0] in answer["hint"]
    assert is_untouched(system)

    words[2] = kind.forgotten
    answer = system.node("dash", *words, "--sha256", "0" * 64).failed("node")
    assert "0" * 64 in answer["detail"] and "do not use it" in answer["hint"]
    assert is_untouched(system)


def test_a_package_of_another_flavour_is_refused(make_system: Make, repositories: Path) -> None:
    system = make_system("dnf")
    (rt,) = (f for f in elsewhere(repositories, "dnf") if "rt-devel" in f)
    answer = system.node("dash", "toolchain", "--kernel", _EL_OLD, "--headers-package", rt)
    assert f"kernel-devel-{_EL_OLD}" in answer.failed("node")["detail"] + answer["hint"]
    assert is_untouched(system)


@pytest.mark.parametrize("name", ["dnf", "zypper"])
def test_what_a_package_from_elsewhere_needs_comes_from_trusted_repositories_only(
    name: str, make_system: Make, repositories: Path
) -> None:
    """Here it needs the package make; the program is there by other means."""
    kind, system = KINDS[name], make_system(name)
    for tool in ("gcc", "make"):
        system.write(f"usr/bin/{tool}", "#!/bin/sh\necho theirs\n").chmod(0o755)
    files = [
        f for f in elsewhere(repositories, name) if "rt-devel" not in f and "default-5" not in f
    ]
    words = [word for file in files for word in ("--headers-package", file)]
    asked = ["toolchain", "--kernel", kind.forgotten, *words]

    folder = "etc/zypp/repos.d" if name == "zypper" else "etc/yum.repos.d"
    repository = system.root / folder / "test0.repo"
    trusted = repository.read_text()
    system.write(f"{folder}/test0.repo", trusted.replace("gpgcheck=0", "gpgcheck=1"))
    refused = system.node("dash", *asked).failed("node")
    assert system.run("rpm", "-q", "make").returncode != 0, str(refused)
    system.write(f"{folder}/test0.repo", trusted)
    assert system.node("dash", *asked).done()["headers"] == "yes"
    assert system.run("rpm", "-q", "make").returncode == 0


# A server in the system's own network; the first argument says whether with TLS.
_SERVER = """
import fcntl, functools, http.server, os, socket, ssl, struct, sys
os.chdir("/repo")
with socket.socket() as any_socket:  # lo: up
    flags = struct.pack("16sh14x", b"lo", 1)
    fcntl.ioctl(any_socket, 0x8914, flags)

class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words): pass
    def do_GET(self):
        _, away, path = self.path.rpartition("/elsewhere-by-http")
        if not away:
            return super().do_GET()
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:8080" + path)
        self.end_headers()

servers = [http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) for port in (8080, 8443)]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/run/server.pem")
servers[1].socket = context.wrap_socket(servers[1].socket, server_side=True)
import threading
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
"""


@pytest.fixture
def server(make_system: Make) -> Iterator[System]:
    """A system with what its package manager lacks at port 8080, and by TLS at 8443."""
    missing = [name for name in ("openssl", "curl", "wget") if not shutil.which(name)]
    if missing:
        pytest.skip(f"NOT TESTED: {', '.join(missing)} is missing")
    system = make_system("dnf")
    made = system.run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "/run/key.pem",
        "-out", "/run/cert.pem",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    both = [(system.root / "run" / name).read_text() for name in ("key.pem", "cert.pem")]
    system.write("run/server.pem", "".join(both))
    running = subprocess.Popen(
        system.words("python3", "-c", _SERVER), stdout=subprocess.PIPE, text=True
    )
    assert running.stdout and running.stdout.readline() == "ready\n"
    try:
        yield system
    finally:
        running.kill()
        running.wait()


FETCHERS = {
    "curl": ["wget"],
    "wget": ["curl"],
    "busybox": ["curl", "wget"],
    "nothing": ["curl", "wget"],
}


@pytest.mark.parametrize("fetcher", FETCHERS)
def test_headers_come_from_an_address(fetcher: str, server: System, repositories: Path) -> None:
    for name in FETCHERS[fetcher]:
        (server.root / "usr/bin" / name).unlink()
    (file,) = (f for f in elsewhere(repositories, "dnf") if "rt-devel" not in f)
    path = file.removeprefix("/repo")
    hashed = with_hashes(repositories, "dnf", [file])[2:]

    def toolchain(address: str, *words: str) -> Answer:
        asked = ["toolchain", "--kernel", _EL_OLD, "--headers-package", address]
        return server.node("dash", *asked, *words)

    if fetcher == "nothing":
        answer = toolchain("http://127.0.0.1:8080" + path, *hashed).failed("node")
        assert "neither curl nor wget" in answer["detail"]
        return
    if fetcher == "busybox":
        server.write("usr/bin/wget", '#!/bin/sh\nexec busybox wget "$@"\n').chmod(0o755)
        answer = toolchain("https://127.0.0.1:8443" + path).failed("usage")
        assert "checks no certificates" in answer["detail"] and "--sha256" in answer["hint"]
        return
    untrusted = toolchain("https://127.0.0.1:8443" + path).failed("node")
    assert "certificate" in untrusted["detail"] and "ca-certificates" in untrusted["hint"]
    ours = ["/run/cert.pem", "/etc/ssl/certs/ca-certificates.crt"]
    server.write(ours[1], (server.root / ours[0].lstrip("/")).read_text())

    led_away = toolchain("https://127.0.0.1:8443/elsewhere-by-http" + path).failed("node")
    assert "leads to an http:// address" in led_away["detail"]
    other = toolchain("http://127.0.0.1:8080" + path, "--sha256", "0" * 64).failed("node")
    assert "do not use it" in other["hint"]
    gone = toolchain("https://127.0.0.1:8443/gone.rpm").failed("node")
    assert "404" in gone["detail"]
    assert is_untouched(server)
    assert toolchain("https://127.0.0.1:8443" + path, "--dry-run").done()["changed"] == "yes"
    done = toolchain("https://127.0.0.1:8443/elsewhere-by-http" + path, *hashed).done()
    assert (done["headers"], done["changed"]) == ("yes", "yes")


def test_headers_of_a_newer_kernel_do_not_stand_in_the_way(
    make_system: Make, repositories: Path
) -> None:
    """Whoever once installed kernel-devel has those of the newest kernel."""
    system = make_system("dnf")
    system.node("dash", "toolchain", "--kernel", _EL).done()
    (file,) = (f for f in elsewhere(repositories, "dnf") if "rt-devel" not in f)
    words = ["toolchain", "--kernel", _EL_OLD, "--headers-package", file]
    system.node("dash", *words, "--dry-run").done()
    assert system.node("dash", *words).done()["headers"] == "yes"
    assert system.node("dash", "toolchain", "--kernel", _EL).done()["changed"] == "no"


def test_headers_that_say_another_kernel_than_their_package_are_noticed(
    make_system: Make,
) -> None:
    system = make_system("dnf", "lying")
    answer = system.node("dash", "toolchain", "--kernel", _EL).failed("node")
    assert "is that of the kernel 5.14.0-503" in answer["detail"]


def test_the_package_of_a_suse_kernel_gives_the_exact_version(
    make_system: Make, repositories: Path
) -> None:
    """Also without the repositories' help: rpm knows what was installed."""
    system = make_system("zypper")
    (kernel,) = (f for f in elsewhere(repositories, "zypper") if "default-5" in f)
    assert system.run("rpm", "-i", kernel).returncode == 0
    answer = system.node("dash", "toolchain", "--kernel", f"{_SUSE_OLD}-default")
    assert f"kernel-default-devel={_SUSE_OLD}.1" in answer.failed("node")["packages"]
    assert f"kernel-default-devel-{_SUSE_OLD}.1.{MACHINE}.rpm" in answer["hint"]


@pytest.mark.parametrize("name", ["apt", "dnf"])
def test_a_tree_is_worked_on_with_its_own_package_manager(name: str, make_system: Make) -> None:
    kind, system = KINDS[name], make_system(name)
    (system.root / "proc").parent.joinpath("usr/bin/gcc").unlink(missing_ok=True)
    done = system.node_from_outside("dash", "toolchain", "--kernel", kind.release).done()
    assert (done["headers"], done["changed"]) == ("yes", "yes")
    assert done["gcc"] == "gcc of the test repository"
    again = system.node_from_outside("dash", "toolchain", "--kernel", kind.release).done()
    assert again["changed"] == "no"


# --- what goes wrong -------------------------------------------------------------


def test_an_apt_that_is_busy_is_left_alone(make_system: Make) -> None:
    system = make_system("apt")
    with open(system.root / "var/lib/dpkg/lock-frontend", "w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        answer = system.node("dash", "toolchain", "--kernel", KINDS["apt"].release)
    assert "lock" in answer.failed("node")["detail"]
    assert "wait until it is done" in answer["hint"]
    assert is_untouched(system)


LOCKS = {
    "dnf": ("var/cache/dnf/metadata_lock.pid", "var/cache/dnf/download_lock.pid",
            "var/lib/dnf/rpmdb_lock.pid"),
    "zypper": ("run/zypp.pid",),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCKS)
def test_a_package_manager_that_another_holds_is_left_alone(name: str, make_system: Make) -> None:
    system = make_system(name)
    for lock in LOCKS[name]:
        system.write(lock, str(os.getpid()))
    answer = system.node("dash", "toolchain", "--kernel", KINDS[name].release)
    assert "wait until it is done" in answer.failed("node")["hint"], str(answer)
    assert is_untouched(system)


def test_an_interrupted_dpkg_is_told_with_its_remedy(make_system: Make) -> None:
    system = make_system("apt")
    system.write("var/lib/dpkg/updates/0001", "")
    answer = system.node("dash", "toolchain", "--kernel", KINDS["apt"].release)
    assert "dpkg --configure -a" in answer.failed("node")["hint"]


@kinds
def test_repositories_that_cannot_be_reached_are_told(name: str, make_system: Make) -> None:
    system = make_system(name)
    if name == "apt":
        packages.use_apt(system, "deb [trusted=yes] http://repo.invalid/debian ./")
    else:
        packages.use_rpm(system, "http://repo.invalid/repo")
    answer = system.node("dash", "toolchain", "--kernel", KINDS[name].release)
    assert "cannot be reached" in answer.failed("node")["hint"], str(answer)
    assert is_untouched(system)


@kinds
def test_a_system_without_repositories_is_told(name: str, make_system: Make) -> None:
    system = make_system(name)
    if name == "apt":
        packages.use_apt(system, "")
    else:
        packages.use_rpm(system)
        for folder in ("etc/yum.repos.d", "etc/zypp/repos.d"):
            (system.root / folder / "test0.repo").unlink()
    answer = system.node("dash", "toolchain", "--kernel", KINDS[name].release).failed("node")
    assert "no repository" in answer["hint"] or name == "apt", str(answer)
    assert is_untouched(system)


def test_without_root_nothing_is_tried(shell: str, make_system: Make) -> None:
    system = make_system("apt")
    nobody = ["setpriv", "--reuid", "65534", "--clear-groups"]
    for words in ([], ["--dry-run"]):
        arguments = ["toolchain", "--kernel", KINDS["apt"].release, *words]
        answer = system.node(shell, *arguments, before=nobody).failed("gate")
        assert "sudo" in answer["gate.root"]
    assert is_untouched(system)


def test_a_system_without_package_manager_is_sent_to_a_container(
    shell: str, make_system: Make
) -> None:
    system = make_system("apt")
    system.write("etc/os-release", "ID=flatcar\nID_LIKE=coreos\nVERSION_ID=3815.2.0\n")
    answer = system.node(shell, "toolchain", "--kernel", "6.1.77-flatcar").failed("node")
    assert "build --container" in answer["hint"] and "3815.2.0" in answer["hint"]


def test_yum_is_told_no_before_it_is_told_yes(make_system: Make) -> None:
    """RHEL 8's, which is dnf by another name."""
    system = make_system("dnf")
    (system.root / "usr/bin/dnf").rename(system.root / "usr/bin/yum")
    kind = KINDS["dnf"]
    planned = system.node("dash", "toolchain", "--kernel", kind.release, "--dry-run").done()
    assert planned["package_manager"] == "yum" and is_untouched(system)
    done = system.node("dash", "toolchain", "--kernel", kind.release).done()
    assert (done["headers"], done["changed"]) == ("yes", "yes")


def test_a_stand_in_apt_that_takes_no_files_leaves_them_to_dpkg(
    make_system: Make, repositories: Path
) -> None:
    """As Debian 8's: apt 1.0 is not to be had here; dpkg is real."""
    system = make_system("apt")
    kind = KINDS["apt"]
    (system.root / "usr/bin/apt-get").rename(system.root / "usr/bin/apt-get.real")
    script = """#!/bin/sh
    case "$*" in
    *--version*) echo 'apt 1.0.9.8 for amd64' ;;
    *.deb*) echo 'E: Unable to locate package'; exit 100 ;;
    *) exec apt-get.real "$@" ;;
    esac
    """
    system.write("usr/bin/apt-get", packages.dedent(script)).chmod(0o755)
    common, headers = sorted(elsewhere(repositories, "apt"), key=lambda f: "common" not in f)
    words = ["toolchain", "--kernel", kind.forgotten, "--headers-package", headers]
    answer = system.node("dash", *words).failed("node")
    assert "depend" in answer["detail"] and "--headers-package" in answer["hint"]
    assert "linux-headers" not in system.run("dpkg", "-l").stdout.replace("rc ", "")
    done = system.node("dash", *words, "--headers-package", common).done()
    assert (done["headers"], done["changed"]) == ("yes", "yes")


def test_a_package_manager_sees_no_tmpdir_not_even_an_empty_one(make_system: Make) -> None:
    """Ours is private, and dnf5 (which Debian 12 has not) takes an empty one for a path."""
    system = make_system("dnf")
    (system.root / "usr/bin/dnf").rename(system.root / "usr/bin/dnf.real")
    script = '#!/bin/sh\n[ -z "${TMPDIR+set}" ] || exit 77\nexec dnf.real "$@"\n'
    system.write("usr/bin/dnf", script).chmod(0o755)
    for each in (system.node, system.node_from_outside):
        assert each("dash", "toolchain", "--kernel", _EL, "--dry-run").done()["changed"] == "yes"


# yum 3 is Python 2's and not to be had here: a stand-in with its words.
YUM = """
#!/bin/sh
case "$*" in
*kernel-devel-*)
    echo "No package kernel-devel-6 available."
    echo "Package gcc will be installed"
    echo "Exiting on user Command"
    exit 1 ;;
esac
exit 0
"""


def test_a_stand_in_yum_that_leaves_out_what_it_does_not_find_installs_nothing(
    make_system: Make,
) -> None:
    system = make_system("dnf")
    packages.keep_only(system, "yum")
    system.write("usr/bin/yum", packages.dedent(YUM)).chmod(0o755)
    answer = system.node("dash", "toolchain", "--kernel", _EL).failed("node")
    assert (answer["package_manager"], "do not have it" in answer["hint"]) == ("yum", True)


@pytest.mark.parametrize(
    "words",
    [
        ["--kernel", "../../etc"],
        ["--kernel", "-x"],
        ["--headers-package", "http://example.org/kernel-devel.rpm"],
        ["--headers-package", "gopher://example.org/kernel-devel.rpm"],
        ["--headers-package", "/a.rpm", "--sha256", "xyz"],
        ["--headers-package", "/a.rpm", "--sha256", "0" * 64, "--sha256", "0" * 64],
        ["--sha256", "0" * 64],
        ["--output", "/tmp"],
    ],
)
def test_wrong_arguments_are_refused(shell: str, words: list[str], tree: Path) -> None:
    from node_support import node

    node(shell, "toolchain", *words, root=tree).failed("usage")


# --- names ------------------------------------------------------------------------

NAMES = {
    "3.10.0-693.11.1.el7.x86_64": "kernel-devel-3.10.0-693.11.1.el7.x86_64",
    "3.10.0-693.el7.x86_64.debug": "kernel-debug-devel-3.10.0-693.el7.x86_64",
    "5.14.0-362.8.1.el9_3.x86_64+rt": "kernel-rt-devel-5.14.0-362.8.1.el9_3.x86_64",
    "5.14.0-427.el9.aarch64+64k-debug": "kernel-64k-debug-devel-5.14.0-427.el9.aarch64",
    "5.15.0-100.96.32.el8uek.x86_64": "kernel-uek-devel-5.15.0-100.96.32.el8uek.x86_64",
}


def test_each_flavour_has_its_headers_package(make_system: Make) -> None:
    system = make_system("dnf")
    for release, package in NAMES.items():
        answer = system.node("dash", "toolchain", "--kernel", release, "--dry-run").failed("node")
        assert answer["packages"] == f"gcc make {package}"


def test_the_name_of_the_installed_kernels_package_decides(
    make_system: Make, repositories: Path, tmp_path: Path
) -> None:
    """ELRepo's, Amazon's and others' kernels have names that no release shows."""
    system = make_system("dnf")
    release = f"6.12.1-1.el9.elrepo.{MACHINE}"
    kernel = Package("kernel-ml-core", release.rpartition(".")[0], {f"/boot/vmlinuz-{release}": ""})
    made = packages.make_rpm(kernel, tmp_path / "work", tmp_path / "made")
    target = system.write("srv/kernel.rpm", "")
    target.write_bytes(made.read_bytes())
    assert system.run("rpm", "-i", "/srv/kernel.rpm").returncode == 0
    answer = system.node("dash", "toolchain", "--kernel", release, "--dry-run").failed("node")
    assert answer["packages"] == f"gcc make kernel-ml-devel-{release}"


def test_every_shell_is_used() -> None:
    assert set(SHELLS) == {"dash", "bash", "busybox", "mksh"}
