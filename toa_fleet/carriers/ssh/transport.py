# SPDX-License-Identifier: GPL-2.0-only
"""paramiko's Transport, as many nodes at once need it."""

from __future__ import annotations

import logging
import socket
from typing import Any, Optional

import paramiko

# Without a handler of ours, Python prints paramiko's tracebacks to the user.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class NodeTransport(paramiko.Transport):
    """paramiko's Transport, honest about a key exchange that did not finish."""

    def start_client(self, event: Any = None, timeout: Optional[float] = None) -> None:
        """Negotiate.

        Raises:
            socket.timeout: the key exchange did not finish in time.
        """
        super().start_client(event, timeout)
        # It returns silently when its time is up.
        if not self.initial_kex_done:
            raise socket.timeout("key exchange")

    def prefer_host_keys(self, kinds: list[str]) -> None:
        """Ask first for key types that known_hosts has for this host."""
        options = self.get_security_options()
        names = [name for kind in kinds for name in _ALGORITHMS.get(kind, (kind,))]
        first = [name for name in names if name in options.key_types]
        options.key_types = first + [name for name in options.key_types if name not in first]


#: Host key algorithms by the type that known_hosts gives.
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


def look_less_often() -> None:
    """Have transports look at their state twice a second instead of ten times."""
    NodeTransport._active_check_timeout = 0.5  # type: ignore[attr-defined]
