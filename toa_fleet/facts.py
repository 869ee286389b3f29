# SPDX-License-Identifier: GPL-2.0-only
"""What a node said of itself: the answer to ``status``, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toa_fleet.errors import BrokenAnswer
from toa_fleet.fingerprint import Fingerprint
from toa_fleet.protocol import Answer, closed_gates


@dataclass(frozen=True)
class NodeFacts:
    """A node's fingerprint, gates, and the state of toa on it.

    Attributes:
        fingerprint: the hard fields of the running kernel.
        gates: state by gate name: ``open``, ``closed: …`` or ``unknown: …``.
        values: every key of the answer, as text.
    """

    fingerprint: Fingerprint
    gates: Mapping[str, str]
    values: Mapping[str, str]

    @classmethod
    def of(cls, answer: Answer) -> NodeFacts:
        """Take the facts out of an answer to ``status`` or ``fingerprint``.

        Raises:
            BrokenAnswer: a hard field is missing, or the node's own
                ``fingerprint`` is not the one of its fields.
        """
        fingerprint = Fingerprint.of(answer.values)
        missing = fingerprint.missing()
        if missing:
            raise BrokenAnswer(
                f"the node did not tell its {', '.join(missing)}",
                "run `sh toa-node fingerprint` on the node and see which command is missing",
            )
        told = answer.values.get("fingerprint", "")
        if told != fingerprint.id:
            raise BrokenAnswer(
                f"the node's fields have the fingerprint {fingerprint.id}, it says {told[:40]}",
                "its sha256sum, or the connection, is broken; look at the node",
            )
        return cls(fingerprint, answer.with_prefix("gate."), answer.values)

    def get(self, key: str) -> str:
        """The value of a key; empty when the node did not give it."""
        return self.values.get(key, "")

    @property
    def loaded(self) -> bool:
        """Whether a module named toa is in the kernel."""
        return self.get("loaded") == "yes"

    @property
    def foreign(self) -> bool:
        """Whether a toa is loaded that is none of the artifacts stored there."""
        return self.loaded and not self.get("loaded_artifact")

    @property
    def persistent(self) -> bool:
        """Whether toa will be loaded at the next boot of this kernel."""
        return self.get("persistent") == "yes"

    @property
    def installed(self) -> str:
        """Artifact id that is current for the running kernel; empty: none."""
        return self.get("installed")

    @property
    def signature_gates(self) -> frozenset[str]:
        """Gates that are closed to unsigned modules alone. A node tells of them before
        it has seen the module; whether it trusts a signer shows when it loads."""
        return frozenset(self.get("signature_gates").split())

    def closed_gates(self, ignore: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
        """(name, reason) of each closed gate, but those named in ``ignore``."""
        return [gate for gate in closed_gates(self.gates) if gate[0] not in ignore]
