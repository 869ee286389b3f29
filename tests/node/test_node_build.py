# SPDX-License-Identifier: GPL-2.0-only
"""build: what it needs, what it refuses, what it makes.

Here a makefile stands in for the kernel's; test_node_on_kernels.py builds for real.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from node_support import (
    FACTS,
    HARD,
    PROGRAM,
    RELEASE,
    SHELLS,
    Answer,
    build_id_of,
    environment,
    fingerprint_id,
    make_headers,
    make_source,
    make_tree,
    node,
    run,
    snapshot,
    write,
)

STORE = "var/lib/toa"


@pytest.fixture
def tree_with_headers(tree: Path) -> Path:
    """A tree with the headers of its kernel."""
    make_headers(tree / "lib/modules" / RELEASE / "build")
    return tree


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source that builds without a word."""
    return make_source(tmp_path / "source")


def build(shell: str, tree: Path, source: Path, output: Path) -> Answer:
    """Builds into a directory."""
    return node(shell, "build", "--source", source, "--output", output, root=tree)


def test_a_build_makes_an_artifact_that_this_system_takes(
    shell: str, tree_with_headers: Path, source: Path, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    before = snapshot(source), snapshot(tree_with_headers)
    answer = build(shell, tree_with_headers, source, output).done()
    assert (snapshot(source), snapshot(tree_with_headers)) == before
    assert sorted(path.name for path in output.iterdir()) == ["manifest", "toa-selftest", "toa.ko"]
    module = (output / "toa.ko").read_bytes()
    manifest = dict(line.split("=", 1) for line in (output / "manifest").read_text().splitlines())
    assert {key: manifest[key] for key in HARD} == FACTS
    assert manifest["fingerprint"] == answer["fingerprint"] == fingerprint_id(FACTS)
    assert manifest["sha256"] == hashlib.sha256(module).hexdigest()
    assert manifest["size"] == str(len(module))
    assert manifest["build_id"] == answer["build_id"] == build_id_of(module)
    assert manifest["srcversion"] == "0123456789ABCDEF0123456"
    assert manifest["toa_version"] == "0.1.0"
    assert manifest["signature"] == "none"
    assert manifest["builder"] == "tree"
    assert answer["manifest.built_at"].endswith("Z")
    assert node(shell, "install", "--from", output, root=tree_with_headers).done()


def test_the_source_hash_is_the_one_of_the_protocol(
    shell: str, tree_with_headers: Path, source: Path, tmp_path: Path
) -> None:
    write(source / "sub/more.c", "int more;\n")
    write(source / "old.o", "product of an earlier build")
    write(source / "have.h", "what another kernel's headers were found to have")
    lines = sorted(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(source)}\n"
        for path in source.rglob("*")
        if path.is_file() and path.suffix != ".o" and path.name != "have.h"
    )
    answer = build(shell, tree_with_headers, source, tmp_path / "output").done()
    assert answer["manifest.source"] == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_emit_sends_the_three_files_and_leaves_nothing(
    shell: str, tree_with_headers: Path, source: Path
) -> None:
    before = snapshot(tree_with_headers)
    answer = node(shell, "build", "--source", source, "--emit", root=tree_with_headers).done()
    files = {
        name: base64.b64decode(answer[f"base64.{name}"], validate=True)
        for name in ("toa.ko", "manifest", "toa-selftest")
    }
    assert hashlib.sha256(files["toa.ko"]).hexdigest() == answer["manifest.sha256"]
    assert hashlib.sha256(files["toa-selftest"]).hexdigest() == answer["manifest.selftest_sha256"]
    assert f"fingerprint={fingerprint_id(FACTS)}\n".encode() in files["manifest"]
    assert snapshot(tree_with_headers) == before


# As the kernel's makefiles do: with debug information, and where the source lies.
KBUILD_LIKE = """
all:
	sed s/@ID@/$(TOA_FINGERPRINT)/ toa.tags >toa.s
	gcc -Wa,--noexecstack -c -o tags.o toa.s
	gcc $(KCFLAGS) -c -g -o code.o $(CURDIR)/code.c
	ld -r --build-id=sha1 -o toa.ko tags.o code.o
	mkdir -p selftest
	cp selftest.sh selftest/toa-selftest
"""
#: gcc as it was, by the flags that it does not know.
OLD_GCC = """#!/bin/sh
for word in "$@"; do
    case $word in
    {unknown}) echo "cc1: error: unrecognized command line option $word" >&2; exit 1 ;;
    esac
done
PATH=${{PATH#*:}} exec gcc "$@"
"""


@pytest.mark.parametrize(
    ("unknown", "code"),
    [
        ("nothing", "const char *where = __FILE__; int f(int x) { return x + 1; }\n"),
        ("-ffile-prefix-map=*", "int f(int x) { return x + 1; }\n"),
    ],
    ids=["gcc of today", "gcc of yesterday"],
)
def test_the_same_source_makes_the_same_module_wherever_it_is_built(
    shell: str, unknown: str, code: str, tree_with_headers: Path, source: Path, tmp_path: Path
) -> None:
    write(source / "Makefile", KBUILD_LIKE)
    write(source / "code.c", code)
    write(tmp_path / "bin/gcc", OLD_GCC.format(unknown=unknown)).chmod(0o755)
    environ = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    made = set()
    for name in ("output", "another/output"):
        words = ["build", "--source", source, "--output", tmp_path / name]
        made.add(node(shell, *words, root=tree_with_headers, env=environ).done()["artifact"])
    assert len(made) == 1


# --- what is missing -------------------------------------------------------------

HINTS = {
    "Debian": ("ID=debian\nVERSION_ID=12\n", f"apt-get install linux-headers-{RELEASE}"),
    "Ubuntu": ("ID=ubuntu\nVERSION_ID=24.04\n", f"linux-headers-{RELEASE}"),
    "Rocky": ("ID=rocky\nID_LIKE='rhel centos fedora'\nVERSION_ID=9.4\n",
              f"install kernel-devel-{RELEASE}"),
    "openEuler": ("ID=openEuler\nVERSION_ID=22.03\n", f"kernel-devel-{RELEASE}"),
    "SLES": ("ID=sles\nVERSION_ID=15.5\n", "zypper install 'kernel-amd64-devel=6.1.0-56-cloud"),
    "CoreOS": ("ID=coreos\nVERSION_ID=1353.8.0\n", "development container"),
    "unknown": ("ID=something\nVERSION_ID=1\n", RELEASE),
}  # fmt: skip


@pytest.mark.parametrize("system", HINTS)
def test_missing_headers_are_answered_with_the_package_for_exactly_this_kernel(
    shell: str, system: str, tmp_path: Path, source: Path
) -> None:
    os_release, hint = HINTS[system]
    tree = make_tree(tmp_path / "tree", os_release=os_release)
    answer = build(shell, tree, source, tmp_path / "output").failed("build")
    assert hint in answer["hint"] or (system == "unknown" and RELEASE in answer["hint"])
    assert RELEASE in answer["detail"]
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("release", "hint"),
    [
        ("5.15.0-100.96.32.el8uek.x86_64", "kernel-uek-devel-5.15.0-100.96.32.el8uek.x86_64"),
        ("5.14.0-427.el9.aarch64+64k", "kernel-64k-devel-5.14.0-427.el9.aarch64;"),
        ("3.10.0-693.11.1.el7.x86_64", "kernel-devel-3.10.0-693.11.1.el7.x86_64;"),
    ],
)
def test_kernels_of_other_flavours_get_their_own_package(
    shell: str, release: str, hint: str, tmp_path: Path, source: Path
) -> None:
    facts = {**FACTS, "kernel_release": release}
    tree = make_tree(tmp_path / "tree", facts, 'ID="rhel"\nVERSION_ID="9"\n')
    assert hint in build(shell, tree, source, tmp_path / "output").failed("build")["hint"]


def test_headers_of_another_kernel_are_refused(
    shell: str, tree: Path, source: Path, tmp_path: Path
) -> None:
    make_headers(tree / "lib/modules" / RELEASE / "build", "6.1.0-55-cloud-amd64")
    answer = build(shell, tree, source, tmp_path / "output").failed("build")
    assert "6.1.0-55-cloud-amd64" in answer["detail"] and RELEASE in answer["detail"]


@pytest.mark.parametrize("tool", ["gcc", "make"])
def test_a_missing_tool_is_named_with_its_package(
    shell: str, tool: str, tree_with_headers: Path, source: Path, tmp_path: Path
) -> None:
    """In a mount namespace whose /usr/bin lacks it."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root to hide a program")
    layers = tmp_path / "layers"
    layers.mkdir()
    script = (
        f"mount -t tmpfs tmpfs {layers} && cd {layers} && mkdir upper work && mount -t overlay "
        f"-o lowerdir=/usr/bin,upperdir=upper,workdir=work overlay /usr/bin && "
        f"rm /usr/bin/{tool} || exit 99; "
        f"PATH=/usr/bin exec {' '.join(SHELLS[shell])} {PROGRAM} "
        f"--root {tree_with_headers} build --source {source} --emit"
    )
    answer = run(["unshare", "-m", "sh", "-c", script])
    if answer.status in (1, 99):
        pytest.skip("NOT TESTED: this machine does not allow mounts")
    assert f"apt-get install {tool}" in answer.failed("build")["hint"]


# --- what goes wrong -------------------------------------------------------------


def trouble(shell: str, tree: Path, where: Path, noise: str) -> Answer:
    """Builds a source whose make says or does that."""
    source = make_source(where / "source", noise)
    before = snapshot(tree)
    answer = node(shell, "build", "--source", source, "--emit", root=tree)
    assert snapshot(tree) == before
    return answer


@pytest.mark.parametrize(
    ("noise", "said", "hint"),
    [
        ("echo 'main.c:1:2: warning: unused variable x'", "unused variable x", "log"),
        ("echo 'main.c:3: error: no such thing'; exit 1", "no such thing", "log"),
        ("echo 'CONFIG_RETPOLINE=y, but not supported by the compiler. Compiler update "
         "recommended.'; exit 1", "RETPOLINE", "upgrade gcc"),
        ("echo '*** You are building kernel with non-retpoline compiler, please update your "
         "compiler..  Stop.'; exit 2", "non-retpoline", "upgrade gcc"),
        ("echo '/bin/sh: 1: gcc-99: not found'; exit 127", "gcc-99", "install gcc-99"),
        ("echo 'gcc: error: unrecognized command-line option -fnew'; exit 1", "unrecognized",
         "gcc is another"),
        ("echo 'error: Cannot generate ORC metadata, please install libelf-dev'; exit 1",
         "libelf", "libelf-dev"),
        ("echo 'selftest/wire.c:3:10: fatal error: arpa/inet.h: No such file or directory'; exit 2",
         "arpa/inet.h", "libc6-dev"),
        ("echo 'fixdep: GLIBC_2.38 not found'; exit 1", "GLIBC", "another release"),
        ("echo 'WARNING: Module.symvers is missing'", "Module.symvers", "not complete"),
    ],
)  # fmt: skip
def test_a_build_that_fails_or_warns_says_why_and_what_to_do(
    shell: str, noise: str, said: str, hint: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    answer = trouble(shell, tree_with_headers, tmp_path, noise).failed("build")
    assert said in answer["detail"], str(answer)
    assert hint in answer["hint"], str(answer)


@pytest.mark.parametrize("tree_of", ["init/main.c", "source/init/main.c", "package"])
@pytest.mark.parametrize(
    "words",
    [
        "WARNING: Symbol version dump /usr/src/linux/Module.symvers is missing; modules will have "
        "no dependencies and modversions.",
        "WARNING: Module.symvers is missing.\n         Modules may not have dependencies",
        'WARNING: Symbol version dump "Module.symvers" is missing.',
    ],
)
def test_a_kernel_built_without_its_modules_is_told_to_make_them(
    shell: str, words: str, tree_of: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    if tree_of != "package":
        write(tree_with_headers / "lib/modules" / RELEASE / "build" / tree_of, "")
    noise = f"printf '%s\\n' '{words.replace(chr(10), ' ')}'"
    answer = trouble(shell, tree_with_headers, tmp_path, noise).failed("build")
    wanted = "not complete; apt-get" if tree_of == "package" else "make modules in there"
    assert wanted in answer["hint"], answer["hint"]
    assert ("apt-get" in answer["hint"]) == (tree_of == "package")


# --- the kernel's compiler ----------------------------------------------------------

ANY_TOOL = """#!/bin/sh
case $1 in
--version) echo "{version}" ;;
-dumpversion) echo "{version}" | sed 's/.* //' ;;
*) exec cc "$@" ;;
esac
"""
CLANG = 'CONFIG_CC_IS_CLANG=y\nCONFIG_CC_VERSION_TEXT="clang version 18.1.8"\n'
LLD = CLANG + "CONFIG_LD_IS_LLD=y\n"
SAY = "echo 'told LLVM=$(LLVM) CC=$(CC) LD=$(LD).'"


def headers_of(tree: Path, config: str, makefile: str) -> None:
    build = tree / "lib/modules" / RELEASE / "build"
    write(build / "include/config/auto.conf", config)
    write(build / "Makefile", makefile)


def tools(folder: Path, **versions: str) -> dict[str, str]:
    """An environment with these programs."""
    for name, version in versions.items():
        path = folder / name.replace("_", "-").replace("ld-lld", "ld.lld")
        write(path, ANY_TOOL.format(version=version)).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("config", "makefile", "suffix", "told"),
    [
        (LLD, "ifneq ($(LLVM),)\nLLVM_SUFFIX := $(LLVM)\nendif\n", "", "LLVM=1 CC=clang LD=ld."),
        (LLD, "ifneq ($(LLVM),)\nLLVM_SUFFIX := $(LLVM)\nendif\n", "_18",
         "LLVM=-18 CC=clang-18 LD=ld."),
        (LLD, "ifneq ($(LLVM),)\nendif\n", "", "LLVM=1 CC=clang LD=ld."),
        (LLD, "all:\n", "", "LLVM= CC=clang LD=ld.lld."),
        (CLANG, "ifneq ($(LLVM),)\nendif\n", "", "LLVM= CC=clang LD=ld."),
    ],
    ids=["of today", "by its number", "5.7", "before 5.7", "with GNU ld"],
)  # fmt: skip
def test_a_kernel_built_by_clang_gets_its_module_from_clang(
    shell: str, config: str, makefile: str, suffix: str, told: str, tree_with_headers: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    headers_of(tree_with_headers, config, makefile)
    names = ("clang", "ld_lld", "llvm_nm", "llvm_objcopy")
    env = tools(tmp_path / "bin", **{name + suffix: "clang version 18.1.8" for name in names})
    source = make_source(tmp_path / "source", SAY)
    words = ["build", "--source", source, "--emit"]
    answer = node(shell, *words, root=tree_with_headers, env=env).done()
    assert f"told {told}" in answer.stderr
    assert answer["manifest.compiler"] == "clang version 18.1.8"


@pytest.mark.parametrize(
    ("system", "hint"),
    [
        ("ID=debian\nVERSION_ID=12\n", "apt-get install clang lld llvm"),
        ("ID=fedora\nVERSION_ID=41\n", "install clang lld llvm"),
        ("ID=opensuse-tumbleweed\nVERSION_ID=1\n", "zypper install clang lld llvm"),
        ("ID=cachyos\nID_LIKE=arch\n", "pacman -S clang lld llvm"),
    ],
)
def test_a_clang_that_is_missing_is_named_with_its_packages(
    shell: str, system: str, hint: str, tree_with_headers: Path, source: Path
) -> None:
    if shutil.which("ld.lld"):
        pytest.skip("NOT TESTED: this machine has LLVM")
    headers_of(tree_with_headers, LLD, "ifneq ($(LLVM),)\nendif\n")
    write(tree_with_headers / "etc/os-release", system)
    words = ["build", "--source", source, "--emit"]
    answer = node(shell, *words, root=tree_with_headers).failed("build")
    assert hint in answer["hint"] and "clang version 18.1.8" in answer["hint"]


GCC_9 = 'CONFIG_CC_VERSION_TEXT="gcc (GCC) 9.3.1 20200408 (Red Hat 9.3.1-2)"\n'
EL7 = "ID=centos\nID_LIKE='rhel fedora'\nVERSION_ID=7\n"


@pytest.mark.parametrize(
    ("system", "remedy"),
    [
        (EL7, "yum install devtoolset-9-gcc devtoolset-9-binutils"),
        ("ID=rocky\nID_LIKE='rhel fedora'\nVERSION_ID=8.9\n", "gcc-toolset-9-gcc"),
        ("ID=debian\nVERSION_ID=12\n", "apt-get install gcc-9 "),
        ("ID=sles\nVERSION_ID=15.5\n", "zypper install gcc9 "),
    ],
)
@pytest.mark.parametrize("in_config", [True, False])
def test_a_build_that_fails_by_another_gcc_names_both(
    shell: str, system: str, remedy: str, in_config: bool, tree_with_headers: Path, tmp_path: Path
) -> None:
    write(tree_with_headers / "etc/os-release", system)
    if in_config:
        headers_of(tree_with_headers, GCC_9, "")
    else:
        write(
            tree_with_headers / "lib/modules" / RELEASE / "build/include/generated/compile.h",
            '#define LINUX_COMPILER "gcc version 9.3.1 20200408 (Red Hat 9.3.1-2) (GCC) "\n',
        )
    env = tools(tmp_path / "bin", gcc="gcc (GCC) 4.8.5")
    noise = "echo 'error: Sorry, your version of GCC is too old'; exit 1"
    source = make_source(tmp_path / "source", noise)
    words = ["build", "--source", source, "--emit"]
    hint = node(shell, *words, root=tree_with_headers, env=env).failed("build")["hint"]
    assert "9.3.1 20200408 (Red Hat 9.3.1-2)" in hint and "gcc (GCC) 4.8.5" in hint
    assert remedy in hint


def test_the_gcc_of_the_kernels_version_is_taken_where_it_is(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    headers_of(tree_with_headers, GCC_9, "")
    env = tools(tmp_path / "bin", gcc="gcc (GCC) 4.8.5", gcc_9="gcc-9 (SUSE Linux) 9.3.0")
    source = make_source(tmp_path / "source", SAY)
    words = ["build", "--source", source, "--emit"]
    answer = node(shell, *words, root=tree_with_headers, env=env).done()
    assert "CC=gcc-9 " in answer.stderr
    assert answer["manifest.compiler"] == "gcc-9 (SUSE Linux) 9.3.0"


# --- clocks, signals, surroundings -------------------------------------------------

SKEW = "echo \"make[2]: Warning: File '/usr/x' has modification time 90 s in the future\""
SKEWED = "echo 'make[1]: warning:  Clock skew detected.  Your build may be incomplete.'"


def test_a_clock_that_is_behind_is_no_fault_of_the_build(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    """The words as they are known, and as the make of this machine says them."""
    tomorrow = time.time() + 86400
    noise = (
        f"{SKEW}; {SKEWED}; touch -d @{tomorrow:.0f} later; "
        "printf 'all: later\\n\\t@:\\n' >more.mk; LC_ALL=C $(MAKE) -f more.mk all"
    )
    answer = trouble(shell, tree_with_headers, tmp_path, noise).done()
    assert "in the future" in answer.stderr
    assert answer.stderr.count("Clock skew detected") == 2


def test_beside_a_clock_that_is_behind_a_compilers_warning_counts(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    warning = "echo 'main.c:1: warning: Clock skew detected.  Your build may be incomplete.'"
    answer = trouble(shell, tree_with_headers, tmp_path, f"{SKEW}; {warning}").failed("build")
    assert answer["detail"] == (
        "the build warned: main.c:1: warning: Clock skew detected. Your build may be incomplete."
    )


def test_a_signal_during_the_build_is_answered_to_whoever_asked(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    reached, ended = tmp_path / "reached", tmp_path / "ended"
    # The compiler that is still at work: it writes where the build's directory was.
    late = f"sleep 1; mkdir -p $(CURDIR)/late; touch {ended}; exit 1"
    source = make_source(tmp_path / "source", f"trap '' TERM; touch {reached}; {late}")
    output = tmp_path / "output"
    words = [*SHELLS[shell], str(PROGRAM), "--root", str(tree_with_headers), "build",
             "--source", str(source), "--output", str(output)]  # fmt: skip
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    while not reached.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    out, err = process.communicate(timeout=25)
    answer = Answer(process.returncode, out.decode(), err.decode()).failed("node")
    assert "SIGTERM" in answer["detail"]
    while not ended.exists():
        time.sleep(0.01)
    assert [*output.iterdir()] == []


def test_what_the_operators_shell_has_set_for_others_is_not_for_the_build(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    names = ("LLVM", "KCFLAGS", "KCPPFLAGS", "W", "V", "CPATH", "LIBRARY_PATH", "MAKEFILES",
             "TAR_OPTIONS", "GIT_DIR")  # fmt: skip
    wrong = " ".join(f"$${{{name}-}}" for name in names)
    source = make_source(tmp_path / "source", f'test -z "$$(echo {wrong} | grep the=)"')
    words = ["build", "--source", source, "--emit"]
    node(shell, *words, root=tree_with_headers, env=dict.fromkeys(names, "the=irs")).done()


def test_a_full_disk_during_the_build_is_no_fault_of_the_source(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    noise = "echo 'fatal error: error writing: No space left on device'; exit 1"
    trouble(shell, tree_with_headers, tmp_path, noise).failed("node")


def test_a_module_that_came_out_for_another_kernel_is_refused(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_source(tmp_path / "source", release="6.1.0-55-cloud-amd64")
    answer = build(shell, tree_with_headers, source, tmp_path / "output").failed("build")
    assert "6.1.0-55-cloud-amd64" in answer["detail"]


def test_a_source_that_does_not_carry_the_fingerprint_is_refused(
    shell: str, tree_with_headers: Path, source: Path, tmp_path: Path
) -> None:
    tags = source / "toa.tags"
    tags.write_text(tags.read_text().replace("@ID@", "0123456789abcdef"))
    answer = build(shell, tree_with_headers, source, tmp_path / "output").failed("build")
    assert "toa_fingerprint" in answer["detail"]


def test_a_signed_module_is_not_stripped(
    shell: str, tree_with_headers: Path, tmp_path: Path
) -> None:
    source = make_source(tmp_path / "source")
    makefile = source / "Makefile"
    signed = "\tprintf 'sig~Module signature appended~\\n' >>toa.ko\n\tmkdir -p selftest\n"
    makefile.write_text(makefile.read_text().replace("\tmkdir -p selftest\n", signed))
    output = tmp_path / "output"
    answer = build(shell, tree_with_headers, source, output).done()
    assert (output / "toa.ko").read_bytes().endswith(b"~Module signature appended~\n")
    assert answer["manifest.signature"] != "none"
