# SPDX-License-Identifier: GPL-2.0-only
"""The fingerprint: what makes two systems "the same" for a kernel module.

Pure values: nothing here does I/O. The fields, their order and the rule by
which two sides match are those of docs/node-protocol.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Optional

#: Hard fields that not every system lets us read.
MAY_BE_EMPTY = frozenset({"kernel_build_id", "vermagic", "module_layout"})

#: Length of a fingerprint id and of an artifact id, in hex digits.
ID_LENGTH = 16


@dataclass(frozen=True)
class Difference:
    """One field in which an artifact and a node (or its own claims) differ."""

    field: str
    artifact: str
    node: str

    def __str__(self) -> str:
        return f"{self.field}: artifact {self.artifact or '(empty)'}, node {self.node or '(empty)'}"


@dataclass(frozen=True)
class Fingerprint:
    """The hard fields of one system, in the order in which the id hashes them.

    An empty string is "not known".
    """

    arch: str
    page_size: str
    kernel_release: str
    kernel_version: str
    kernel_build_id: str
    os_id: str
    os_version_id: str
    vermagic: str
    module_layout: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Fingerprint:
        """Take the hard fields out of ``values``; a missing one is empty."""
        return cls(**{field: values.get(field, "") for field in HARD_FIELDS})

    @property
    def id(self) -> str:
        """The first 16 hex digits of the SHA-256 of their lines."""
        lines = "".join(f"{field}={value}\n" for field, value in self.items())
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()[:ID_LENGTH]

    def items(self) -> list[tuple[str, str]]:
        """The (field, value) pairs in order."""
        return [(field, getattr(self, field)) for field in HARD_FIELDS]

    def missing(self) -> list[str]:
        """Fields that must not be empty and are."""
        return [field for field, value in self.items() if not value and field not in MAY_BE_EMPTY]

    def compare(self, node: Fingerprint) -> list[Difference]:
        """Return how a node differs from this fingerprint of an artifact.

        The empty list means that both match: every field that must be there
        is there on both sides and equal; every other one is equal, or empty
        on one side.
        """
        found = (_difference(field, value, getattr(node, field)) for field, value in self.items())
        return [difference for difference in found if difference]


#: Their names, in that order.
HARD_FIELDS = tuple(field.name for field in fields(Fingerprint))


def _difference(field: str, artifact: str, node: str) -> Optional[Difference]:
    if field in MAY_BE_EMPTY and not (artifact and node):
        return None
    if artifact == node and artifact:
        return None
    return Difference(field, artifact, node)
