# SPDX-License-Identifier: GPL-2.0-only
"""What a carrier is: a maker of sessions; a session runs requests on one node."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Optional

from toa_fleet import protocol
from toa_fleet.bundle import Request
from toa_fleet.carriers.no_answer import TAIL, explain
from toa_fleet.errors import BrokenAnswer
from toa_fleet.inventory import Host
from toa_fleet.node_program import name_places
from toa_fleet.text import one_line

#: How much of a command's standard error is kept (its end), in bytes.
KEPT_STDERR = 64 * 1024


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds, one for each phase in which a node can hang."""

    resolve: float = 15.0
    connect: float = 10.0
    banner: float = 10.0
    key_exchange: float = 15.0
    auth: float = 15.0
    channel: float = 10.0


@dataclass(frozen=True)
class Completed:
    """What a command left behind.

    Attributes:
        exit_status: None when the node never told it.
        stdout: at most :data:`toa_fleet.protocol.MAX_OUTPUT` bytes.
        stderr: its last :data:`KEPT_STDERR` bytes.
        sent_all: whether the node took all of standard input.
    """

    exit_status: Optional[int]
    stdout: bytes
    stderr: bytes
    sent_all: bool = True


class Session(ABC):
    """A connection to one node. Use it as a context manager:

        >>> with carrier.session(host) as session:
        ...     answer = session.ask(bundle.plain(program, "status"), limit=60)

    Only one thread uses a session; any thread may :meth:`close` it.
    """

    def __init__(self, host: Host, sudo: bool) -> None:
        self.host = host
        self.sudo = sudo
        #: When the phase under way must be over (``time.monotonic``), if any.
        self.deadline: Optional[float] = None
        #: Nobody waits for what comes of it any more.
        self.abandoned = False

    @abstractmethod
    def open(self) -> None:
        """Connect.

        Raises:
            NodeError: saying which step failed and what to do.
        """

    @abstractmethod
    def run(self, request: Request, limit: float) -> Completed:
        """Run a request's command with its payload on standard input.

        Parameters:
            limit: seconds that all of it may take.

        Raises:
            NodeError: it took longer, said too much, or the node is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Let the node go; also ends a command that runs. Harmless to repeat."""

    def ask(self, request: Request, limit: float) -> protocol.Answer:
        """Run a request and read its answer, a failure of toa-node included.

        A node that cannot unpack it is asked once more, with the same as it is.

        Raises:
            NodeError: there is no whole answer.
        """
        completed = self.run(request, limit)
        try:
            answer = protocol.parse(request.verb, completed.stdout, completed.exit_status)
        except BrokenAnswer as broken:
            said = name_places(request.program, one_line(completed.stderr[-TAIL:]))
            raise explain(broken, completed, said, self.sudo) from None
        if request.packed and answer.values.get("unpacked") == "wanted":
            return self.ask(request.unpacked(), limit)
        return answer

    def overdue(self, grace: float) -> bool:
        """Whether the phase under way is past its limit by ``grace`` seconds."""
        return self.deadline is not None and time.monotonic() > self.deadline + grace

    def command(self, request: Request) -> list[str]:
        """The words to execute, with sudo in front where it is wanted."""
        # By env, since an assignment in front is no syntax of csh; in C, since sudo
        # speaks the language of the account otherwise.
        through = ["env", "LC_ALL=C", "sudo", "-n"] if self.sudo else []
        return [*through, *request.argv]

    def __enter__(self) -> Session:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


class Carrier(ABC):
    """A way to reach nodes."""

    @abstractmethod
    def session(self, host: Host) -> Session:
        """A session, not yet open. Called in the main thread only.

        Raises:
            NodeError: the host's settings rule a connection out.
        """

    def close(self) -> None:  # noqa: B027 - nothing shared, nothing to close
        """Let everything go that sessions shared."""
