# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of toa-node share: shells, answers, system trees, artifacts."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from joined import PROGRAM

ROOT = Path(__file__).resolve().parents[2]

SHELLS: dict[str, list[str]] = {
    "dash": ["dash"],
    "bash": ["bash"],
    "busybox": ["busybox", "sh"],
    "mksh": ["mksh"],
}

# Written down here once more, so that a slip in the program shows.
HARD = (
    "arch", "page_size", "kernel_release", "kernel_version", "kernel_build_id",
    "os_id", "os_version_id", "vermagic", "module_layout",
)  # fmt: skip
STATUS = {
    "usage": 2, "mismatch": 3, "gate": 4, "build": 5, "load": 6,
    "proof": 7, "not-installed": 8, "node": 9,
}  # fmt: skip

RELEASE = "6.1.0-56-cloud-amd64"
KERNEL_BUILD_ID = "3b43fad5034874490492495d552c0af6a5fab235"
FACTS = {
    "arch": "x86_64",
    "page_size": "4096",
    "kernel_release": RELEASE,
    "kernel_version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)",
    "kernel_build_id": KERNEL_BUILD_ID,
    "os_id": "debian",
    "os_version_id": "12",
    "vermagic": "",
    "module_layout": "",
}
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


@dataclass(frozen=True)
class Answer:
    """What toa-node said; `lines` are those from begin= to end=."""

    status: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """The lines of the answer, without what stands before begin=."""
        text = self.stdout.split("\n")
        starts = [i for i, line in enumerate(text) if line.startswith("begin=")]
        return text[starts[0] :] if starts else []

    @property
    def values(self) -> dict[str, str]:
        """Key and value of each line; a key given twice is an error."""
        found: dict[str, str] = {}
        for line in self.lines:
            key, equals, value = line.partition("=")
            if equals:
                assert key not in found, f"{key} is given twice:\n{self.stdout}"
                found[key] = value
        return found

    def __getitem__(self, key: str) -> str:
        assert key in self.values, f"no {key} in:\n{self}"
        return self.values[key]

    def __str__(self) -> str:
        return f"status {self.status}\n--- stdout\n{self.stdout}--- stderr\n{self.stderr}"

    def done(self) -> Answer:
        """The answer itself, when it is a whole one of success."""
        assert self.status == 0, str(self)
        assert self["end"] == "0" and "error" not in self.values, str(self)
        return self

    def failed(self, word: str) -> Answer:
        """The answer itself, when it is a whole one of failure of this class."""
        assert self.values.get("error") == word, f"wanted {word}:\n{self}"
        assert self.status == STATUS[word] and self["end"] == str(self.status), str(self)
        assert self["detail"] and self["hint"], str(self)
        return self


def environment(extra: Optional[Mapping[str, str]] = None) -> dict[str, str]:
    """A small environment, as cron or sshd give it."""
    return {"PATH": os.environ["PATH"], "HOME": "/", **(extra or {})}


def node(
    shell: str,
    *arguments: str | Path,
    root: Optional[Path] = None,
    program: Path = PROGRAM,
    stdin: bytes = b"",
    env: Optional[Mapping[str, str]] = None,
    before: Sequence[str] = (),
) -> Answer:
    """Runs toa-node under `shell`; `before` are words in front of the command."""
    where = [] if root is None else ["--root", str(root)]
    words = [*before, *SHELLS[shell], str(program), *where, *map(str, arguments)]
    return run(words, stdin=stdin, env=env)


def run(
    words: Sequence[str], *, stdin: bytes = b"", env: Optional[Mapping[str, str]] = None
) -> Answer:
    """Runs a command that answers as toa-node does."""
    done = subprocess.run(
        list(words), input=stdin, capture_output=True, timeout=120, env=environment(env),
        check=False,
    )  # fmt: skip
    return Answer(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )


def fingerprint_id(facts: Mapping[str, str]) -> str:
    """The id of nine fields, as the protocol says it, in Python."""
    text = "".join(f"{key}={facts[key]}\n" for key in HARD)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def note(name: bytes, kind: int, desc: bytes, order: str = "little") -> bytes:
    """One ELF note."""
    sizes = [len(name), len(desc), kind]
    head = b"".join(number.to_bytes(4, order) for number in sizes)  # type: ignore[arg-type]
    return head + _padded(name) + _padded(desc)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def write(path: Path, content: str | bytes) -> Path:
    """Writes a file, making its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def make_tree(top: Path, facts: Mapping[str, str] = FACTS, os_release: str = OS_RELEASE) -> Path:
    """A system tree with a systemd of which those facts are read."""
    kernel = top / "proc/sys/kernel"
    write(kernel / "osrelease", facts["kernel_release"] + "\n")
    write(kernel / "version", facts["kernel_version"] + "\n")
    write(kernel / "arch", facts["arch"] + "\n")
    write(kernel / "hostname", "tree\n")
    write(kernel / "tainted", "12288\n")
    write(kernel / "random/boot_id", "00000000-0000-4000-8000-000000000000\n")
    write(top / "proc/uptime", "4711.12 99.00\n")
    page_kb = int(facts["page_size"]) // 1024
    write(top / "proc/self/smaps", f"0-1 r-xp\nKernelPageSize: {page_kb} kB\n")
    build_id = bytes.fromhex(facts["kernel_build_id"])
    write(top / "sys/kernel/notes", note(b"Linux\0", 0, b"\0" * 4) + note(b"GNU\0", 3, build_id))
    if os_release:
        write(top / "etc/os-release", os_release)
    write(top / "usr/lib/systemd/systemd", "")
    return top


def snapshot(top: Path) -> dict[str, str]:
    """Every path below `top` with what it is, to see that nothing was left."""
    found = {}
    for path in sorted(top.rglob("*")):
        if path.is_symlink():
            what = "-> " + os.readlink(path)
        elif path.is_dir():
            what = "directory"
        else:
            what = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(top))] = what
    return found


_STAND_IN = """
#define TAG(name, text) \\
    static const char name[] __attribute__((section(".modinfo"), used, aligned(1))) = text
TAG(a, "description=stands in for a kernel module; does nothing");
TAG(b, "toa_fingerprint=%(fingerprint)s");
TAG(c, "version=%(version)s");
TAG(d, "srcversion=%(srcversion)s");
TAG(e, "vermagic=%(vermagic)s ");
TAG(f, "parm=kinds:kinds (string)");
TAG(g, "parm=max_connections:number (uint)");
int stand_in(void) { return %(number)d; }
"""


def make_stand_in_module(path: Path, facts: Mapping[str, str], number: int = 1) -> Path:
    """An ELF file with the tags and the build-id of a toa.ko, made by the compiler."""
    source = path.with_suffix(".c")
    source.write_text(
        _STAND_IN
        % {
            "fingerprint": fingerprint_id(facts),
            "version": "0.1.0",
            "srcversion": "0123456789ABCDEF0123456",
            "vermagic": facts["vermagic"] or f"{facts['kernel_release']} SMP preempt mod_unload",
            "number": number,
        }
    )
    loose = path.with_suffix(".o")
    subprocess.run(["cc", "-c", "-o", loose, source], check=True)
    subprocess.run(["ld", "-r", "--build-id=sha1", "-o", path, loose], check=True)
    source.unlink()
    loose.unlink()
    return path


def build_id_of(module: bytes) -> str:
    """The GNU build-id of a little-endian module."""
    start = module.index(b"\x14\0\0\0\x03\0\0\0GNU\0") + 12
    return module[start : start + 20].hex()


def manifest_text(facts: Mapping[str, str], module: bytes, selftest: bytes, **changed: str) -> str:
    """The manifest of these files."""
    values = {
        "manifest": "1",
        **{key: facts[key] for key in HARD},
        "fingerprint": fingerprint_id(facts),
        "sha256": hashlib.sha256(module).hexdigest(),
        "size": str(len(module)),
        "build_id": build_id_of(module),
        "srcversion": "0123456789ABCDEF0123456",
        "toa_version": "0.1.0",
        "imports": "register_kretprobe:0x12345678",
        "selftest_sha256": hashlib.sha256(selftest).hexdigest(),
        "source": "0" * 64,
        "compiler": "gcc",
        "builder": "builder",
        "built_at": "2026-01-01T00:00:00Z",
        "signature": "none",
        **changed,
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def make_artifact(where: Path, facts: Mapping[str, str] = FACTS, number: int = 1) -> Path:
    """A directory with a stand-in toa.ko, a selftest that passes, and a manifest."""
    where.mkdir(parents=True)
    module = make_stand_in_module(where / "toa.ko", facts, number).read_bytes()
    selftest = b"#!/bin/sh\necho toa=pass\n"
    (where / "toa-selftest").write_bytes(selftest)
    (where / "manifest").write_text(manifest_text(facts, module, selftest))
    return where


def edit_manifest(artifact: Path, key: str, value: str) -> None:
    """Changes one line of an artifact's manifest."""
    path = artifact / "manifest"
    lines = path.read_text().splitlines()
    path.write_text(
        "".join(f"{key}={value}\n" if line.startswith(key + "=") else line + "\n" for line in lines)
    )


def artifact_id(artifact: Path) -> str:
    """The first 16 hex digits of toa.ko's SHA-256."""
    return hashlib.sha256((artifact / "toa.ko").read_bytes()).hexdigest()[:16]


def missing_shells() -> list[str]:
    """Shells that this machine lacks."""
    return [name for name, words in SHELLS.items() if shutil.which(words[0]) is None]


MAKEFILE = """
all:
	@echo 'KERNELDIR $(KERNELDIR)'
	@echo 'warning: the compiler differs from the one used to build the kernel'
	@{noise}
	sed s/@ID@/$(TOA_FINGERPRINT)/ toa.tags >toa.s
	cc -c -g -o toa.o toa.s
	ld -r --build-id=sha1 -o toa.ko toa.o
	mkdir -p selftest
	cp selftest.sh selftest/toa-selftest
"""
TAGS = """
	.section .modinfo,"a"
	.asciz "license=GPL"
	.asciz "toa_fingerprint=@ID@"
	.asciz "version=0.1.0"
	.asciz "srcversion=0123456789ABCDEF0123456"
	.asciz "vermagic={release} SMP mod_unload "
"""


def make_source(where: Path, noise: str = ":", release: str = RELEASE) -> Path:
    """A source directory whose product stands in for toa.ko."""
    write(where / "Makefile", MAKEFILE.replace("{noise}", noise))
    write(where / "toa.tags", TAGS.replace("{release}", release))
    write(where / "selftest.sh", "#!/bin/sh\n")
    return where


def make_headers(where: Path, release: str = RELEASE) -> Path:
    """What of a headers package is looked at."""
    write(where / "Makefile", "")
    write(where / "include/generated/utsrelease.h", f'#define UTS_RELEASE "{release}"\n')
    write(where / "include/config/kernel.release", "6.1.192\n")  # as Debian's: upstream's
    return where
