# SPDX-License-Identifier: GPL-2.0-only
"""What a running lab leaves on disk, and how it is cleaned up after a kill.

Each lab has a directory below the cache's `run`, with a lock that its program
holds while it lives. Whoever can take the lock knows that the program is gone.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import IO

from . import cache

_held: dict[Path, IO[str]] = {}
_guard = threading.Lock()


def make(prefix: str) -> Path:
    """A new private directory for one lab or machine; `drop` removes it."""
    sweep()
    _SIGNALS.catch()
    folder = _folder()
    with cache.lock("run"):
        path = Path(tempfile.mkdtemp(prefix=f"{prefix}.", dir=folder))
        owner = open(path / "owner", "w")  # noqa: SIM115 - held until `drop`
        fcntl.flock(owner, fcntl.LOCK_EX)
        owner.write(f"{os.getpid()}\n")
        owner.flush()
    with _guard:
        _held[path] = owner
    return path


def drop(path: Path) -> None:
    """Removes what `make` returned; once is enough, twice does no harm."""
    with _guard:
        owner = _held.pop(path, None)
    cache.remove(path)
    if owner is not None:
        owner.close()
    if not _held:
        _SIGNALS.release()


def sweep() -> int:
    """Removes the directories of programs that are gone; returns how many.

    Their machines ended with them: the kernel saw to that.
    """
    count = 0
    with cache.lock("run"):
        for path in _folder().iterdir():
            if path not in _held and _is_orphan(path):
                cache.remove(path)
                count += 1
    cache.forget_unfinished()
    return count


def owners() -> list[int]:
    """The process ids of the programs that hold a lab now."""
    found = []
    for path in _folder().iterdir():
        with contextlib.suppress(OSError, ValueError):
            if not _is_orphan(path):
                found.append(int((path / "owner").read_text()))
    return sorted(set(found))


class _Signals:
    """Lets SIGTERM and SIGHUP unwind the program as Ctrl-C does, so that it cleans up.

    Only while something is held, only where nobody else handles them, and only
    from the main thread: Python catches signals nowhere else.
    """

    def __init__(self) -> None:
        self._ours: list[signal.Signals] = []

    def catch(self) -> None:
        """Handles the signals from now on."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, self._stop)
                    self._ours.append(number)

    def release(self) -> None:
        """Gives them back."""
        if threading.current_thread() is threading.main_thread():
            while self._ours:
                signal.signal(self._ours.pop(), signal.SIG_DFL)

    def _stop(self, number: int, _frame: object) -> None:
        raise SystemExit(128 + number)


_SIGNALS = _Signals()


def _folder() -> Path:
    folder = cache.root() / "run"
    folder.mkdir(exist_ok=True)
    return folder


def _is_orphan(path: Path) -> bool:
    try:
        with open(path / "owner") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


@atexit.register
def _drop_all() -> None:
    for path in list(_held):
        drop(path)
