# SPDX-License-Identifier: GPL-2.0-only
"""One booted machine for each kernel of the lab, with toa.ko, selftest and traffic in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import fuzz
import pytest

import lab

ROOT = Path(__file__).resolve().parents[2]
KMOD = ROOT / "kmod"
KERNELS = ["bullseye", "bookworm-previous", "bookworm", "trixie", "trixie-backports"]

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
    subprocess.run(
        [
            "cc",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-static",
            f"-I{KMOD / 'selftest'}",
            "-o",
            str(program),
            str(Path(__file__).parent / "traffic.c"),
            str(KMOD / "selftest" / "wire.c"),
        ],
        check=True,
    )
    return program


@pytest.fixture(scope="module", params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> lab.Kernel:
    missing = lab.available()
    if missing:
        pytest.skip(missing)
    known = lab.kernels()
    if request.param not in known:
        pytest.skip(f"Debian's indexes offer no kernel of the line {request.param}")
    return known[request.param]


@pytest.fixture(scope="module")
def build(kernel: lab.Kernel) -> lab.Build:
    return lab.build_module(KMOD, kernel, make_args=["W=1", "LDFLAGS=-static"])


@pytest.fixture(scope="module")
def booted(kernel: lab.Kernel, build: lab.Build, traffic: Path) -> Iterator[lab.TinyMachine]:
    files = {
        "/root/toa.ko": build.module,
        "/bin/toa-selftest": build.selftest,
        "/bin/traffic": traffic,
        **{f"/root/corpus/{target}/{file.name}": file for target, file in parameter_texts()},
    }
    # Without slab_nomerge the kernel does not notice entries that are left at rmmod.
    with lab.TinyMachine(kernel, files=files, cpus=2, append="slab_nomerge") as machine:
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
