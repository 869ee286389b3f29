# SPDX-License-Identifier: GPL-2.0-only
"""A stand-in for toa-node, for what must never happen on the host of the tests.

    python stand_in_node.py TREE PROGRAM VERB [ARGS]

Works on the tree TREE instead of this machine. What the real program can do on
a tree (fingerprint, status, build, install, remove) the real program does, with
all its checks. The kernel is played: loading a module is writing the files of
/sys/module/toa, and ``TREE/proof-fails`` or ``TREE/kernel-refuses`` make it go
wrong.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TREE = Path(sys.argv[1])
PROGRAM = sys.argv[2]
VERB = sys.argv[3]
ARGUMENTS = sys.argv[4:]
MODULE = TREE / "sys/module/toa"


def real(verb: str, *arguments: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        ["/bin/sh", PROGRAM, verb, *arguments],
        env={**os.environ, "TOA_ROOT": str(TREE), "PATH": f"{TREE}/bin:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def finish(lines: list[str], status: int) -> None:
    body = [line for line in lines if not line.startswith(("begin=", "end="))]
    print("\n".join([f"begin={VERB}", *body, f"end={status}"]))
    sys.exit(status)


def fail(word: str, status: int, detail: str) -> None:
    finish([f"error={word}", f"detail={detail}", "hint=this is a stand-in"], status)


def pairs(lines: list[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines)


def running() -> str:
    note = MODULE / "notes/.note.gnu.build-id"
    return note.read_bytes()[16:].hex() if note.exists() else ""


def put_in_kernel(build_id: str) -> None:
    data = bytes.fromhex(build_id)
    header = len(b"GNU\0").to_bytes(4, sys.byteorder) + len(data).to_bytes(4, sys.byteorder)
    (MODULE / "notes").mkdir(parents=True, exist_ok=True)
    (MODULE / "parameters").mkdir(exist_ok=True)
    (MODULE / "initstate").write_text("live\n")
    (MODULE / "srcversion").write_text("0123456789ABCDEF0123456\n")
    (MODULE / "parameters/hooks").write_text("armed\n")
    (MODULE / "notes/.note.gnu.build-id").write_bytes(
        header + (3).to_bytes(4, sys.byteorder) + b"GNU\0" + data
    )


DEFAULTS = {"kinds": "254", "trusted": "", "max_connections": "1048576"}


def option(name: str) -> dict[str, str]:
    """A list of parameters among the arguments."""
    if name not in ARGUMENTS:
        return {}
    words = ARGUMENTS[ARGUMENTS.index(name) + 1].split()
    return dict(word.split("=", 1) for word in words if word != "none")


def set_parameters(values: dict[str, str], is_loading: bool) -> str:
    """As the module would; those that wait for a load."""
    (MODULE / "parameters").mkdir(parents=True, exist_ok=True)
    waiting = []
    for name, value in values.items():
        path = MODULE / "parameters" / name
        if is_loading or name != "max_connections":
            path.write_text(f"{value}\n")
        elif path.read_text() != f"{value}\n":
            waiting.append(f"{name}={path.read_text().strip()}")
    return " ".join(waiting)


def asked_for() -> dict[str, str]:
    """What modprobe.d says."""
    return pairs(pairs(real("status")[1])["options"].split())


def take_from_kernel() -> None:
    for path in sorted(MODULE.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if MODULE.exists():
        MODULE.rmdir()


PROOF = [
    "proof.build_id=yes",
    "proof.dmesg=unknown",
    "proof.hooks=yes",
    "selftest.ipv4=pass",
    "selftest.ipv6=skipped: this node has no IPv6",
    "proof.selftest=yes",
]


def go_wrong() -> None:
    if (TREE / "kernel-refuses").exists():
        fail("load", 6, "the kernel refused toa.ko: insmod: Invalid module format")
    if (TREE / "proof-fails").exists():
        fail("proof", 7, "the proof failed: toa-selftest failed; rolled back: as before")


def deploy() -> None:
    with (TREE.parent / "deploys").open("a") as log:
        log.write("once\n")
    before = running()
    places = [f"{TREE}{word}" if word.startswith("/var/lib/toa/") else word for word in ARGUMENTS]
    kept = [word for word in places if word in {"--from", "--no-persist"} or word.startswith("/")]
    if "--parameters" in ARGUMENTS:
        kept += ["--parameters", ARGUMENTS[ARGUMENTS.index("--parameters") + 1]]
    # The real checks of the artifact come first, then the kernel.
    claims = Path(places[places.index("--from") + 1]) / "manifest"
    if claims.exists():
        go_wrong()
    status, lines = real("install", *kept)
    if status:
        finish(lines, status)
    said = pairs([line for line in lines if not line.startswith("changed=")])
    is_loading = before != said["build_id"] or "--reload" in ARGUMENTS
    put_in_kernel(said["build_id"])
    if is_loading:
        set_parameters({**DEFAULTS, **asked_for()}, True)
    waiting = set_parameters({**option("--reset"), **option("--parameters")}, is_loading)
    changed = "no" if before == said["build_id"] and "changed=no" in lines else "yes"
    finish(
        [
            *PROOF,
            *(f"{key}={value}" for key, value in said.items()),
            *([f"reload=due: running with {waiting}"] if waiting else []),
            f"changed={changed}",
        ],
        0,
    )


def load() -> None:
    known = pairs(real("status")[1])
    if not known["installed"]:
        fail("not-installed", 8, "there is nothing to load: no artifact is installed")
    go_wrong()
    changed = "no" if running() == known["installed_build_id"] else "yes"
    put_in_kernel(known["installed_build_id"])
    finish([f"artifact={known['installed']}", f"changed={changed}"], 0)


def verify() -> None:
    known = pairs(real("status")[1])
    if not known["installed"]:
        fail("not-installed", 8, "there is nothing to verify: no artifact is installed")
    if running() != known["installed_build_id"]:
        fail("proof", 7, "the proof failed: toa is not loaded")
    finish(PROOF, 0)


def unload() -> None:
    was = running()
    take_from_kernel()
    finish([f"previous_build_id={was}", f"changed={'yes' if was else 'no'}"], 0)


def remove() -> None:
    was = running()
    take_from_kernel()
    status, lines = real("remove")
    finish([f"previous_build_id={was}", *lines], status)


def anything_else() -> None:
    code, lines = real(VERB, *ARGUMENTS)
    finish(lines, code)


{
    "deploy": deploy,
    "load": load,
    "verify": verify,
    "unload": unload,
    "remove": remove,
}.get(VERB, anything_else)()
