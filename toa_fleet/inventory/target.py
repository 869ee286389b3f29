# SPDX-License-Identifier: GPL-2.0-only
"""One host of a roster while its keys are read, and one of these keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, TypeVar

import yaml

from toa_fleet.errors import UsageError
from toa_fleet.inventory.host import Host
from toa_fleet.inventory.yaml_tree import Entry, Tree, is_null, plain_word, truth
from toa_fleet.text import one_line

_T = TypeVar("_T")


@dataclass
class Target:
    """What the keys said so far; see :class:`toa_fleet.inventory.host.Host`."""

    address: str = ""
    user: Optional[str] = None
    port: Optional[int] = None
    identity: Optional[Path] = None
    sudo: Optional[bool] = None
    connect_timeout: Optional[float] = None
    jump: Optional[str] = None

    def host(self, name: str, source: str) -> Host:
        """The host that they make."""
        return Host(
            name,
            self.address,
            self.user,
            self.port,
            self.identity,
            self.sudo,
            source,
            self.connect_timeout,
            self.jump,
        )


class Key:
    """One key of a host, or one item of a list that it holds.

    Parameters:
        tree: where it stands.
        host: the host's id, printable.
        entry: key, line and value.
    """

    def __init__(self, tree: Tree, host: str, entry: Entry) -> None:
        self._tree = tree
        self._host = host
        self._entry = entry
        self.name = entry.key
        #: File, line, host and key, for errors.
        self.place = f"{tree.name}:{entry.line}: {host}: {one_line(entry.key, 60)}"

    def error(self, what: str, hint: str = "") -> UsageError:
        """The error that names the place."""
        return UsageError(f"{self.place}: {what}", hint)

    @property
    def is_unset(self) -> bool:
        """Whether it is null or empty, which Salt takes for not there."""
        return is_null(self._entry.value) or plain_word(self._entry.value) == ""

    def word(self) -> str:
        """Its value as a word.

        Raises:
            UsageError: it is something else.
        """
        value = self._entry.value
        word = plain_word(value)
        if word is not None:
            return word
        if isinstance(value, yaml.ScalarNode):
            shown = one_line(str(value.value), 40)
            raise self.error(
                f"YAML reads {shown!r} as something else", "put it in quotes if it is meant so"
            )
        raise self.error("one word goes here, no list and no mapping")

    def truth(self) -> bool:
        """Its value as a truth value.

        Raises:
            UsageError: it is something else. (In quotes, Salt takes ``"no"`` for true.)
        """
        value = truth(self._entry.value)
        if value is None:
            shown = one_line(str(self._entry.value.value), 40)
            raise self.error(
                f"{shown!r} is neither true nor false", "write True or False, without quotes"
            )
        return value

    def items(self) -> list[Key]:
        """Its value as a list, each item with its line.

        Raises:
            UsageError: it is no list.
        """
        value = self._entry.value
        if not isinstance(value, yaml.SequenceNode):
            raise self.error("a list goes here")
        return [self._item(node) for node in value.value]

    def once(self, before: Optional[_T], now: _T) -> _T:
        """What a setting becomes that another key may have set.

        Raises:
            UsageError: the two are at odds.
        """
        if before is not None and before != now:
            raise self.error(f"{now} here, and {before} by another key")
        return now

    def _item(self, node: yaml.Node) -> Key:
        return Key(self._tree, self._host, Entry(self._entry.key, node.start_mark.line + 1, node))
