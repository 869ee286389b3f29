# SPDX-License-Identifier: GPL-2.0-only
"""Read the answers of toa-node (docs/node-protocol.md).

Everything that comes from a node is untrusted text: it is bounded here, its
control characters are escaped here, and nothing past this module sees the raw
bytes. An answer that breaks the protocol in any way is no answer.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

from toa_fleet.errors import BrokenAnswer, NoAnswer, NodeError, NodeFailed, NodeRefused
from toa_fleet.fingerprint import Difference
from toa_fleet.text import one_line, printable

#: Largest standard output of one verb, in bytes.
MAX_OUTPUT = 24 * 1024 * 1024
#: Longest value in bytes; of ``base64.*`` keys, in base64 digits.
MAX_VALUE = 4096
MAX_BLOB = 16 * 1024 * 1024
#: Most keys in one answer.
MAX_KEYS = 4096

#: Class word by exit status of toa-node.
CLASSES = {
    0: "done",
    2: "usage",
    3: "mismatch",
    4: "gate",
    5: "build",
    6: "load",
    7: "proof",
    8: "not-installed",
    9: "node",
}
_REFUSALS = {3, 4}
_KEY = re.compile(rb"[a-z][a-z0-9_.-]*\Z")
_BLOB = "base64."
_AGAIN = "try again; if it stays so, run `sh toa-node status` on the node itself"


@dataclass(frozen=True)
class Answer:
    """A whole answer: the verb, its exit status, and its keys in order.

    Values are printable text; those of ``base64.*`` keys are kept apart in
    ``blobs``, still encoded, under the name after the dot.
    """

    verb: str
    status: int
    values: Mapping[str, str]
    blobs: Mapping[str, str]

    @property
    def changed(self) -> bool:
        """Whether the verb changed the node."""
        return self.values.get("changed") == "yes"

    def blob(self, name: str) -> bytes:
        """Decode ``base64.NAME``.

        Raises:
            BrokenAnswer: it is not there or not base64.
        """
        if name not in self.blobs:
            raise BrokenAnswer(f"the answer to {self.verb} lacks base64.{name}", _AGAIN)
        try:
            return base64.b64decode(self.blobs[name], validate=True)
        except (binascii.Error, ValueError):
            raise BrokenAnswer(f"base64.{name} of the answer is not base64", _AGAIN) from None

    def with_prefix(self, prefix: str) -> dict[str, str]:
        """The values whose keys start with ``prefix``, without it."""
        return {
            key[len(prefix) :]: value
            for key, value in self.values.items()
            if key.startswith(prefix)
        }

    def raise_failure(self) -> None:
        """Turn a failure that toa-node reported into an exception.

        Raises:
            NodeRefused: mismatch or closed gate.
            NodeFailed: any other class.
        """
        error = self.failure()
        if error:
            raise error

    def failure(self) -> Optional[NodeError]:
        """The failure that toa-node reported, or None when it is done."""
        if self.status == 0:
            return None
        word = CLASSES[self.status]
        detail = one_line(self.values.get("detail", "")) or f"{self.verb} failed without a word"
        hint = one_line(self.values.get("hint", ""))
        if self.status in _REFUSALS:
            return NodeRefused(detail, hint, word, self._differences(), self._closed_gates())
        return NodeFailed(detail, hint, word)

    def _differences(self) -> list[Difference]:
        sides = self.with_prefix("mismatch.")
        fields = [key[: -len(".artifact")] for key in sides if key.endswith(".artifact")]
        return [
            Difference(field, sides[f"{field}.artifact"], sides.get(f"{field}.node", ""))
            for field in fields
        ]

    def _closed_gates(self) -> list[tuple[str, str]]:
        return closed_gates(self.with_prefix("gate."))


def closed_gates(gates: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, reason) of each gate that is closed."""
    states = ((name, state.partition(":")) for name, state in gates.items())
    return [(name, reason.strip()) for name, (word, _, reason) in states if word == "closed"]


def parse(verb: str, output: bytes, exit_status: Optional[int]) -> Answer:
    """Read an answer.

    Parameters:
        verb: what was asked; the answer must begin with it.
        output: all of standard output, at most :data:`MAX_OUTPUT` bytes.
        exit_status: of the command; None when the connection gave none.

    Raises:
        NoAnswer: toa-node never began.
        BrokenAnswer: the answer is not whole, not consistent or not bounded.
    """
    if len(output) > MAX_OUTPUT:
        raise BrokenAnswer(f"the answer is longer than {MAX_OUTPUT} bytes", _AGAIN)
    lines = _body(verb, output)
    values: dict[str, str] = {}
    blobs: dict[str, str] = {}
    for line in lines:
        key, value = _pair(line)
        if key in values or (key[len(_BLOB) :] in blobs and key.startswith(_BLOB)):
            raise BrokenAnswer(f"the answer gives {one_line(key, 60)} twice", _AGAIN)
        if key.startswith(_BLOB):
            blobs[key[len(_BLOB) :]] = value
        else:
            values[key] = value
        if len(values) + len(blobs) > MAX_KEYS:
            raise BrokenAnswer(f"the answer has more than {MAX_KEYS} keys", _AGAIN)
    status = _status(values.pop("end", None), exit_status, verb)
    return Answer(verb, status, values, blobs)


def _body(verb: str, output: bytes) -> list[bytes]:
    """The lines after ``begin=``; login banners and the like before it are skipped.

    A profile may end without a newline (``printf '\\033]0;title\\007'``), so noise
    may stand in the line itself, too. The first one counts: a second ``begin=``
    can be no line of the answer, so noise that looks like one breaks the answer
    and never stands for it.
    """
    begin = re.search(rb"begin=%b(\n|\Z)" % re.escape(verb.encode()), output)
    if not begin:
        said = one_line(output[:2000])
        raise NoAnswer(
            f"the node gave no answer to {verb}" + (f"; it said: {said}" if said else ""), _AGAIN
        )
    body = output[begin.end() :].split(b"\n")
    # A whole answer ends with a newline, so that a cut last line is noticed.
    if len(body) < 2 or body[-1] or not body[-2].startswith(b"end="):
        raise BrokenAnswer(f"the answer to {verb} was cut: it has no end marker", _AGAIN)
    return body[:-1]


def _pair(line: bytes) -> tuple[str, str]:
    key, equals, value = line.partition(b"=")
    if not equals or not _KEY.match(key) or key == b"begin":
        raise BrokenAnswer(f"a line of the answer is not key=value: {one_line(line, 80)}", _AGAIN)
    name = key.decode("ascii")
    limit = MAX_BLOB if name.startswith(_BLOB) else MAX_VALUE
    if len(value) > limit:
        raise BrokenAnswer(f"{one_line(name, 60)} of the answer is over {limit} bytes", _AGAIN)
    return name, printable(value.decode("utf-8", "backslashreplace"))


def _status(end: Optional[str], exit_status: Optional[int], verb: str) -> int:
    if exit_status is None:
        raise BrokenAnswer(f"the connection ended before {verb} did", _AGAIN)
    if end != str(exit_status):
        raise BrokenAnswer(
            f"the answer to {verb} ends with end={one_line(end or '', 20)}, "
            f"but the command exited with {exit_status}",
            _AGAIN,
        )
    if exit_status not in CLASSES:
        raise BrokenAnswer(f"{verb} exited with {exit_status}, which the protocol lacks", _AGAIN)
    return exit_status
