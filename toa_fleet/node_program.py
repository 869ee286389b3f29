# SPDX-License-Identifier: GPL-2.0-only
"""toa-node: many parts in the tree, one program on a node.

``node/contents`` lists the parts in their order. They are joined whenever the
program is sent, installed or tested; no joined copy is kept among the sources.

    python -m toa_fleet.node_program >toa-node      # to run it by hand
"""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

from toa_fleet.errors import LocalError

FOLDER = Path(__file__).resolve().parent / "node"

#: The line above each part but the first in the joined program.
_MARK = re.compile(r"^# ==== (\S+) ====$")
#: "sh: 840: eval: x: not found", "environment: line 840: x: command not found"
_COMPLAINT = re.compile(r"\b((?:sh|environment|toa-node)(?:: eval)?: (?:line )?)([0-9]{1,5}):")
_VERB = re.compile(rb"^register_verb ([a-z-]+) ([0-9]+) ", re.MULTILINE)


def part_names(folder: Path = FOLDER) -> list[str]:
    """Paths of the parts below ``folder``, in their order.

    Raises:
        LocalError: there is no list of contents.
    """
    lines = _read(folder / "contents").decode().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def join(folder: Path = FOLDER) -> bytes:
    """The program: the parts back to back, each but the first below its name.

    The same stands in ``_modules/toa_node.py``, for minions without this package.

    Raises:
        LocalError: a part is not there.
    """
    first, *others = part_names(folder)
    pieces = [_read(folder / first)]
    for name in others:
        pieces += [f"\n# ==== {name} ====\n".encode(), _read(folder / name)]
    return b"".join(pieces)


@functools.lru_cache(maxsize=1)
def node_program() -> bytes:
    """The text of toa-node, joined once.

    Raises:
        LocalError: a part is not there.
    """
    return join()


@functools.lru_cache(maxsize=4)
def limits(program: bytes) -> dict[str, float]:
    """Seconds that each verb of a program may take at most, as its parts say."""
    return {name.decode(): float(seconds) for name, seconds in _VERB.findall(program)}


def place(program: str, line: int) -> tuple[str, int]:
    """The part that a line of a joined program is from, and its line there.

    Parameters:
        program: the joined program.
        line: counted from 1.
    """
    for above, text in enumerate(reversed(program.splitlines()[:line])):
        mark = _MARK.match(text)
        if mark:
            return mark[1], above
    return "program.sh", line


def name_places(program: bytes, words: str) -> str:
    """A shell's complaint about a line of the program, with the part and its line."""

    def with_place(found: re.Match[str]) -> str:
        part, line = place(program.decode(errors="replace"), int(found[2]))
        return f"{found[1]}{found[2]} ({part}:{line}):"

    return _COMPLAINT.sub(with_place, words)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalError(
            f"cannot read {path}, a part of the node program: {error.strerror}",
            "install toa-fleet again",
        ) from error


if __name__ == "__main__":
    sys.stdout.buffer.write(node_program())
