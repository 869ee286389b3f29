# SPDX-License-Identifier: GPL-2.0-only
"""One booted machine for each kernel of the lab, with toa.ko, selftest and traffic in it."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Union

import fuzz
import pytest

import lab

ROOT = Path(__file__).resolve().parents[2]
KMOD = ROOT / "kmod"
OFFERED = [
    "bullseye", "bookworm-previous", "bookworm", "trixie",
    "trixie-backports-before", "trixie-backports",
]  # fmt: skip
# Others are asked for with colons between them: the lab's names, "debug" among them, and
# directories with vmlinuz and toa.ko, of kernels that Debian has not (docs/kernels.md).
ASKED = [name for name in os.environ.get("TOA_TEST_KERNELS", "").split(":") if name]
KERNELS: list[Union[str, Path]] = [
    name if name in (*OFFERED, lab.debug.NAME) else Path(name) for name in ASKED or OFFERED
]
# What make is told beside W=1; UBSAN_SANITIZE has that checker look at the module alone.
MAKE_ARGS = {lab.debug.NAME: ["UBSAN_SANITIZE=y"]}

# How a kernel begins to say that something is wrong with it.
TROUBLE = ("BUG", "WARNING:", "Call Trace", "general protection", "Oops", "UBSAN", "ODEBUG")


def parameter_texts() -> list[tuple[str, Path]]:
    """The fuzzers' corpora of texts for parameters, with the parameter's name."""
    targets = ("kinds", "trust")
    return [(name, file) for name in targets for file in sorted((fuzz.CORPUS / name).iterdir())]


@pytest.fixture(scope="session")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of traffic.c, static: it runs in any machine."""
    program = tmp_path_factory.mktemp("traffic") / "traffic"
    compile_program(program, Path(__file__).parent / "traffic.c")
    return program


@pytest.fixture(scope="session")
def replays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The fuzz targets of parameters, as programs that show what a text does."""
    return {
        target: fuzz.build_replay(target, tmp_path_factory.mktemp(target))
        for target in ("kinds", "trust")
    }


def compile_program(program: Path, source: Path) -> None:
    """Compiles SOURCE, which plays a load balancer with wire.c, into PROGRAM.

    CC is asked for where this machine's C library is too new for a kernel.
    """
    wire = KMOD / "selftest" / "wire.c"
    compiler = shlex.split(os.environ.get("CC", "cc"))
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread", f"-I{wire.parent}"]
    subprocess.run([*compiler, *flags, "-o", program, source, wire], check=True)


@pytest.fixture(scope="module", params=KERNELS, ids=lambda kernel: Path(kernel).name)
def kernel(request: pytest.FixtureRequest) -> lab.Kernel:
    missing = lab.available()
    if missing:
        pytest.skip(missing)
    if isinstance(request.param, Path):
        return lab.given(request.param)
    if request.param == lab.debug.NAME:
        return lab.debug.debug_kernel()
    known = lab.kernels()
    if request.param not in known:
        pytest.skip(f"Debian's indexes offer no kernel of the line {request.param}")
    return known[request.param]


@pytest.fixture(scope="module")
def build(kernel: lab.Kernel, tmp_path_factory: pytest.TempPathFactory) -> lab.Build:
    if isinstance(kernel, lab.GivenKernel):
        return as_given(kernel, tmp_path_factory.mktemp("given"))
    words = ["W=1", "LDFLAGS=-static", *MAKE_ARGS.get(kernel.name, [])]
    return lab.build_module(KMOD, kernel, make_args=words)


def as_given(kernel: lab.GivenKernel, folder: Path) -> lab.Build:
    """The toa.ko beside KERNEL, what make said of it (build.log), and a static selftest."""
    (folder / "toa.ko").symlink_to(kernel.module)
    (folder / "selftest").mkdir()
    compile_program(folder / "selftest" / "toa-selftest", KMOD / "selftest" / "toa-selftest.c")
    log = kernel.folder / "build.log"
    return lab.Build(folder, log.read_text() if log.exists() else "")


@pytest.fixture(scope="module")
def neighbours(kernel: lab.Kernel) -> dict[str, Path]:
    """Modules to load beside toa.ko: names in the machine, and the files."""
    if isinstance(kernel, lab.GivenKernel):
        return {}
    here = Path(__file__).parent
    beside = lab.build_module(here / "neighbours", kernel).path.glob("*.ko")
    another = lab.build_module(here / "another", kernel).path / "vtoa.ko"
    return {f"/root/{ko.name}": ko for ko in [*beside, another]}


@pytest.fixture(scope="module")
def booted(
    kernel: lab.Kernel, build: lab.Build, traffic: Path, neighbours: dict[str, Path]
) -> Iterator[lab.TinyMachine]:
    files = {
        **neighbours,
        "/root/toa.ko": build.module,
        "/bin/toa-selftest": build.selftest,
        "/bin/traffic": traffic,
        **{f"/root/corpus/{target}/{file.name}": file for target, file in parameter_texts()},
    }
    is_debug = kernel.name == lab.debug.NAME
    with lab.TinyMachine(
        kernel,
        files=files,
        modules=["smc"],
        cpus=2,
        memory=lab.debug.MEMORY if is_debug else 256,
        # Without slab_nomerge the kernel does not notice entries that are left at rmmod.
        append=f"slab_nomerge {lab.debug.APPEND if is_debug else ''}",
    ) as machine:
        machine.check("chmod +x /bin/toa-selftest /bin/traffic")
        yield machine


@pytest.fixture
def machine(booted: lab.TinyMachine) -> Iterator[lab.TinyMachine]:
    """The machine with toa loaded as its users load it; afterwards its log must be clean."""
    booted.check("dmesg -c >/dev/null; insmod /root/toa.ko")
    yield booted
    booted.run("rmmod toa")
    log = booted.check("dmesg")
    for trouble in TROUBLE:
        assert trouble not in log, log
