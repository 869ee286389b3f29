# SPDX-License-Identifier: GPL-2.0-only
"""YAML as a tree that knows its lines.

Plain values would have lost what an error has to name (the line), and what is a
fault here (a key that stands twice). So anchors, merge keys and the types of
plain words are applied to PyYAML's nodes, as YAML 1.1 says.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional

import yaml

from toa_fleet.errors import UsageError
from toa_fleet.text import one_line

_TAG = "tag:yaml.org,2002:"
_MERGE = _TAG + "merge"
_NUMBER = re.compile(r"(0|[1-9][0-9]*)\Z")


class Entry(NamedTuple):
    """A key of a mapping: its text, its line, and what it maps to."""

    key: str
    line: int
    value: yaml.Node


class Tree:
    """A YAML document.

    Parameters:
        name: what errors call it.
        text: all of it.

    Raises:
        UsageError: it is not one YAML document; with the line.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        #: None: the document is empty.
        self.root: Optional[yaml.Node] = self._compose(text)
        self._merged: dict[int, dict[str, Entry]] = {}
        self._under_way: set[int] = set()

    def entries(self, mapping: yaml.MappingNode) -> dict[str, Entry]:
        """The keys of a mapping, with those that ``<<`` brings.

        A mapping's own keys go before merged ones.

        Raises:
            UsageError: a key is no plain word, stands twice, or is merged from
                two places; what is merged is no mapping.
        """
        # Found once for each: mappings that merge each other over and over would
        # be walked through over and over.
        if id(mapping) not in self._merged:
            if id(mapping) in self._under_way:
                raise self.error(mapping.start_mark.line + 1, "a mapping is merged into itself")
            self._under_way.add(id(mapping))
            self._merged[id(mapping)] = self._merge(mapping)
        return self._merged[id(mapping)]

    def error(self, line: int, what: str, hint: str = "") -> UsageError:
        """The error that names the line."""
        return UsageError(f"{self.name}:{line}: {what}", hint)

    def _compose(self, text: str) -> Optional[yaml.Node]:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self.error(line, f"not YAML: {error.reason}") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(filter(None, [error.context, error.problem])) or "cannot be read"
            line = mark.line + 1 if mark else 1
            raise self.error(line, f"not YAML: {one_line(what, 160)}") from None
        except (ValueError, OverflowError):
            # PyYAML's, for an escape such as "\UFFFFFFFF".
            raise UsageError(f"{self.name}: not YAML: an escape that is no character") from None
        except RecursionError:
            raise UsageError(f"{self.name}: not a roster: nested too deep") from None
        return None if node is None or is_null(node) else node

    def _merge(self, mapping: yaml.MappingNode) -> dict[str, Entry]:
        found: dict[str, Entry] = {}
        merged: list[yaml.MappingNode] = []
        merge_line = 0
        for key, value in mapping.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                if merge_line:
                    raise self.error(
                        line, f"<< stands in line {merge_line} already", "merge a list: [*a, *b]"
                    )
                merge_line = line
                merged = self._mappings(line, value)
                continue
            entry = Entry(self._key(line, key), line, value)
            if entry.key in found:
                first = found[entry.key].line
                raise self.error(line, f"{one_line(entry.key, 60)} stands in line {first} already")
            found[entry.key] = entry
        found_below: dict[str, Entry] = {}
        for each in merged:
            for entry in self.entries(each).values():
                other = found_below.setdefault(entry.key, entry)
                # YAML lets the first count, PyYAML 6.0.4 the last, Salt refuses.
                if other.value is not entry.value and entry.key not in found:
                    raise self.error(
                        merge_line,
                        f"<< brings {one_line(entry.key, 60)} from line {other.line} "
                        f"and from line {entry.line}",
                        "readers of YAML are at odds which counts: give it beside the <<",
                    )
        return {**found_below, **found}

    def _mappings(self, line: int, value: yaml.Node) -> list[yaml.MappingNode]:
        nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if all(isinstance(node, yaml.MappingNode) for node in nodes):
            return list(nodes)
        raise self.error(line, "<< merges mappings, and this is none")

    def _key(self, line: int, key: yaml.Node) -> str:
        word = plain_word(key)
        if word is None:
            shown = one_line(str(key.value), 40) if isinstance(key, yaml.ScalarNode) else ""
            raise self.error(
                line,
                f"YAML reads the key {shown} as something else" if shown else "a key is one word",
                "put it in quotes" if shown else "",
            )
        return word


def is_null(node: yaml.Node) -> bool:
    """Whether it is null, which is also what nothing at all means."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"


def truth(node: yaml.Node) -> Optional[bool]:
    """The truth value; None: it is something else."""
    if isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "bool":
        return node.value.lower() in ("true", "yes", "on")
    return None


def plain_word(node: yaml.Node) -> Optional[str]:
    """The text of a string, or of a number as one writes it; None: it is something else.

    Other numbers (``010`` is 8, ``1:30`` is 90) do not mean what they look like.
    """
    if not isinstance(node, yaml.ScalarNode):
        return None
    text: str = node.value
    if node.tag == _TAG + "str":
        return text
    if node.tag == _TAG + "int" and _NUMBER.match(text):
        return text
    return None
