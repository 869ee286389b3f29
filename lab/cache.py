# SPDX-License-Identifier: GPL-2.0-only
"""Things that are made once and kept: whole, or not at all.

An entry is a directory named by its kind and the hash of its recipe. It is made
under another name while an flock is held, and renamed when it is complete, so
that neither two runs at once nor a killed run leave half of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

KEEP_DAYS = 14
REPLACED_DAYS = 2


def root() -> Path:
    """$TOA_LAB_CACHE, else toa-lab in the user's cache directory; made if missing."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(os.environ.get("TOA_LAB_CACHE") or Path(home) / "toa-lab")
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def digest(recipe: Any) -> str:
    """12 hex digits that stand for RECIPE (anything that json can write)."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Holds the cache's lock NAME; waits for another run that holds it."""
    folder = root() / "locks"
    folder.mkdir(exist_ok=True)
    with open(folder / name, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run: {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def entry(kind: str, recipe: Any, make: Callable[[Path], None]) -> Path:
    """The directory of KIND made by RECIPE; calls MAKE with an empty one if it is not there."""
    name = f"{kind}-{digest(recipe)}"
    path = root() / "entries" / name
    if _used(path):
        return path
    with lock(name):
        if _used(path):
            return path
        staging = root() / "staging" / name
        remove(staging)
        staging.mkdir(parents=True)
        started = time.monotonic()
        try:
            make(staging)
        except BaseException:
            remove(staging)
            raise
        path.parent.mkdir(exist_ok=True)
        staging.rename(path)
        say(f"made {kind} in {time.monotonic() - started:.1f} s")
    _forget_old(kind)
    return path


def forget_unfinished() -> None:
    """Removes what killed runs had begun to make."""
    folder = root() / "staging"
    for path in folder.iterdir() if folder.is_dir() else ():
        lock_file = root() / "locks" / path.name
        with open(lock_file, "w") as file, contextlib.suppress(BlockingIOError):  # in use
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)


def remove(path: Path) -> None:
    """Removes PATH and all below it; it need not exist."""
    shutil.rmtree(path, ignore_errors=True)


def _used(path: Path) -> bool:
    """Whether PATH is there; notes the time, so that it is kept."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _forget_old(kind: str) -> None:
    """Removes entries that nothing used for long, and sooner those that a new one replaces."""
    now = time.time()
    for path in [*(root() / "entries").iterdir(), *(root() / "apt" / "debs").glob("*.deb")]:
        days = REPLACED_DAYS if path.name.rpartition("-")[0] == kind else KEEP_DAYS
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < now - days * 86400:
                path.unlink() if path.is_file() else remove(path)
