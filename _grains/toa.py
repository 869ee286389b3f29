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

All of it is what ``toa-node status`` says. Grains are read at every start of a
minion and before every state run of ``salt-call``, so the answer is kept in the
minion's cache until one of a handful of files changes.
"""

from __future__ import annotations

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
_SECONDS = 10

Answer = dict[str, str]


def toa() -> dict[str, typing.Any]:
    """
    The grain ``toa``.
    """
    if not sys.platform.startswith("linux"):
        return {}
    status = _status()
    installed = status.get("installed") or None
    is_loaded = os.path.exists(f"{_ROOT}{_MODULE}/initstate")
    is_another = status.get("loaded_build_id") != status.get("installed_build_id")
    return {
        "toa": {
            "fingerprint": status.get("fingerprint") or None,
            "loaded": is_loaded,
            "persisted": status.get("persistent") == "yes",
            "artifact": installed,
            "stale": is_loaded and is_another if installed else bool(status.get("artifacts")),
        }
    }


# --- what toa-node said, then or now ------------------------------------------


def _status() -> Answer:
    program = _program()
    if not program:
        return {}
    path = os.path.join(__opts__["cachedir"], "toa-grains.json")
    try:
        kept = json.loads(_read(path))
    except ValueError:
        kept = None
    if isinstance(kept, dict) and isinstance(kept.get("status"), dict):
        status = kept["status"]
        if kept.get("key") == _key(program, status):
            return typing.cast(Answer, status)
    status = _ask(program)
    _write(path, json.dumps({"key": _key(program, status), "status": status}).encode())
    return status


def _key(program: str, status: Answer) -> list[str]:
    """All that can change the answer. Whatever toa-node changes, it locks its store for,
    so the directory's time tells of it."""
    kernel = [_read(f"{_ROOT}/proc/sys/kernel/{name}").strip() for name in ("osrelease", "version")]
    files = [
        *(_STORE, _MODULE, f"{_MODULE}/notes/.note.gnu.build-id", "/etc/os-release"),
        f"/lib/modules/{kernel[0]}/modules.dep",
        *str(status.get("boot_pieces", "")).split(),
    ]
    boot_id = _read(f"{_ROOT}/proc/sys/kernel/random/boot_id").strip()
    return [boot_id, *kernel, _stamp(program), *(_stamp(_ROOT + file) for file in files)]


def _stamp(path: str) -> str:
    try:
        found = os.lstat(path)
    except OSError:
        return path
    return f"{path} {found.st_ino} {found.st_size} {found.st_mtime_ns}"


def _ask(program: str) -> Answer:
    try:
        done = subprocess.run(
            ["/bin/sh", program, "status", "--recorded"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("no toa grain: %s", error)
        return {}
    said = done.stdout.decode("utf-8", "replace")
    _, begin, answer = f"\n{said}".partition("\nbegin=status\n")
    status = dict(line.partition("=")[::2] for line in answer.split("\n"))
    is_whole = begin and answer.endswith("\nend=0\n")
    if not is_whole or not re.fullmatch("[0-9a-f]{16}", status.get("fingerprint", "")):
        log.warning("no toa grain: %s gave no whole answer", program)
        return {}
    return status


# --- the program ----------------------------------------------------------------


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
        log.warning("no toa grain: %s", error)


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
    try:
        with open(path, "rb") as file:
            return file.read(1024 * 1024).decode("utf-8", "replace")
    except OSError:
        return ""
