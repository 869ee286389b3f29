# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own static checks of kmod/: sparse and checkpatch.

    python tests/kmod/lint.py

sparse looks at every file as it is compiled for the kernel called "bookworm".
checkpatch comes from that kernel's source package (138 MB, fetched once); it is
never copied into this tree. Exit status 1 when either has something to say that
IGNORED does not answer.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import lab
from lab import apt, cache

ROOT = Path(__file__).resolve().parents[2]
KMOD = ROOT / "kmod"

#: What checkpatch says without being followed: files, its name for it, and why not.
IGNORED = [
    ("kmod/*", "PREFER_KERNEL_TYPES", "u8 in the kernel, uint8_t in what runs in user space, too"),
    ("kmod/*", "LONG_LINE_STRING", "what is grepped for is not broken"),
    ("kmod/*.[ch]", "LINE_SPACING", "NOKPROBE_SYMBOL stands right behind its function, as in mm/"),
    ("kmod/compat.h", "MACRO_ARG_REUSE", "the kernel's own macros of newer versions do so"),
    ("kmod/compat.h", "MACRO_ARG_PRECEDENCE", "a member's name cannot be put in parentheses"),
    ("kmod/compat.h", "VOLATILE", "it is how READ_ONCE is made where there is none"),
    ("kmod/compat.h", "CONSIDER_KSTRTO", "for kernels that have nothing else"),
    ("kmod/compat.h", "STRLCPY", "for kernels that have nothing else"),
    ("kmod/compat.h", "NEW_TYPEDEFS", "one name for what kernels call by several"),
    ("kmod/have/*", "DEPRECATED_API", "a check asks whether there is such a thing"),
    ("kmod/have/*", "AVOID_EXTERNS", "a check asks for a declaration, it is never linked"),
    ("kmod/selftest/*", "ARRAY_SIZE", "user space has none"),
    ("kmod/selftest/*", "EMBEDDED_FUNCTION_NAME", "'usage:' is what programs say"),
    ("kmod/selftest/*", "COMPARISON_TO_NULL", "a pointer turned into an answer says so"),
]


def sparse() -> list[str]:
    """What sparse says of the module's files; kernel headers speak for themselves."""
    program = shutil.which("sparse")
    if program is None:
        raise lab.LabError("sparse is not installed: apt-get install sparse")
    with tempfile.TemporaryDirectory(prefix="toa-lint-") as folder:
        source = Path(folder) / "kmod"
        shutil.copytree(KMOD, source)
        shutil.copy(program, source / "sparse")
        words = ["C=2", "CHECK=/mnt/sparse", "module"]
        build = lab.build_module(source, lab.kernel("bookworm"), make_args=words)
    checked = set(re.findall(r"^  CHECK\s+(?:/mnt/)?(\S+)\.c$", build.log, re.MULTILINE))
    expected = set(re.findall(r"^  CC \[M\]\s+(?:/mnt/)?(\S+)\.o$", build.log, re.MULTILINE))
    expected.discard("toa.mod")
    if not expected or checked != expected:
        raise lab.LabError(
            f"sparse has seen {sorted(checked)}, not {sorted(expected)}:\n{build.log}"
        )
    return re.findall(r"^(?:/mnt/)?(\w+\.[ch]:\d+:\d+: .*)$", build.log, re.MULTILINE)


def checkpatch_program() -> Path:
    """checkpatch.pl of the kernel's source package, with the lists that lie beside it."""
    version = lab.kernel("bookworm").version
    package = ("linux-source-" + ".".join(version.split(".")[:2]), version)
    wanted = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")

    def unpack(folder: Path) -> None:
        (deb,) = apt.download([package])
        script = (
            'deb=$1 folder=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | '
            "tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc | "
            'tar -x -C "$folder" --wildcards --strip-components=2 "$@"'
        )
        members = [f"*/scripts/{name}" for name in wanted]
        subprocess.run(["sh", "-c", script, "sh", deb, folder, *members], check=True)

    return cache.entry("checkpatch", ["1", package, wanted], unpack) / "checkpatch.pl"


def checkpatch() -> list[str]:
    """What checkpatch says and IGNORED does not answer; what IGNORED answers in vain, too."""
    files = sorted(str(path.relative_to(ROOT)) for path in KMOD.rglob("*.[ch]"))
    files = [name for name in files if not name.endswith(".mod.c")]
    assert files, "no sources"
    words = ["perl", str(checkpatch_program()), "--no-tree", "--strict", "--terse", "--show-types"]
    result = subprocess.run(
        [*words, "-f", *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.stderr or result.returncode not in (0, 1):
        raise lab.LabError(f"checkpatch failed:\n{result.stdout}{result.stderr}")
    said = re.findall(r"^(\S+?):(\d+): (\w+):(\w+): (.*)$", result.stdout, re.MULTILINE)
    answered: set[tuple[str, str]] = set()
    left = []
    for name, line, level, kind, text in said:
        rules = [rule[:2] for rule in IGNORED if rule[1] == kind and fnmatch.fnmatch(name, rule[0])]
        answered.update(rules)
        if not rules:
            left.append(f"{name}:{line}: {level}: {text} [{kind}]")
    in_vain = [
        f"IGNORED: nothing to ignore: {rule}" for rule in IGNORED if rule[:2] not in answered
    ]
    return left + in_vain


def main() -> int:
    said = {"sparse": sparse(), "checkpatch": checkpatch()}
    for name, lines in said.items():
        for line in lines:
            print(f"{name}: {line}")
        print(f"{name}: {len(lines)} complaints", file=sys.stderr)
    return 1 if any(said.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
