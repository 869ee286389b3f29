# SPDX-License-Identifier: GPL-2.0-only
"""One thread that ends what takes too long.

paramiko has places that no time-out of its own reaches: the key exchange after
its first packet, a send on a blocked socket, the wait for an exit status. From
outside they end when their transport and socket are closed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Optional, Protocol

#: How often it looks, in seconds.
_TICK = 0.25


class Guarded(Protocol):
    """What a watchdog can watch."""

    def overdue(self, grace: float) -> bool:
        """Whether it is past its limit by ``grace`` seconds."""

    def abort(self) -> None:
        """Close everything, from any thread, so that what waits wakes up."""


class Watchdog:
    """Aborts sessions whose phase is past its limit."""

    def __init__(self) -> None:
        self._watched: set[Guarded] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    @contextmanager
    def watching(self, session: Guarded) -> Iterator[None]:
        """Watch a session for the length of a block."""
        with self._lock:
            self._watched.add(session)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="toa-fleet watchdog", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._watched.discard(session)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_TICK):
            with self._lock:
                late = [each for each in self._watched if each.overdue(0)]
            for each in late:
                each.abort()
