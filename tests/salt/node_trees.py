# SPDX-License-Identifier: GPL-2.0-only
"""Trees that stand for nodes, and artifacts that fit them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import tagged_module
from joined import PROGRAM
from tagged_module import RELEASE, module_bytes

CHECKOUT = Path(__file__).resolve().parents[2]
STAND_IN = Path(__file__).with_name("stand_in_node.py")

_FILES = {
    "proc/sys/kernel/osrelease": f"{RELEASE}\n",
    "proc/sys/kernel/version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.999-1 (2030-01-01)\n",
    "proc/sys/kernel/hostname": "tree\n",
    "proc/sys/kernel/tainted": "0\n",
    "proc/sys/kernel/arch": "x86_64\n",
    "proc/sys/kernel/modules_disabled": "0\n",
    "proc/sys/kernel/random/boot_id": "00000000-0000-4000-8000-000000000000\n",
    "proc/uptime": "100.00 100.00\n",
    "proc/version": f"Linux version {RELEASE} (tests) (gcc-12 12.2.0, ld 2.40) #1 SMP\n",
    "proc/self/smaps": "KernelPageSize:        4 kB\n",
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "lib/systemd/systemd": "",
    "bin/insmod": "#!/bin/sh\nexit 1\n",
    "bin/rmmod": "#!/bin/sh\nexit 1\n",
}

#: A kernel's makefile that makes no module but a file with a module's tags.
_HEADERS = """\
modules:
\t{python} {tags} toa.ko "$(M)/toa.ko" "$(TOA_FINGERPRINT)" "$(M)"
clean:
"""


@dataclass(frozen=True)
class Tree:
    """A node: a directory with what a root file system has, and its program."""

    root: Path
    program: Path

    def run(self, verb: str, *arguments: str) -> dict[str, str]:
        words = ["/bin/sh", str(self.program), verb, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    @property
    def facts(self) -> dict[str, str]:
        return self.run("status")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def content(self) -> dict[str, bytes]:
        """Every file, to see whether anything has changed."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }

    def give_headers(self) -> None:
        """What building needs, but for gcc and make."""
        makefile = _HEADERS.format(python=sys.executable, tags=Path(tagged_module.__file__))
        self.write(f"lib/modules/{RELEASE}/build/Makefile", makefile)


def make_tree(root: Path) -> Tree:
    root.mkdir()
    program = root.parent / f"toa-node-stand-in-{root.name}"
    tree = Tree(root, program)
    for name, text in _FILES.items():
        tree.write(name, text)
    for name in ("insmod", "rmmod"):
        (root / "bin" / name).chmod(0o755)
    for name in ("var/lib", "etc/systemd/system", "sys/module"):
        (root / name).mkdir(parents=True)
    program.write_text(
        f'exec "{sys.executable}" "{STAND_IN}" "{root}" "{PROGRAM}" "$@"\n', encoding="ascii"
    )
    return tree


def make_artifact(
    directory: Path, facts: dict[str, str], seed: str = "first", **claims: str
) -> dict[str, str]:
    """An artifact for the node of these facts; the manifest's pairs."""
    module, build_id = module_bytes(facts["fingerprint"], seed)
    selftest = f"#!/bin/sh\n# {seed}\nexit 0\n".encode()
    hard = "arch page_size kernel_release kernel_version kernel_build_id os_id os_version_id"
    pairs = {
        "manifest": "1",
        **{key: facts[key] for key in hard.split()},
        "vermagic": facts["vermagic"],
        "module_layout": facts["module_layout"],
        "fingerprint": facts["fingerprint"],
        "sha256": hashlib.sha256(module).hexdigest(),
        "size": str(len(module)),
        "build_id": build_id,
        "srcversion": "0123456789ABCDEF0123456",
        "toa_version": "0.1.0",
        "imports": "",
        "selftest_sha256": hashlib.sha256(selftest).hexdigest(),
        "source": hashlib.sha256(seed.encode()).hexdigest(),
        "compiler": "gcc 12.2.0",
        "builder": "tests",
        "built_at": "2030-01-01T00:00:00Z",
        "signature": "none",
        **claims,
    }
    directory.mkdir(parents=True)
    (directory / "toa.ko").write_bytes(module)
    (directory / "toa-selftest").write_bytes(selftest)
    (directory / "manifest").write_text("".join(f"{key}={value}\n" for key, value in pairs.items()))
    return {**pairs, "artifact": pairs["sha256"][:16]}
