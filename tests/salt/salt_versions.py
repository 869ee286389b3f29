# SPDX-License-Identifier: GPL-2.0-only
"""Real Salts for the tests, each in a virtual environment of its own.

Made once under ``${XDG_CACHE_HOME:-~/.cache}/toa-salt/<version>/`` and then
only used. All tests run with the first version, those marked ``every_salt`` with
the others, too; ``TOA_SALT_VERSIONS=3006,3008`` runs all of them with each that it
names. ``TOA_SALT_3006=/path/to/bin/python`` uses one that is there already.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path


class NoSalt(Exception):
    """Salt cannot be had here; says why."""


#: What is named in the environment; else all that are supported.
NAMED = os.environ.get("TOA_SALT_VERSIONS", "").replace(",", " ").split()
SUPPORTED = ["3006", "3008"]


def versions() -> list[str]:
    return NAMED or SUPPORTED


def is_left_out(version: str, is_for_every_salt: bool) -> bool:
    """Whether a test need not run with this version, too."""
    return not NAMED and version in SUPPORTED[1:] and not is_for_every_salt


def python_of(version: str) -> Path:
    """The interpreter of the environment that has this Salt."""
    given = os.environ.get(f"TOA_SALT_{version}")
    if given:
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "toa-salt"
    directory = cache / version
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_ready(directory):
            _make(directory, version)
    return directory / "bin" / "python"


def _marker(directory: Path) -> Path:
    return directory / "ready-for-toa"


def _is_ready(directory: Path) -> bool:
    """Made whole, and still running: an upgraded Python leaves it broken."""
    if not _marker(directory).is_file():
        return False
    check = [str(directory / "bin" / "python"), "-c", "import salt.version"]
    try:
        return subprocess.run(check, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make(directory: Path, version: str) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    print(f"\ninstalling Salt {version} into {directory} (once)", file=sys.stderr, flush=True)
    _run([sys.executable, "-m", "venv", str(directory)])
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    _run([*pip, "setuptools<75", "wheel"])
    _run([*pip, f"salt=={version}.*"])
    _marker(directory).touch()


def _run(argv: list[str]) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSalt(f"{argv[0]}: {error}") from error
    if done.returncode:
        raise NoSalt(f"`{' '.join(argv)}` failed: {done.stderr.strip()[-600:]}")
