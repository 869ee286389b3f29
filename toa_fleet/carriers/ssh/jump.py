# SPDX-License-Identifier: GPL-2.0-only
"""Jump hosts: one connection to each, for all nodes behind it."""

from __future__ import annotations

import threading
from typing import Optional

import paramiko

from toa_fleet.carriers.ssh.link import Link
from toa_fleet.errors import NodeError, Unreachable


class Jump:
    """A jump host: opened by the first that needs it, shared by all."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._lock = threading.Lock()
        self._opened = False
        self._error: Optional[NodeError] = None

    def channel_to(self, address: str, port: int) -> paramiko.Channel:
        """A connection onward from it.

        Raises:
            Unreachable: it cannot be reached itself, or it cannot reach that place.
        """
        with self._lock:
            if not self._opened and self._error is None:
                self._open()
        name = self._link.name
        if self._error is not None:
            error = self._error
            raise Unreachable(f"the jump host {name}: {error.detail}", error.hint, error.word)
        try:
            return self._link.open_channel_to(address, port)
        except NodeError as error:
            raise Unreachable(
                f"the jump host {name} cannot reach {address} port {port}: {error.detail}",
                error.hint,
                error.word,
            ) from error

    def close(self) -> None:
        """Let it go, and all that goes through it."""
        self._link.close()

    def _open(self) -> None:
        try:
            self._link.open()
            self._opened = True
        except NodeError as error:
            self._error = error
