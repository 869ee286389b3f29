# SPDX-License-Identifier: GPL-2.0-only
"""What goes to a node: a command line, and the bytes for its standard input.

Two forms, both of docs/node-protocol.md: the program alone (``sh -s -- VERB``)
for verbs that bring nothing, and the bundle (program and parts, back to back,
behind a one-line bootstrap) for those that do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from toa_fleet.errors import LocalError

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")

# Read it as a program of these steps: make a private directory, promise to
# take it away again (and /var/lib/toa too if it was made for nothing), store
# the bundle, cut the program out, run it. What fails drains the input, so that
# the sender can finish and hears why, and answers in the protocol's form.
#
# One line without single quotes, backslashes and exclamation marks: it has to
# pass sh, bash, csh and fish as a login shell unharmed.
_STEPS = (
    "set -f; umask 022; n=$1; v=$2; shift 2",
    "r=/var/lib/toa; d=$r/.staging.$$",
    'bad() { cat >/dev/null; echo "begin=$v"; echo error=node; echo detail=$1;'
    ' echo "hint=$2"; echo end=9; exit 9; }',
    'trap "rm -rf $d; rmdir $r 2>/dev/null" 0; trap "exit 9" 1 2 15',
    "e=$(rm -rf $d 2>&1 && mkdir -p $d 2>&1 && chmod 700 $d 2>&1) ||"
    ' bad "cannot make $d: $e" "log in as root or give --sudo; see df and mount"',
    "e=$( (cat >$d/bundle) 2>&1) ||"
    ' bad "cannot store the bundle: $e" "make room in /var/lib/toa (df)"',
    "s=$(($(wc -c <$d/bundle)))",
    'test $s -ge $n || bad "the transfer was cut short: $s bytes came" "push again"',
    "e=$(dd if=$d/bundle of=$d/toa-node bs=$n count=1 2>&1) ||"
    ' bad "cannot store the program: $e" "make room in /var/lib/toa (df)"',
    'sh $d/toa-node $v --staging $d "$@" </dev/null',
)

#: The bootstrap: an argument of ``sh -c``, one line.
BOOTSTRAP = "; ".join(_STEPS)


@dataclass(frozen=True)
class Part:
    """One file of a bundle; ``name`` is its relative path on the node."""

    name: str
    data: bytes

    def __post_init__(self) -> None:
        components = self.name.split("/")
        if not _NAME.match(self.name) or "." in components or ".." in components:
            raise LocalError(
                f"the file name {self.name!r} cannot be carried",
                "use letters, digits, dot, underscore and hyphen",
            )

    def argument(self) -> str:
        """``NAME:SIZE:SHA256``"""
        return f"{self.name}:{len(self.data)}:{hashlib.sha256(self.data).hexdigest()}"


@dataclass(frozen=True)
class Request:
    """One exec on a node.

    Attributes:
        verb: of toa-node; the answer must begin with it.
        argv: the command, to be quoted by the carrier.
        payload: standard input, in pieces; shared between nodes, never copied.
        arguments, parts: what ``argv`` and ``payload`` say besides the program,
            for carriers that bring it to a node in another way.
    """

    verb: str
    argv: tuple[str, ...]
    payload: tuple[bytes, ...]
    arguments: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def size(self) -> int:
        """Length of the payload in bytes."""
        return sum(len(piece) for piece in self.payload)


def plain(program: bytes, verb: str, arguments: Sequence[str] = ()) -> Request:
    """A request that brings nothing but the program."""
    argv = ("sh", "-s", "--", verb, *arguments)
    return Request(verb, argv, (program,), tuple(arguments))


def bundled(
    program: bytes, verb: str, parts: Sequence[Part], arguments: Sequence[str] = ()
) -> Request:
    """A request that brings parts.

    Parameters:
        program: toa-node; it becomes the first part as well.
        parts: the files, in the order in which they are sent.
        arguments: further arguments of the verb.
    """
    everything = [Part("toa-node", program), *parts]
    named = [word for part in everything for word in ("--part", part.argument())]
    argv = ("sh", "-c", BOOTSTRAP, "toa", str(len(program)), verb, *named, *arguments)
    payload = tuple(part.data for part in everything)
    return Request(verb, argv, payload, tuple(arguments), tuple(parts))
