# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong, by who has to do something about it.

Each error carries three things for the person who reads it: ``word`` (the
class, stable, for scripts), ``detail`` (what failed, with the node's own
words) and ``hint`` (what to do next). Nothing here formats or prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toa_fleet.fingerprint import Difference

#: Exit statuses of the command ``toa-fleet``, each with its meaning.
EXIT_OK = 0
EXIT_LOCAL = 1
EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_FAILED = 4
EXIT_INTERRUPTED = 130

#: How one node can end up, as it stands in ``outcome`` of a report.
REFUSED = "refused"
FAILED = "failed"
HELD = "held"


class ToaError(Exception):
    """Any failure that this program foresees.

    Parameters:
        detail: what failed, one sentence, untrusted parts already printable.
        hint: what to do next; may be empty.
        word: the class word; each subclass has its own default.

    ``exit_status`` is what the command ends with when the error stops it as a
    whole; an error that concerns one node is put into that node's report.
    """

    word = "error"
    exit_status = EXIT_LOCAL

    def __init__(self, detail: str, hint: str = "", word: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        if word:
            self.word = word


class LocalError(ToaError):
    """This machine: the store, the journal, a missing source tree."""

    word = "local"


class UsageError(ToaError):
    """Wrong arguments, inventory, roster or ssh_config."""

    word = "usage"
    exit_status = EXIT_USAGE


class ArtifactRefused(ToaError):
    """An artifact contradicts itself: truncated, edited, or of another kernel."""

    word = "artifact"
    exit_status = EXIT_REFUSED


class NodeError(ToaError):
    """One node could not be served; the others go on.

    ``outcome`` says whether we refused it (:data:`REFUSED`), held it back
    (:data:`HELD`) or it failed (:data:`FAILED`).
    """

    exit_status = EXIT_FAILED
    outcome = FAILED


class Unreachable(NodeError):
    """No connection. ``word`` tells which kind: ``resolve``, ``connect``,
    ``timeout``, ``host-key``, ``auth``, ``hung-up`` or ``ssh``."""

    word = "connect"


class NoShell(NodeError):
    """Connected, but the node program could not be started.
    ``word``: ``sudo`` or ``shell``."""

    word = "shell"


class BrokenAnswer(NodeError):
    """The node's answer breaks the protocol; it is never taken for success."""

    word = "answer"


class NoAnswer(BrokenAnswer):
    """The node program never began to speak: all that came is somebody else's."""


class NodeFailed(NodeError):
    """toa-node ended with a failure of its own; ``word`` is its class word."""

    word = "node"


class NodeHeld(NodeError):
    """Nothing was done to the node, because others failed."""

    word = "held"
    outcome = HELD


class NodeRefused(NodeError):
    """The artifact is not for this node, or the node cannot load modules now.

    Parameters:
        differences: for ``word`` ``mismatch``, each field with both values.
        gates: for ``word`` ``gate``, name and reason of each closed gate.
    """

    word = "mismatch"
    exit_status = EXIT_REFUSED
    outcome = REFUSED

    def __init__(
        self,
        detail: str,
        hint: str = "",
        word: str = "",
        differences: Sequence[Difference] = (),
        gates: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail, hint, word)
        self.differences = tuple(differences)
        self.gates = tuple(gates)
