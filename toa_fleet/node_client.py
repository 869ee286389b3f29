# SPDX-License-Identifier: GPL-2.0-only
"""Asks nodes: the program to send, and how long each verb may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from toa_fleet.bundle import Request, plain
from toa_fleet.carriers.base import Session
from toa_fleet.facts import NodeFacts
from toa_fleet.node_program import limits
from toa_fleet.protocol import Answer


@dataclass(frozen=True)
class NodeClient:
    """Asks nodes, by way of a session each.

    Parameters:
        program: the text of toa-node.
        timeout: seconds for any verb; None takes each one's own.
    """

    program: bytes
    timeout: Optional[float] = None

    def ask(self, session: Session, request: Request) -> Answer:
        """The answer, be it a failure of toa-node's own."""
        return session.ask(request, self.limit(request.verb))

    def limit(self, verb: str) -> float:
        """Seconds that a verb may take."""
        return self.timeout or limits(self.program)[verb]

    def plain(self, session: Session, verb: str) -> Answer:
        """The answer to a verb that brings nothing along."""
        return self.ask(session, plain(self.program, verb))

    def facts(self, session: Session, verb: str = "status") -> NodeFacts:
        """A node's facts.

        Raises:
            NodeError: it cannot tell them.
        """
        answer = self.plain(session, verb)
        answer.raise_failure()
        return NodeFacts.of(answer)
