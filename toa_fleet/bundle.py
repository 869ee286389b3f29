# SPDX-License-Identifier: GPL-2.0-only
"""What goes to a node: a command line, and the bytes for its standard input.

Two forms, both of docs/node-protocol.md: the program alone, for verbs that bring
nothing, and the bundle (program and parts, back to back) for those that do. Either
is packed by gzip, and goes as it is to a node that answers that it has none.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from toa_fleet.errors import LocalError

_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z")

# Both bootstraps are one line without single quotes, backslashes and exclamation
# marks: it has to pass sh, bash, csh and fish as a login shell unharmed. What fails
# drains the input, so that the sender can finish and hears why, and answers in the
# protocol's form. (The verb is in $v; $z: what else the answer has to say.)
_BAD = (
    'bad() { cat >/dev/null; echo "begin=$v"; test -z "$z" || echo "$z"; echo error=node;'
    ' echo detail=$1; echo "hint=$2"; echo end=9; exit 9; }'
)
_WANT_GZIP = (
    "command -v gzip >/dev/null || { z=unpacked=wanted;"
    ' bad "gzip is missing" "install gzip, or run toa-node on the node itself"; }'
)

# Read the program as a whole, then run it: a shell that read it as its script would
# read byte by byte where it is bash or a Korn shell.
_EVALUATE = 'eval "$({unpack})"'

# Make a private directory, promise to take it away again (and /var/lib/toa too if it
# was made for nothing), store the bundle, cut the program out, run it.
_STORE = (
    "set -f; umask 022; n=$1; shift 2",
    "r=/var/lib/toa; d=$r/.staging.$$",
    'trap "rm -rf $d; rmdir $r 2>/dev/null" 0; trap "exit 9" 1 2 13 15',
    "e=$(rm -rf $d 2>&1 && mkdir -p $d 2>&1 && chmod 700 $d 2>&1) ||"
    ' bad "cannot make $d: $e" "log in as root or give --sudo; see df and mount"',
    "e=$( ({unpack} >$d/bundle) 2>&1) || case $e in *[sS]pace*)"
    ' bad "cannot store the bundle: $e" "make room in /var/lib/toa (df)";;'
    ' *) bad "the transfer was cut short: $e" "push again";; esac',
    "s=$(($(wc -c <$d/bundle)))",
    'test $s -ge $n || bad "the transfer was cut short: $s bytes came" "push again"',
    "e=$(dd if=$d/bundle of=$d/toa-node bs=$n count=1 2>&1) ||"
    ' bad "cannot store the program: $e" "make room in /var/lib/toa (df)"',
    'sh $d/toa-node $v --staging $d "$@" </dev/null',
)


def _bootstrap(verb: str, steps: Sequence[str], packed: bool) -> str:
    """An argument of ``sh -c``; VERB is where the verb stands among what follows."""
    first = [f"v={verb}; z=", _BAD, *([_WANT_GZIP] if packed else [])]
    unpack = "gzip -dc" if packed else "cat"
    return "; ".join([*first, *(step.replace("{unpack}", unpack) for step in steps)])


def _plain_bootstrap(packed: bool) -> str:
    return _bootstrap("$1", [_EVALUATE], packed)


def _bundle_bootstrap(packed: bool) -> str:
    return _bootstrap("$2", _STORE, packed)


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
        program: the text of toa-node.
        arguments, parts: what ``argv`` and ``payload`` say besides the program,
            for carriers that bring it to a node in another way.
        packed: whether the payload is packed.
    """

    verb: str
    argv: tuple[str, ...]
    payload: tuple[bytes, ...]
    program: bytes
    arguments: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    packed: bool = True

    @property
    def size(self) -> int:
        """Length of the payload in bytes."""
        return sum(len(piece) for piece in self.payload)

    def unpacked(self) -> Request:
        """The same for a node without gzip."""
        if self.parts:
            return bundled(self.program, self.verb, self.parts, self.arguments, packed=False)
        return plain(self.program, self.verb, self.arguments, packed=False)


def plain(program: bytes, verb: str, arguments: Sequence[str] = (), packed: bool = True) -> Request:
    """A request that brings nothing but the program."""
    argv = ("sh", "-c", _plain_bootstrap(packed), "sh", verb, *arguments)
    payload = (_pack(program) if packed else program,)
    return Request(verb, argv, payload, program, tuple(arguments), packed=packed)


def bundled(
    program: bytes,
    verb: str,
    parts: Sequence[Part],
    arguments: Sequence[str] = (),
    packed: bool = True,
) -> Request:
    """A request that brings parts.

    Parameters:
        program: toa-node; it becomes the first part as well.
        parts: the files, in the order in which they are sent.
        arguments: further arguments of the verb.
        packed: whether the node has gzip.
    """
    everything = [Part("toa-node", program), *parts]
    named = [word for part in everything for word in ("--part", part.argument())]
    size = str(len(program))
    argv = ("sh", "-c", _bundle_bootstrap(packed), "toa", size, verb, *named, *arguments)
    pieces = tuple(part.data for part in everything)
    payload = (gzip.compress(b"".join(pieces), 6, mtime=0),) if packed else pieces
    return Request(verb, argv, payload, program, tuple(arguments), tuple(parts), packed)


@functools.lru_cache(maxsize=2)
def _pack(program: bytes) -> bytes:
    """Once for all nodes."""
    return gzip.compress(program, 9, mtime=0)
