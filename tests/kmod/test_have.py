# SPDX-License-Identifier: GPL-2.0-only
"""kmod/have.sh with this machine's compiler, and with compilers in trouble."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Optional

import pytest

KMOD = Path(__file__).resolve().parents[2] / "kmod"

FLAGS = ("-Wno-error", "-Werror=implicit-function-declaration")
CHECKS = {
    "always": "#include <string.h>\nsize_t toa_have(void) { return strlen(__FILE__); }\n",
    "never": "int toa_have(void) { return nobody_declares_this(); }\n",
    "present": '#include <string.h>\nint toa_have(void) { return strcmp(__FILE__, ""); }\n',
    "absent": "#include <string.h>\nint toa_have(void) { return no_such_function(1); }\n",
    "no_header": "#include <no/such/header.h>\n",
}


class Target:
    """A directory with CHECKS and a compiler for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.header = folder / "have.h"
        (folder / "have").mkdir()
        for name, text in CHECKS.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / "have" / f"{name}.c").write_text(text)

    def compiler(self, script: str) -> str:
        """A compiler that runs SCRIPT first; $source is the check."""
        path = self.folder / "compiler"
        path.write_text(
            f'#!/bin/sh\nfor source; do :; done\nsource=${{source##*/}}\n{script}\nexec cc "$@"\n'
        )
        path.chmod(0o755)
        return str(path)

    def have(
        self, compiler: str = "cc", flags: Optional[tuple[str, ...]] = FLAGS
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", KMOD / "have.sh", self.header, self.folder / "have", compiler, *(flags or ())],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return Target(tmp_path)


def test_it_says_what_it_found_and_writes_it_down(target: Target) -> None:
    done = target.have()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "  HAVE    absent: no",
        "  HAVE    no_header: no",
        "  HAVE    present: yes",
    ]
    header = target.header.read_text()
    assert "#define TOA_HAVE_PRESENT 1\n" in header
    assert "TOA_HAVE_ABSENT" not in header
    assert "no_such_function" in (target.folder / "have.log").read_text()
    assert sorted(path.name for path in target.folder.iterdir()) == [
        "have",
        "have.h",
        "have.log",
    ]


def test_a_second_run_leaves_the_same_header_alone(target: Target) -> None:
    target.have()
    before = target.header.stat().st_mtime_ns
    assert target.have().returncode == 0
    assert target.header.stat().st_mtime_ns == before
    target.write("absent", CHECKS["present"])
    target.have()
    assert "TOA_HAVE_ABSENT" in target.header.read_text()


@pytest.mark.parametrize(
    "trouble",
    [
        "echo 'x.c:1: internal compiler error: in expand_expr' >&2; exit 1",
        "echo 'cc: fatal error: Killed signal terminated program cc1' >&2; exit 1",
        "echo 'x.s:1: error: cannot write x.o: No space left on device' >&2; exit 1",
        "kill -KILL $$",
        "exit 1",
        "exit 127",
    ],
)
def test_a_compiler_in_trouble_is_no_answer(target: Target, trouble: str) -> None:
    compiler = target.compiler(f"case $source in together.c | present.c) {trouble} ;; esac")
    done = target.have(compiler)
    assert done.returncode != 0
    assert "the compiler is in trouble, not the kernel" in done.stderr
    assert "present.c" in done.stderr
    assert not target.header.exists()


def test_one_compilation_answers_for_all_that_need_no_header_of_their_own(target: Target) -> None:
    compiler = target.compiler('echo "$source" >>$0.sources')
    assert target.have(compiler).returncode == 0
    compiled = (target.folder / "compiler.sources").read_text().split()
    assert sorted(compiled) == ["no_header.c", "together.c"]


@pytest.mark.parametrize(
    "text",
    [
        # An error that belongs to a header, and one that ends the compilation.
        '#include "../broken.h"\nint toa_have(void) { return BROKEN; }\n',
        "#error nothing behind this is looked at\n#include <string.h>\n#include __FILE__\n",
    ],
)
def test_each_is_compiled_for_itself_where_together_says_nothing_clear(
    target: Target, text: str
) -> None:
    (target.folder / "broken.h").write_text("#define BROKEN broken_by_a_header()\n#error broken\n")
    target.write("absent", text)
    done = target.have()
    assert "  HAVE    absent: no" in done.stdout.splitlines(), done.stderr
    assert "  HAVE    present: yes" in done.stdout.splitlines()


def test_headers_that_do_not_compile_are_no_answer(target: Target) -> None:
    target.write("always", "#include <linux/no_such_header_of_this_kernel.h>\n")
    done = target.have()
    assert done.returncode != 0
    assert "no_such_header_of_this_kernel.h" in done.stderr
    assert "install the complete headers of exactly this kernel" in done.stderr
    assert not target.header.exists()


def test_no_compiler_is_no_answer(target: Target) -> None:
    done = target.have("no-such-compiler-here")
    assert done.returncode != 0
    assert "no-such-compiler-here" in done.stderr
    assert not target.header.exists()


def test_a_flag_that_the_compiler_does_not_know_is_no_answer(target: Target) -> None:
    done = target.have(flags=(*FLAGS, "-fno-such-flag-of-the-kernels"))
    assert done.returncode != 0
    assert "-fno-such-flag-of-the-kernels" in done.stderr
    assert not target.header.exists()


def test_a_compiler_that_takes_everything_is_no_answer(target: Target) -> None:
    done = target.have(flags=("-std=gnu89", "-w"))
    assert done.returncode != 0
    assert "declared nowhere" in done.stderr
    assert not target.header.exists()


def test_each_check_is_used_and_says_since_when() -> None:
    compat = (KMOD / "compat.h").read_text()
    for path in sorted((KMOD / "have").glob("*.c")):
        if path.stem in ("always", "never"):
            continue
        assert f"TOA_HAVE_{path.stem.upper()}" in compat, f"{path.name} decides nothing"
        assert path.read_text().splitlines()[1].startswith("/* "), path.name


def test_nothing_asks_for_the_kernels_version() -> None:
    for path in [*KMOD.rglob("*.[ch]"), KMOD / "Kbuild", KMOD / "Makefile"]:
        text = path.read_text()
        for word in ("LINUX_VERSION_CODE", "KERNEL_VERSION", "RHEL_RELEASE", "VERSION_CODE"):
            assert word not in text, f"{path.name} has {word}"


def test_the_selftest_compiles_as_gcc_4_would_have_it(tmp_path: Path) -> None:
    sources = [KMOD / "selftest" / name for name in ("toa-selftest.c", "wire.c")]
    flags = ["-std=gnu89", "-Wall", "-Wextra", "-Wdeclaration-after-statement", "-Werror"]
    subprocess.run(["cc", *flags, "-o", tmp_path / "selftest", *sources, "-lrt"], check=True)
