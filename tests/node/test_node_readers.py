# SPDX-License-Identifier: GPL-2.0-only
"""Single parts of toa-node that read files, with whatever may stand in such a file.

A part is run with the parts above it alone; what is right is said by Python, or by the
real reader of such a file.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_support import SHELLS, environment, note, write

from toa_fleet import node_program

SHELL = st.sampled_from(sorted(SHELLS))
#: A process for each example: few, and as slow as the machine is.
few = settings(max_examples=60, deadline=None, database=None)


def call(shell: str, part: str, script: str, *arguments: object) -> list[str]:
    """The lines that SCRIPT prints behind PART and all parts above it."""
    names = node_program.part_names()
    above = names[: names.index(part) + 1]
    text = "\n".join((node_program.FOLDER / name).read_text() for name in above)
    done = subprocess.run(
        [
            *SHELLS[shell],
            "-c",
            f"{text}\nROOT=$1; shift\n{script}",
            "toa-node",
            *map(str, arguments),
        ],
        capture_output=True,
        env=environment(),
        check=True,
        timeout=60,
    )
    assert done.stderr == b""
    return done.stdout.decode().split("\n")[:-1]


@pytest.mark.parametrize("part", node_program.part_names()[:20])
def test_a_part_needs_only_those_above_it(part: str) -> None:
    assert call("dash", part, "echo here", "") == ["here"]


# ---- os-release ----

#: What os-release(5) lets stand in a value; control characters are another test's.
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


def double_quoted(text: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '\\"$`' else char for char in text) + '"'


def bare(text: str) -> str:
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)


def single_quoted(text: str) -> str:
    return "'" + text.replace("'", "") + "'"


QUOTED = st.tuples(st.sampled_from([double_quoted, bare, single_quoted]), VALUE)
READ_OS = """
read_os_release "$1" || :
printf '%s\\n' "$N_os_id" "$OS_LIKE" "$N_os_version_id" "$N_os_name"
"""


@few
@given(SHELL, st.lists(QUOTED, min_size=4, max_size=4), st.sampled_from(["\n", "\r\n"]))
def test_os_release_is_read_as_a_shell_reads_it(
    shell: str, values: list[tuple[object, str]], end: str
) -> None:
    quoted = [quote(text) for quote, text in values]  # type: ignore[operator]
    keys = ("ID", "ID_LIKE", "VERSION_ID", "PRETTY_NAME")
    lines = [f"{key}={value}" for key, value in zip(keys, quoted)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "os-release")
        file.write_text("\n".join(lines) + "\n")
        show = '. "$1"; printf "%s\\n" "$ID" "$ID_LIKE" "$VERSION_ID" "$PRETTY_NAME"'
        truth = subprocess.run(
            ["dash", "-c", show, "sh", file], capture_output=True, text=True, check=True
        )
        expected = truth.stdout.split("\n")[:-1]
        file.write_bytes((end.join(lines) + end).encode())
        found = call(shell, "facts/os.sh", READ_OS.replace('$1"', '$1" || :'), "", file)
    if expected[0] == "":
        return  # without an ID the file does not count
    if expected[2] == "":
        expected[2] = "rolling"
    assert found == expected


# ---- notes ----

NOTE = st.tuples(
    st.sampled_from([b"Linux\0", b"Xen\0", b"stapsdt\0"]),
    st.integers(0, 0x110),
    st.binary(max_size=24),
)


@few
@given(
    SHELL,
    st.lists(NOTE, max_size=6),
    st.lists(NOTE, max_size=6),
    st.binary(min_size=8, max_size=32),
    st.sampled_from(["little", "big"]),
)
def test_the_build_id_is_found_among_other_notes(
    shell: str,
    before: list[tuple[bytes, int, bytes]],
    behind: list[tuple[bytes, int, bytes]],
    build_id: bytes,
    order: str,
) -> None:
    notes = [*before, (b"GNU\0", 3, build_id), *behind]
    with tempfile.NamedTemporaryFile() as file:
        for name, kind, desc in notes:
            file.write(note(name, kind, desc, order))
        file.flush()
        script = 'build_id_of_notes_file "$1"; printf "%s\\n" "$R"'
        assert call(shell, "reading/elf.sh", script, "", file.name) == [build_id.hex()]


@few
@given(SHELL, st.binary(max_size=120))
def test_bytes_that_are_no_notes_give_a_build_id_or_none(shell: str, data: bytes) -> None:
    """Whatever it is: an even number of hex digits, and no word of the shell's."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data + struct.pack("<III", 4, 20, 3) + b"GNU\0" + data[:20])
        file.flush()
        script = 'build_id_of_notes_file "$1" || R=; printf "%s\\n" "$R"'
        [found] = call(shell, "reading/elf.sh", script, "", file.name)
    assert len(bytes.fromhex(found)) in (0, 20) or found.startswith(data.hex()[:2])


# ---- mounts ----

NAME = st.text("abc.-", min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
PATH = st.lists(NAME, max_size=4).map(lambda names: "/" + "/".join(names))
OPTIONS = st.sampled_from(["rw", "ro", "rw,noexec", "rw,nosuid,noexec,relatime"])


@few
@given(SHELL, st.lists(st.tuples(PATH, OPTIONS), max_size=8), PATH)
def test_the_mount_of_a_path_is_the_last_of_the_longest(
    shell: str, mounts: list[tuple[str, str]], path: str
) -> None:
    expected = ("", "")
    for at, options in mounts:
        under = (path + "/").startswith(at.rstrip("/") + "/")
        if under and len(at) >= len(expected[0]):
            expected = (at, options)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "proc/self/mounts")
        table.parent.mkdir(parents=True)
        table.write_text("".join(f"/dev/x {at} ext4 {options} 0 0\n" for at, options in mounts))
        script = 'find_mount "$1"; printf "%s\\n" "$mount_point" "$mount_options"'
        assert tuple(call(shell, "reading/mounts.sh", script, folder, path)) == expected


# ---- modprobe's files ----

DIRECTORIES = ("etc", "run", "usr/local/lib", "usr/lib", "lib")
FILES = st.lists(
    st.tuples(st.sampled_from(DIRECTORIES), st.sampled_from(["a.conf", "b.conf", "c d.conf"])),
    unique=True,
    max_size=10,
)


@few
@given(SHELL, FILES)
def test_of_modprobes_files_the_first_of_each_name_counts(
    shell: str, files: list[tuple[str, str]]
) -> None:
    first = {}
    for directory, name in sorted(files, key=lambda each: (DIRECTORIES.index(each[0]), each[1])):
        first.setdefault(name, f"/{directory}/modprobe.d/{name}")
    with tempfile.TemporaryDirectory() as folder:
        for directory, name in files:
            file = Path(folder, directory, "modprobe.d", name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        script = 'tell() { printf "%s\\n" "${1#"$ROOT"}"; }; each_modprobe_file tell'
        found = call(shell, "reading/modprobe-files.sh", script, folder)
    assert found == [first[name] for name in sorted(first)]


@pytest.mark.parametrize(
    ("modprobe", "found"),
    [
        ("-> /bin/kmod", ["a.conf"]),
        ("-> kmod", ["a.conf"]),
        ("a program", ["modprobe.conf", "modprobe.conf.local", "a.conf", "unsupported-modules"]),
    ],
)
def test_what_came_before_kmod_reads_more_files(
    modprobe: str, found: list[str], tmp_path: Path
) -> None:
    for name in ("modprobe.conf", "modprobe.conf.local", "modprobe.d/a.conf", "modprobe.d/a.old",
                 "modprobe.d/b.conf~", "modprobe.d/unsupported-modules"):  # fmt: skip
        write(tmp_path / "etc" / name, "")
    (tmp_path / "sbin").mkdir()
    if modprobe.startswith("-> "):
        (tmp_path / "sbin/modprobe").symlink_to(modprobe[3:])
    else:
        write(tmp_path / "sbin/modprobe", modprobe)
    script = 'tell() { printf "%s\\n" "${1##*/}"; }; each_modprobe_file tell'
    assert call("dash", "reading/modprobe-files.sh", script, tmp_path) == found


PIECE = st.sampled_from(
    ["blacklist", "options", "install", "toa", "t-a", "t_a", "#", "# CIS", "/bin/false", "a=1",
     'b="x  y"', " ", "  ", "\t", "\\\n", "\\", "\\ ", "\n", "\n", "\r"]
)  # fmt: skip
READ_MODPROBE = """
tell() {
    case $MODPROBE_COMMAND-$MODPROBE_MODULE in
    blacklist-t?a) printf '%s\\n' "blacklist $MODPROBE_MODULE" ;;
    options-t?a | install-t?a)
        set -- "$MODPROBE_COMMAND $MODPROBE_MODULE" "$MODPROBE_REST"
        [ -z "$2" ] || printf '%s\\n' "$1 $2" ;;
    esac
}
each_modprobe_line tell "$1"
"""


@pytest.mark.skipif(not shutil.which("modprobe"), reason="NOT TESTED: modprobe is not installed")
@settings(few, max_examples=200)
@given(SHELL, st.lists(PIECE, min_size=3, max_size=20))
def test_lines_of_modprobes_files_are_read_as_modprobe_reads_them(
    shell: str, pieces: list[str]
) -> None:
    text = "".join(pieces)
    # At the very end modprobe takes the end of the file for a character.
    text += "\n" if text.endswith("\\") else ""
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder, "a.conf"), text)
        truth = subprocess.run(
            ["modprobe", "-C", folder, "-c"], capture_output=True, check=False
        ).stdout.decode(errors="replace").partition("\n\n")[0]  # fmt: skip
        found = call(shell, "reading/modprobe-files.sh", READ_MODPROBE, "", file)
    expected = [
        line.split()
        for line in truth.split("\n")
        if re.match(r"(blacklist|options|install) t[o_]a( +[^ ]|$)", line.replace("\t", " "))
    ]
    assert sorted(line.split() for line in found) == sorted(expected)


# ---- lists of modules ----

LINE = st.sampled_from(
    [
        "kernel/there.ko: kernel/x.ko",
        "kernel/there.ko.xz:",
        "/lib/modules/6.1/kernel/there.ko:",
        "kernel/gone.ko:",
        "extra/there.ko:",
        "updates/dkms/there.ko: kernel/there.ko",
        "",
        "kernel/",
        ": kernel/there.ko",
        "kernel/../../../../etc/passwd:",
    ]
)


@few
@given(SHELL, st.lists(LINE, max_size=6), st.booleans())
def test_the_first_module_of_the_kernels_own_tree_is_taken(
    shell: str, lines: list[str], ends: bool
) -> None:
    there = {"kernel/there.ko", "kernel/there.ko.xz", "/lib/modules/6.1/kernel/there.ko"}
    names = [line.partition(":")[0] for line in lines if ":" in line]
    expected = next((name for name in names if name in there), "")
    with tempfile.TemporaryDirectory() as folder:
        modules = Path(folder, "lib/modules/6.1")
        for name in ("kernel/there.ko", "kernel/there.ko.xz", "extra/there.ko"):
            (modules / name).parent.mkdir(parents=True, exist_ok=True)
            (modules / name).touch()
        (modules / "list").write_text("\n".join(lines) + "\n" * ends)
        script = (
            "module_dir=$ROOT/lib/modules/6.1\n"
            'first_module_of_list "$module_dir/list" || R=\nprintf "%s\\n" "$R"'
        )
        [found] = call(shell, "facts/own-module.sh", script, folder)
        whole = f"{folder}{expected}" if expected.startswith("/") else f"{modules}/{expected}"
    assert found == (whole if expected else "")


# ---- SELinux's contexts ----

CONTEXT = st.from_regex(
    r"[a-z_]{1,9}:[a-z_]{1,9}:[a-z_]{1,9}(:s0(-s0:c0\.c1023)?)?", fullmatch=True
)


@few
@given(shell=SHELL, context=CONTEXT)
def test_a_context_takes_another_type_and_keeps_all_else(shell: str, context: str) -> None:
    words = context.split(":")
    words[2] = "modules_object_t"
    script = 'is_context "$1" || exit 1; with_type "$1" modules_object_t; printf \'%s\\n\' "$R"'
    assert call(shell, "reading/selinux.sh", script, "", context) == [":".join(words)]


# ---- denials, and what is loaded of others ----

AVC = 'audit: type=1400 audit({}.590:6): avc:  denied  {{ {} }} for  pid=7 comm="{}" tclass=x'
EXPLAIN = """SELINUX_MODE=enforcing MARK_TIME=1000
kernel_log_since_mark() { R=$log; }
log=$2
explain_refusal "$1"; printf '%s\\n' "$R"
"""


@pytest.mark.parametrize("shell", sorted(SHELLS))
@pytest.mark.parametrize(
    ("said", "log", "blamed"),
    [
        ("Permission denied", AVC.format(1000, "module_load", "insmod"), "{ module_load }"),
        ("Operation not permitted", AVC.format(1001, "sys_module", "insmod"), "{ sys_module }"),
        # Of an earlier load, or of something else: no word about this one.
        ("Permission denied", AVC.format(999, "module_load", "insmod"), ""),
        ("Permission denied", AVC.format(1000, "read", "sshd"), ""),
        ("Key was rejected by service", AVC.format(1000, "search", "insmod"), ""),
        ("Permission denied", "avc: denied { x } comm=\"insmod\"", ""),
    ],
)  # fmt: skip
def test_a_denial_is_blamed_only_for_the_load_that_it_denied(
    shell: str, said: str, log: str, blamed: str, tmp_path: Path
) -> None:
    (told,) = call(shell, "module/refusals.sh", EXPLAIN, tmp_path, said, f"before\n{log}\nafter")
    assert ("SELinux denies it" in told, blamed in told) == (bool(blamed), True), told


@pytest.mark.parametrize("shell", sorted(SHELLS))
@pytest.mark.parametrize("ours", ["ab", "cd"])
def test_the_one_that_is_to_come_is_no_other_and_all_else_keeps_its_name(
    shell: str, ours: str, tmp_path: Path
) -> None:
    (tmp_path / "sys/module/toa_v6").mkdir(parents=True)
    (tmp_path / "sys/module/toa_v6/initstate").write_text("live\n")
    script = """RUN=yes RUN_DIR= RUN_BUILD_ID=ab NEW_DIR=/new M_build_id=$1
gate_foreign; printf '%s\\n' "${R##*; }"
RUN_DIR=/ours
gate_foreign; printf '%s\\n' "${R##*; }"
"""
    others = "rmmod toa_v6, or give --replace-foreign"
    found = others if ours == "ab" else others.replace("toa_v6", "toa toa_v6")
    assert call(shell, "gates/foreign.sh", script, tmp_path, ours) == [found, others]
