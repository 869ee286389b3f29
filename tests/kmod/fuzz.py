# SPDX-License-Identifier: GPL-2.0-only
"""Fuzzing of what reads bytes from outside: the option, and the parameters' text.

    python tests/kmod/fuzz.py [--seconds 60] [option|trust|kinds]...

Needs clang. What is found is left in build/fuzz/, and the exit status is 1; put
it into corpus/TARGET/ under a name that says what it is when it is fixed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KMOD = ROOT / "kmod"
CORPUS = HERE / "corpus"

#: For each target: the sources it is made of beside its own file.
TARGETS: dict[str, Sequence[Path]] = {
    "option": [KMOD / "option.c"],
    "trust": [KMOD / "parameter_list.c"],
    "kinds": [KMOD / "option.c"],
}
#: Longer than any input that the kernel would hand over: options have 40 bytes at most.
LONGEST = {"option": 130, "trust": 3000, "kinds": 1200}

SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def command(target: str, folder: Path, compiler: Sequence[str], main: Sequence[Path]) -> list[str]:
    """The words that compile TARGET; writes the stand-ins for the kernel's headers first."""
    stubs = folder / "stubs"
    for source in KMOD.glob("*.[ch]"):
        for header in re.findall(r"^#\s*include <(.+)>", source.read_text(), re.MULTILINE):
            stub = stubs / header
            stub.parent.mkdir(parents=True, exist_ok=True)
            stub.touch()
    shim = ["-include", str(HERE / "kernel_shim.h")] if target != "option" else []
    return [
        *compiler,
        "-std=gnu11",
        "-g",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-Wno-unused-const-variable",
        "-Wno-unused-variable",
        "-Wno-unused-function",
        *SANITIZE,
        *shim,
        f"-I{KMOD}",
        # Behind the system's own: only what user space does not have is a stand-in.
        "-idirafter",
        str(stubs),
        "-o",
        str(folder / f"fuzz-{target}"),
        str(HERE / f"fuzz_{target}.c"),
        *map(str, main),
        *map(str, TARGETS[target]),
    ]


def build_replay(target: str, folder: Path) -> Path:
    """The program that gives files to TARGET, by the usual compiler."""
    words = command(target, folder, ["cc", "-Werror"], [HERE / "fuzz_replay.c"])
    subprocess.run(words, check=True)
    return folder / f"fuzz-{target}"


def build_fuzzer(target: str, folder: Path) -> Path:
    """The fuzzer of TARGET, by clang."""
    folder.mkdir(parents=True, exist_ok=True)
    words = command(target, folder, ["clang", "-fsanitize=fuzzer"], [])
    subprocess.run(words, check=True)
    return folder / f"fuzz-{target}"


def fuzz(target: str, folder: Path, seconds: int) -> bool:
    """Runs the fuzzer of TARGET on the corpus and what earlier runs found; whether it held."""
    program = build_fuzzer(target, folder)
    grown = folder / f"corpus-{target}"
    grown.mkdir(exist_ok=True)
    words = [
        str(program),
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST[target]}",
        f"-artifact_prefix={folder}/found-{target}-",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=1",
        "-reload=0",
        str(grown),
        str(CORPUS / target),
    ]
    log = folder / f"log-{target}"
    with open(log, "w") as stream:
        status = subprocess.run(words, stderr=stream, stdout=stream, check=False).returncode
    text = log.read_text(errors="replace")
    print(f"{target}: {summary(text)}", flush=True)
    if status:
        print(f"{target}: FOUND, see {log}", file=sys.stderr)
        print("\n".join(text.splitlines()[-40:]), file=sys.stderr)
    return status == 0


def summary(log: str) -> str:
    """Inputs, speed and coverage out of what libFuzzer says."""
    stats = dict(re.findall(r"stat::(\w+):\s+(\d+)", log))
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    edges, features, inputs = covered[-1] if covered else ("?", "?", "?")
    of = re.search(r"Loaded 1 modules\s+\((\d+) inline", log)
    return (
        f"{stats.get('number_of_executed_units', '?')} inputs, "
        f"{stats.get('average_exec_per_sec', '?')} a second, "
        f"{edges} of {of.group(1) if of else '?'} edges, {features} features, "
        f"{inputs} inputs kept"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz kmod's readers of bytes and text.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    options = parser.parse_args()
    wrong = set(options.targets) - set(TARGETS)
    if wrong:
        parser.error(f"no target {', '.join(sorted(wrong))}; there are {', '.join(TARGETS)}")
    if not shutil.which("clang"):
        print("fuzz.py: clang is not installed: apt-get install clang", file=sys.stderr)
        return 2
    held = [
        fuzz(target, ROOT / "build" / "fuzz", options.seconds)
        for target in options.targets or TARGETS
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
