# SPDX-License-Identifier: GPL-2.0-only
"""build: sources of elsewhere (archives, git), sources of others (src/), and in a container.

The other TOA here is the test's own and no TOA at all: a few lines with its layout.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_support import FACTS, RELEASE, Answer, fingerprint_id, node, snapshot, write
from test_node_build import make_headers, make_source

from toa_fleet import bundle
from toa_fleet.artifact import Artifact

_OTHER_MAKEFILE = """
all:
	@{noise}
	gcc -c -g -ffreestanding {flags} -o toa.o toa.c
	ld -r --build-id=sha1 -o toa.ko toa.o
"""
_OTHER_C = """
#define TAG(name, text) \\
	static const char name[] __attribute__((section(".modinfo"), used, aligned(1))) = text
TAG(a, "license=GPL");
TAG(b, "vermagic={release} SMP mod_unload ");
int nothing(void) {{ return 0; }}
"""


def make_other(
    where: Path, noise: str = ":", flags: str = "$(KCFLAGS)", release: str = RELEASE
) -> Path:
    """A source in the layout of the manual: cd src, make."""
    makefile = _OTHER_MAKEFILE.replace("{noise}", noise).replace("{flags}", flags)
    write(where / "src/Makefile", makefile)
    write(where / "src/toa.c", _OTHER_C.format(release=release))
    write(where / "README", "")
    return where


@pytest.fixture
def tree_with_headers(tree: Path) -> Path:
    """A tree with the headers of its kernel."""
    make_headers(tree / "lib/modules" / RELEASE / "build")
    return tree


def build(shell: str, tree: Path, output: Path, *words: str | Path) -> Answer:
    """Builds into a directory."""
    return node(shell, "build", *words, "--output", output, root=tree)


def archive(tree: Path, where: Path, kind: str = "gz") -> Path:
    """The tree as an archive with one directory in it."""
    with tarfile.open(where, f"w:{kind}") as made:  # type: ignore[call-overload]
        made.add(tree, "toa-1.0")
    return where


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(output: Path) -> Artifact:
    """The artifact as toa-fleet reads it, with all its checks."""
    return Artifact.read(output)


def test_other_sources_are_built_as_their_manual_says_and_say_so(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_other(tmp_path / "other")
    before = snapshot(source), snapshot(tree_with_headers)
    output = tmp_path / "output"
    answer = build(shell, tree_with_headers, output, "--source", source).done()
    assert (snapshot(source), snapshot(tree_with_headers)) == before
    assert answer["manifest.selftest"] == "none"
    assert answer["manifest.origin"] == f"directory {source}"
    # The fingerprint is in the module although that source knows of none.
    module = (output / "toa.ko").read_bytes()
    assert module.count(b"toa_fingerprint=" + fingerprint_id(FACTS).encode()) == 1
    assert read(output).fingerprint.id == fingerprint_id(FACTS)
    # What stands for the selftest proves nothing, and says so.
    selftest = subprocess.run(
        [output / "toa-selftest"], capture_output=True, text=True, check=False
    )
    assert selftest.returncode == 77
    assert "built from other sources" in selftest.stdout
    assert node(shell, "install", "--from", output, root=tree_with_headers).done()


def test_this_projects_source_has_neither_mark(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_source(tmp_path / "source")
    answer = build(shell, tree_with_headers, tmp_path / "output", "--source", source).done()
    assert not {"manifest.selftest", "manifest.origin"} & answer.values.keys()


@pytest.mark.parametrize(
    ("noise", "flags", "word", "said"),
    [
        ("echo 'toa.c:1: warning: something'", "$(KCFLAGS)", "build", "warned"),
        ("exit 1", "$(KCFLAGS)", "build", "make failed"),
        (":", "", "build", "does not carry toa_fingerprint"),
    ],
)
def test_other_sources_are_no_exception_to_any_rule(
    noise: str, flags: str, word: str, said: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_other(tmp_path / "other", noise, flags)
    answer = build("dash", tree_with_headers, tmp_path / "output", "--source", source)
    assert said in answer.failed(word)["detail"]


def test_other_sources_for_another_kernel_are_refused(
    tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_other(tmp_path / "other", release="6.1.0-55-cloud-amd64")
    answer = build("dash", tree_with_headers, tmp_path / "output", "--source", source)
    assert "6.1.0-55" in answer.failed("build")["detail"]


# --- archives -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_an_archive_is_unpacked_and_named_with_its_hash(
    shell: str, kind: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    packed = archive(make_other(tmp_path / "other"), tmp_path / f"toa.tar.{kind}", kind)
    words = ["--source", str(packed), "--sha256", sha256(packed)]
    answer = build(shell, tree_with_headers, tmp_path / "output", *words).done()
    assert answer["manifest.origin"] == f"archive {packed} sha256 {sha256(packed)}"
    assert read(tmp_path / "output")


def test_an_archive_may_be_a_part_of_the_bundle(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    packed = archive(make_other(tmp_path / "other"), tmp_path / "toa.tar.gz")
    staging = tree_with_headers / "var/lib/toa/.staging.1"
    write(staging / "bundle", packed.read_bytes())
    part = bundle.Part("source/toa.tar.gz", packed.read_bytes())
    words = ["--source", f"part:{part.name}", "--part", part.argument(), "--staging", staging]
    answer = build(shell, tree_with_headers, tmp_path / "output", *words).done()
    assert answer["manifest.origin"] == f"archive part:{part.name} sha256 {sha256(packed)}"
    words[1] = "part:../../../etc/passwd.tar"
    build(shell, tree_with_headers, tmp_path / "output", *words).failed("usage")


def test_an_archive_of_this_project_is_built_from_its_kmod(
    tree_with_headers: Path, tmp_path: Path
) -> None:
    make_source(tmp_path / "project/kmod")
    packed = archive(tmp_path / "project", tmp_path / "project.tar.gz")
    answer = build("dash", tree_with_headers, tmp_path / "output", "--source", packed).done()
    assert "manifest.selftest" not in answer.values
    assert answer["manifest.origin"].startswith("archive ")


def test_an_archive_with_another_hash_is_refused(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    packed = archive(make_other(tmp_path / "other"), tmp_path / "toa.tar.gz")
    words = ["--source", str(packed), "--sha256", "0" * 64]
    answer = build(shell, tree_with_headers, tmp_path / "output", *words).failed("node")
    assert sha256(packed) in answer["detail"] and "do not use it" in answer["hint"]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address of an HTTP server for that directory."""
    handler = functools.partial(_Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_an_archive_is_fetched_over_http_only_with_its_hash(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    if not (shutil.which("curl") or shutil.which("wget")):
        pytest.skip("NOT TESTED: neither curl nor wget is here")
    packed = archive(make_other(tmp_path / "other"), tmp_path / "toa.tar.gz")
    with served(tmp_path) as address:
        words = ["--source", f"{address}/toa.tar.gz"]
        refused = build(shell, tree_with_headers, tmp_path / "output", *words).failed("usage")
        assert "--sha256" in refused["hint"]
        words += ["--sha256", sha256(packed)]
        built = build(shell, tree_with_headers, tmp_path / "output", *words).done()
        assert f"archive {address}/toa.tar.gz" in built["manifest.origin"]
        words[1] = f"{address}/none.tar.gz"
        missing = build(shell, tree_with_headers, tmp_path / "none", *words).failed("node")
        assert "404" in missing["detail"] and "proxy" in missing["hint"]


class _Endless(_Quiet):
    """Sends 400 MiB without having said how much it will be."""

    sent = 0

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                self.wfile.write(bytes(1 << 20))
                _Endless.sent += 1


def test_an_endless_answer_is_cut_off(tree_with_headers: Path, tmp_path: Path) -> None:
    if not (shutil.which("curl") or shutil.which("wget")):
        pytest.skip("NOT TESTED: neither curl nor wget is here")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Endless) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/toa.tar.gz"
        words = ["--source", address, "--sha256", "0" * 64]
        answer = build("dash", tree_with_headers, tmp_path / "output", *words).failed("node")
        server.shutdown()
    assert "is larger than" in answer["detail"]
    assert _Endless.sent < 200


# --- git -----------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits: the first one builds, the second one warns."""
    if shutil.which("git") is None:
        pytest.skip("NOT TESTED: git is not here")
    top = make_other(tmp_path / "toa.git")

    def git(*words: str) -> None:
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        subprocess.run(["git", *who, *words], cwd=top, check=True, stdout=subprocess.DEVNULL)

    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "v1")
    make_other(top, noise="echo 'warning: of the second'")
    git("commit", "-q", "-a", "-m", "second")
    return top


def commit_of(repository: Path, name: str) -> str:
    """The hash of a commit."""
    done = subprocess.run(
        ["git", "rev-parse", name], cwd=repository, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


@contextlib.contextmanager
def led_by_tls_to(address: str, where: Path) -> Iterator[tuple[str, Path]]:
    """An https address that leads to another one, and the certificate to trust it by."""
    pem = where / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", pem, "-out", pem],
        check=True, capture_output=True,
    )  # fmt: skip

    class Leading(_Quiet):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", address + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Leading) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}", pem
        server.shutdown()


def test_git_is_not_led_from_https_to_http(
    tree_with_headers: Path, repository: Path, tmp_path: Path
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("NOT TESTED: openssl is missing")
    served_top = tmp_path / "served"
    bare = served_top / "toa.git"
    subprocess.run(["git", "clone", "-q", "--bare", repository, bare], check=True)
    subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
    with served(served_top) as address, led_by_tls_to(address, tmp_path) as (leading, pem):
        words = ["build", "--source", f"{leading}/toa.git", "--revision", "v1", "--output",
                 tmp_path / "output"]  # fmt: skip
        trusting = {"GIT_SSL_CAINFO": str(pem)}
        answer = node("dash", *words, root=tree_with_headers, env=trusting).failed("node")
        assert '"http"' in answer["detail"] or "'http'" in answer["detail"], str(answer)
        words[2:5] = [f"{address}/toa.git", "--revision", commit_of(repository, "v1")]
        node("dash", *words, root=tree_with_headers).done()


def test_a_revision_of_a_git_repository_is_built(
    shell: str, tree_with_headers: Path, repository: Path, tmp_path: Path
) -> None:
    commit = commit_of(repository, "v1")
    for revision in ("v1", commit):
        output = tmp_path / revision
        words = ["--source", f"file://{repository}", "--revision", revision]
        answer = build(shell, tree_with_headers, output, *words).done()
        assert answer["manifest.origin"] == f"git file://{repository} commit {commit}"
    # The source's hash is that of its files, and knows nothing of git's own.
    copied = make_other(tmp_path / "copy")
    plain = build(shell, tree_with_headers, tmp_path / "plain", "--source", copied).done()
    assert answer["manifest.source"] == plain["manifest.source"]


def test_without_a_revision_git_gives_its_newest(
    tree_with_headers: Path, repository: Path, tmp_path: Path
) -> None:
    answer = build(
        "dash", tree_with_headers, tmp_path / "output", "--source", f"file://{repository}"
    )
    assert "warning: of the second" in answer.failed("build")["detail"]


@pytest.mark.parametrize(
    ("words", "word", "said"),
    [
        (["--revision", "v9"], "node", "no revision v9"),
        (["--revision=--upload-pack=x"], "usage", "no option"),
        (["--revision", "-x"], "usage", "--revision"),
        (["--revision", "a b"], "usage", "--revision"),
        (["--sha256", "0" * 64], "usage", "for an archive"),
    ],
)
def test_a_revision_that_is_none_is_refused(
    words: list[str],
    word: str,
    said: str,
    tree_with_headers: Path,
    repository: Path,
    tmp_path: Path,
) -> None:
    words = ["--source", f"file://{repository}", *words]
    answer = build("dash", tree_with_headers, tmp_path / "output", *words)
    assert said in answer.failed(word)["detail"]


@pytest.mark.parametrize(
    "words",
    [
        ["--source", "git://example.org/toa.git"],
        ["--source", "http://example.org/toa.git", "--revision", "main"],
        ["--source", "ext::sh -c reboot.git"],
        ["--source", "https://example.org/somewhere"],
        ["--source", "gopher://example.org/toa.tar.gz"],
    ],
)
def test_addresses_that_cannot_be_trusted_or_known_are_refused(
    words: list[str], tree_with_headers: Path, tmp_path: Path
) -> None:
    build("dash", tree_with_headers, tmp_path / "output", *words).failed("usage")


def test_what_cannot_be_cloned_is_told_in_gits_words(
    tree_with_headers: Path, tmp_path: Path
) -> None:
    words = ["--source", f"file://{tmp_path}/none.git"]
    answer = build("dash", tree_with_headers, tmp_path / "output", *words).failed("node")
    assert "none.git" in answer["detail"] and "network" in answer["hint"]


# --- in a container -----------------------------------------------------------------

_CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
_STORAGE_CONF = '[storage]\ndriver = "{driver}"\ngraphroot = "{top}/graph"\nrunroot = "{top}/run"\n'


_IN_IMAGE = "sh make gcc cc as ld strip head tail sed grep cat echo mkdir cp mv"


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which podman works here, with an image toa-test in its store.

    The image holds this machine's compiler, make, and what they need.
    """
    if os.geteuid() != 0 or not (shutil.which("podman") and shutil.which("runc")):
        pytest.skip("NOT TESTED: podman, runc or root is missing")
    top = tmp_path_factory.mktemp("podman")
    env = {
        "CONTAINERS_CONF": str(write(top / "containers.conf", _CONTAINERS_CONF)),
        "CONTAINERS_STORAGE_CONF": str(
            write(top / "storage.conf", _STORAGE_CONF.format(driver="overlay", top=top))
        ),
    }
    everything = {**os.environ, **env}
    root = top / "root"
    for name in ("usr", "mnt", "tmp", "proc", "sys", "dev", "etc", "run"):
        (root / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    write(root / "Containerfile", "FROM scratch\nCOPY . /\n")
    _copy_programs(_IN_IMAGE.split(), root)
    packed = subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True)
    done = subprocess.run(
        ["podman", "import", "-", "toa-test"], input=packed.stdout, env=everything,
        capture_output=True, check=False,
    )  # fmt: skip
    run = ["podman", "run", "--rm", "--network", "none", "toa-test", "/bin/sh", "-c", "gcc -v"]
    tried = done.returncode == 0 and subprocess.run(
        run, env=everything, capture_output=True, check=False
    )
    if not tried or tried.returncode != 0:
        words = (done.stderr if not tried else tried.stderr).decode()
        pytest.skip(f"NOT TESTED: podman does not work on this machine: {words}")
    return env


def _copy_programs(programs: list[str], root: Path) -> None:
    """Programs with their libraries, and the parts of gcc that are no programs of PATH."""
    found = {Path(str(shutil.which(name))) for name in programs}
    cc1 = subprocess.run(
        ["gcc", "-print-prog-name=cc1"], capture_output=True, text=True, check=True
    )
    lto = subprocess.run(
        ["gcc", "-print-file-name=liblto_plugin.so"], capture_output=True, text=True, check=True
    )
    found |= {Path(cc1.stdout.strip()), Path(lto.stdout.strip())}
    for program in sorted(found):
        for path in (program, *_libraries(program)):
            target = root / str(path.parent.resolve() / path.name).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path.resolve(), target)


def _libraries(program: Path) -> list[Path]:
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    words = [word for line in done.stdout.splitlines() for word in line.split()]
    return [Path(word) for word in words if word.startswith("/")]


def hide_compiler(tree: Path) -> list[str]:
    """Words before a command that hide this machine's gcc and make from it."""
    script = (
        f"mount -t tmpfs tmpfs {tree} && cd {tree} && mkdir upper work && mount -t overlay "
        "-o lowerdir=/usr/bin,upperdir=upper,workdir=work overlay /usr/bin && "
        'rm /usr/bin/gcc /usr/bin/make && cd / && exec "$@"'
    )
    return ["unshare", "-m", "sh", "-c", script, "sh"]


def test_a_system_without_compiler_builds_in_a_container(
    shell: str, tree_with_headers: Path, podman: dict[str, str], tmp_path: Path
) -> None:
    """The tree's /lib/modules, with the headers, is seen in there."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    output = tmp_path / "output"
    words = ["build", "--source", make_source(tmp_path / "source"), "--output", output]
    before = snapshot(tree_with_headers)
    answer = node(
        shell, *words, "--container", "localhost/toa-test", root=tree_with_headers, env=podman,
        before=hide_compiler(hidden),
    ).done()  # fmt: skip
    assert snapshot(tree_with_headers) == before
    assert "in the container localhost/toa-test" in answer["manifest.compiler"]
    assert "gcc" in answer["manifest.compiler"]
    assert read(output).fingerprint.id == fingerprint_id(FACTS)
    assert sorted(path.name for path in output.iterdir()) == ["manifest", "toa-selftest", "toa.ko"]
    listed = subprocess.run(
        ["podman", "ps", "-a", "-q"], env={**os.environ, **podman}, capture_output=True, check=True
    )
    assert listed.stdout == b""


def test_the_headers_may_be_in_the_image(
    tree: Path, podman: dict[str, str], tmp_path: Path
) -> None:
    top = tmp_path / "image"
    make_headers(top / "usr/src" / f"linux-headers-{RELEASE}")
    make_headers(top / "usr/src/linux", "6.1.0-55-cloud-amd64")
    write(top / "Containerfile", "FROM localhost/toa-test\nCOPY usr /usr\n")
    everything = {**os.environ, **podman}
    made = subprocess.run(
        ["podman", "build", "-q", "-t", "with-headers", top], env=everything, capture_output=True,
        check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    source = make_other(tmp_path / "other")
    words = ["build", "--source", source, "--output", tmp_path / "output", "--container"]
    answer = node("dash", *words, "localhost/with-headers", root=tree, env=podman).done()
    assert answer["manifest.selftest"] == "none"
    assert read(tmp_path / "output")
    # Nothing of it is for another kernel.
    (top / f"usr/src/linux-headers-{RELEASE}").rename(top / "usr/src/elsewhere")
    subprocess.run(
        ["podman", "build", "-q", "-t", "without", top], env=everything, capture_output=True,
        check=True,
    )  # fmt: skip
    answer = node("dash", *words, "localhost/without", root=tree, env=podman).failed("build")
    assert RELEASE in answer["detail"] and "6.1.0-55" in answer["detail"]
    assert "exactly this system's release" in answer["hint"]


def test_a_root_directory_serves_as_the_container(
    tree_with_headers: Path, podman: dict[str, str], tmp_path: Path
) -> None:
    if Path("/run/systemd/system").is_dir():
        pytest.skip("NOT TESTED: here systemd-nspawn would be taken")
    top = Path(podman["CONTAINERS_CONF"]).parent / "root"
    words = ["build", "--source", make_source(tmp_path / "source"), "--output", tmp_path / "output"]
    node("dash", *words, "--container", top, root=tree_with_headers, env=podman).done()
    assert read(tmp_path / "output")


def test_an_image_that_is_not_there_is_told(
    tree_with_headers: Path, podman: dict[str, str], tmp_path: Path
) -> None:
    words = ["build", "--source", make_source(tmp_path / "source"), "--emit", "--container"]
    answer = node("dash", *words, "localhost/nothing", root=tree_with_headers, env=podman)
    assert "localhost/nothing" in answer.failed("build")["detail"]
    node("dash", *words, "/nowhere", root=tree_with_headers, env=podman).failed("usage")
    node("dash", *words, "a;b", root=tree_with_headers, env=podman).failed("usage")


# systemd-nspawn is taken where systemd runs.
_AS_IF_SYSTEMD_RAN = """
[ -d /run/systemd/system ] || { mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system; } &&
exec "$@"
"""
AS_IF_SYSTEMD_RAN = ["unshare", "-m", "sh", "-c", _AS_IF_SYSTEMD_RAN, "sh"]


@pytest.fixture
def container_root(podman: dict[str, str]) -> Path:
    """A directory with a compiler, for nspawn."""
    root = Path(podman["CONTAINERS_CONF"]).parent / "root"
    if not shutil.which("systemd-nspawn"):
        pytest.skip("NOT TESTED: systemd-nspawn is not installed")
    words = ["systemd-nspawn", "-q", "--register=no", f"--directory={root}", "--private-network"]
    if not Path("/run/dbus/system_bus_socket").exists():
        words.append("--keep-unit")
    tried = subprocess.run([*words, "/bin/sh", "-c", "gcc -v"], capture_output=True, check=False)
    if tried.returncode != 0:
        why = tried.stderr.decode()
        pytest.skip(f"NOT TESTED: systemd-nspawn does not work on this machine: {why}")
    return root


def test_systemd_nspawn_builds_in_a_root_directory(
    tree_with_headers: Path, container_root: Path, tmp_path: Path
) -> None:
    source, output = make_source(tmp_path / "source"), tmp_path / "output"
    words = ["build", "--source", source, "--output", output, "--container", container_root]
    before = snapshot(tree_with_headers)
    answer = node("dash", *words, root=tree_with_headers, before=AS_IF_SYSTEMD_RAN).done()
    assert f"in the container {container_root}" in answer["manifest.compiler"]
    assert read(output).fingerprint.id == fingerprint_id(FACTS)
    assert snapshot(tree_with_headers) == before

    (source / "Makefile").write_text("all:\n\techo error: of the source; exit 3\n# TOA_FINGERPRINT")
    failed = node("dash", *words, root=tree_with_headers, before=AS_IF_SYSTEMD_RAN).failed("build")
    assert "of the source" in failed["detail"]
