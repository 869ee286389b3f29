# SPDX-License-Identifier: GPL-2.0-only
"""Stand-ins that tests of several files here use."""

from __future__ import annotations

from toa_fleet.bundle import Request
from toa_fleet.carriers.base import Completed, Session
from toa_fleet.inventory import Host


class StandInSession(Session):
    """A session that connects to nothing."""

    closed = False

    def open(self) -> None:
        pass

    def run(self, request: Request, limit: float) -> Completed:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


def session(host: Host) -> StandInSession:
    """A session as a carrier would make it."""
    return StandInSession(host, False)
