# SPDX-License-Identifier: GPL-2.0-only
"""
What a minion has of TOA, for targeting:

.. code-block:: bash

    salt -G 'toa:fingerprint:0123456789abcdef' test.ping
    salt -G 'toa:stale:True' grains.item toa kernelrelease

``fingerprint``
    Id of the system: minions with the same one can share an artifact.
    ``None`` where it is not known (toa-node is not on the minion yet).
``loaded``
    Whether a module named toa is in the kernel.
``persisted``
    Whether an artifact for the running kernel is installed and will be loaded
    at the next boot.
``artifact``
    Id of the artifact that is installed for the running kernel, or ``None``.
``stale``
    Whether what is there is not for now: only artifacts for other kernels are
    installed, or another toa is loaded than the installed one.

Grains are read at every start of a minion and before every state run of
``salt-call``, so all of this is a handful of small files. The fingerprint alone
takes a run of toa-node; it is kept in the minion's cache until the next boot.
"""

from __future__ import annotations

import glob
import importlib.util
import json
import logging
import os
import re
import subprocess
import sys
import typing

if typing.TYPE_CHECKING:
    # Salt's loader puts it here.
    __opts__: dict[str, typing.Any] = {}

log = logging.getLogger(__name__)

#: As for toa-node: another tree than the running system's.
_ROOT = os.environ.get("TOA_ROOT", "").rstrip("/")
_STORE = "/var/lib/toa"
_MODULE = "/sys/module/toa"
#: What makes a system call toa-node at boot, each on other systems.
_BOOT_PIECES = (
    "/etc/systemd/system/multi-user.target.wants/toa.service",
    "/etc/runlevels/boot/toa",
    "/etc/rcS.d/S[0-9][0-9]toa",
    "/etc/sysconfig/modules/toa.modules",
    "/etc/modprobe.d/toa-node.conf",
    f"{_STORE}/edited/start-script/path",
)
_SECONDS = 10


def toa() -> dict[str, typing.Any]:
    """
    The grain ``toa``.
    """
    if not sys.platform.startswith("linux"):
        return {}
    installed = _installed()
    current = installed.get(_kernel())
    is_loaded = os.path.exists(f"{_ROOT}{_MODULE}/initstate")
    is_another = is_loaded and current is not None and _running_build_id() != current["build_id"]
    return {
        "toa": {
            "fingerprint": _fingerprint(),
            "loaded": is_loaded,
            "persisted": current is not None and _is_called_at_boot(),
            "artifact": current and current["artifact"],
            "stale": is_another or (current is None and bool(installed)),
        }
    }


def _is_called_at_boot() -> bool:
    # Not os.path.exists: what a link of a tree means stands in that tree.
    return any(
        os.path.lexists(path) for piece in _BOOT_PIECES for path in glob.iglob(_ROOT + piece)
    )


def _kernel() -> tuple[str, str]:
    files = (f"{_ROOT}/proc/sys/kernel/{name}" for name in ("osrelease", "version"))
    release, version = (_read(path).strip() for path in files)
    return release, version


def _installed() -> dict[tuple[str, str], dict[str, str]]:
    """What is current in the store, by the kernel that it is for."""
    found = {}
    for path in glob.glob(f"{_ROOT}{_STORE}/*/current"):
        artifact = _read(path).strip()
        if not re.fullmatch("[0-9a-f]{16}", artifact):
            continue
        text = _read(f"{os.path.dirname(path)}/{artifact}/manifest")
        claims = dict(line.partition("=")[::2] for line in text.splitlines())
        kernel = claims.get("kernel_release", ""), claims.get("kernel_version", "")
        found[kernel] = {"artifact": artifact, "build_id": claims.get("build_id", "")}
    return found


def _running_build_id() -> str:
    # An ELF note: 12 bytes of sizes and type, "GNU\0", then the id.
    return _read_bytes(f"{_ROOT}{_MODULE}/notes/.note.gnu.build-id")[16:].hex()


# --- the fingerprint --------------------------------------------------------


def _fingerprint() -> str | None:
    program = _program()
    if not program:
        return None
    key = _cache_key(program)
    path = os.path.join(__opts__["cachedir"], "toa-fingerprint.json")
    try:
        kept = json.loads(_read(path))
    except ValueError:
        kept = None
    if isinstance(kept, dict) and kept.get("key") == key:
        return typing.cast("str | None", kept.get("fingerprint"))
    found = _ask(program)
    _write(path, json.dumps({"key": key, "fingerprint": found}).encode())
    return found


def _cache_key(program: str) -> list[str]:
    """All that can change the fingerprint, or the way it is found."""
    files = (program, "/etc/os-release", f"/lib/modules/{_kernel()[0]}/modules.dep")
    boot_id = _read("/proc/sys/kernel/random/boot_id").strip()
    return [boot_id, *_kernel(), *map(_stamp, files)]


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return path
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _program() -> str:
    """toa-node as execution modules left it, without asking a master."""
    for path in _program_candidates():
        if os.path.isfile(path):
            return path
    return ""


def _program_candidates() -> typing.Iterator[str]:
    configured = __opts__.get("toa")
    wanted = configured.get("node_program") if isinstance(configured, dict) else None
    if isinstance(wanted, str) and wanted.startswith("/"):
        yield wanted
    joined = os.path.join(__opts__["cachedir"], "toa-node")
    if not os.path.isfile(joined) and importlib.util.find_spec("toa_fleet"):
        _join_package(joined)
    yield joined
    yield f"{_ROOT}{_STORE}/toa-node"


def _join_package(path: str) -> None:
    from toa_fleet.errors import LocalError
    from toa_fleet.node_program import node_program

    try:
        _write(path, node_program())
    except LocalError as error:
        log.warning("no toa:fingerprint grain: %s", error)


def _ask(program: str) -> str | None:
    try:
        done = subprocess.run(
            ["/bin/sh", program, "fingerprint"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("no toa:fingerprint grain: %s", error)
        return None
    match = re.search(rb"^fingerprint=([0-9a-f]{16})\n(?:.*\n)*end=0\n\Z", done.stdout, re.M)
    if not match:
        log.warning("no toa:fingerprint grain: %s gave no whole answer", program)
        return None
    return match[1].decode()


def _write(path: str, data: bytes) -> None:
    """Whole or not at all: several minion processes may write at once."""
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        log.debug("cannot write %s: %s", path, error)


def _read(path: str) -> str:
    return _read_bytes(path).decode("utf-8", "replace")


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(65536)
    except OSError:
        return b""
