# SPDX-License-Identifier: GPL-2.0-only
"""The parameters of toa.ko that a push sets: read, compared, handed on.

The truth is ``kmod/main.c``; what one has to know of it to compare stands here, and a
test compares it with what Salt's side knows.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from toa_fleet.errors import UsageError
from toa_fleet.facts import NodeFacts
from toa_fleet.text import one_line

_HINT = "e.g. --parameters 'trusted=100.125.0.0/16 kinds=254'; none: all as the module has them"
#: Parameters of a module are a command line of the kernel's, which takes no more.
_MAX_TEXT = 1024


@dataclass(frozen=True)
class Parameters:
    """Exactly these parameters, at every boot and now.

    Attributes:
        values: what each is to be, in the form in which the module shows it;
            those that are not in it have their defaults.
    """

    values: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Parameters:
        """Read ``NAME=VALUE NAME=VALUE`` as insmod takes it, or ``none``.

        Raises:
            UsageError: a word is no parameter of toa.ko, or given twice.
        """
        found: dict[str, str] = {}
        if len(text) > _MAX_TEXT:
            raise UsageError(f"--parameters has more than {_MAX_TEXT} characters", _HINT)
        words = text.split()
        if not words:
            raise UsageError("--parameters is empty", _HINT)
        for word in words if words != ["none"] else []:
            name, equals, value = word.partition("=")
            if not equals or name not in _PARAMETERS:
                known = ", ".join(_PARAMETERS)
                raise _bad(word, f"is no NAME=VALUE; toa.ko has {known}")
            if name in found:
                raise _bad(word, f"gives {name} a second time")
            try:
                found[name] = _PARAMETERS[name].read(value)
            except ValueError as flaw:
                raise _bad(word, f"{name} {flaw}") from None
        return cls(MappingProxyType(found))

    @property
    def words(self) -> str:
        """``NAME=VALUE NAME=VALUE``, or ``none``."""
        return _words(self.values) or "none"

    @property
    def options(self) -> tuple[str, ...]:
        """For the node program: these, and the defaults of those that are not among them
        for a module that runs already."""
        others = {
            name: parameter.default
            for name, parameter in _PARAMETERS.items()
            if parameter.while_running and name not in self.values
        }
        reset = ("--reset", _words(others)) if others else ()
        return ("--parameters", self.words, *reset)

    def lacking(self, facts: NodeFacts, reload: bool = False) -> list[str]:
        """What of it a node does not have, now or at its next boot: ``NAME=VALUE`` each.

        Parameters:
            facts: the node's answer to ``status``.
            reload: also what the running module takes at its load alone.
        """
        at_boot = _shown_by(facts.get("options"))
        missing = []
        for name, parameter in _PARAMETERS.items():
            wanted = self.values.get(name, parameter.default)
            wrong_at_boot = at_boot.get(name) != self.values.get(name)
            running = facts.values.get(f"parameter.{name}")
            wrong_now = (
                running is not None
                and parameter.canonical(running) != wanted
                and (parameter.while_running or reload)
            )
            if wrong_at_boot or wrong_now:
                missing.append(f"{name}={wanted}")
        return missing


def trusted_at_boot(facts: NodeFacts) -> str:
    """The networks whose word a node's module takes; empty: everybody's."""
    return _shown_by(facts.get("options")).get("trusted", "")


@dataclass(frozen=True)
class _Parameter:
    """How a value is read, its default, and whether the running module takes another."""

    read: Callable[[str], str]
    default: str
    while_running: bool

    def canonical(self, text: str) -> str:
        """As ``read`` has it; what it cannot read is compared as it is."""
        try:
            return self.read(text)
        except ValueError:
            return text


def _shown_by(options: str) -> dict[str, str]:
    """An options line of modprobe.d; the last of a name counts, as in the kernel."""
    pairs = (word.partition("=") for word in options.split())
    return {
        name: _PARAMETERS[name].canonical(value) if name in _PARAMETERS else value
        for name, _, value in pairs
    }


def _words(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _kinds(text: str) -> str:
    words = text.split(",")
    for word in words:
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 255):
            raise ValueError("is a list of TCP option kinds (1 to 254), as 254,200")
    return ",".join(map(str, sorted(set(map(int, words)))))


def _networks(text: str) -> str:
    try:
        networks = [ipaddress.ip_interface(word).with_prefixlen for word in text.split(",") if word]
    except ValueError:
        raise ValueError("is a list of networks, as 10.0.0.0/8,2001:db8::/32") from None
    return ",".join(dict.fromkeys(networks))


def _count(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("is a number")
    return str(int(text))


def _namespaces(text: str) -> str:
    for word in text.split(",") if text not in ("", "all") else []:
        if word != "init" and not re.fullmatch(r"[1-9][0-9]{0,9}", word):
            raise ValueError("is all, or a list of init and numbers as in /proc/PID/ns/net")
    return text or "all"


def _switch(text: str) -> str:
    if text not in ("Y", "y", "1", "N", "n", "0"):
        raise ValueError("is Y or N")
    return "Y" if text in "Yy1" else "N"


_PARAMETERS: Mapping[str, _Parameter] = {
    "kinds": _Parameter(_kinds, "254", True),
    "trusted": _Parameter(_networks, "", True),
    "max_connections": _Parameter(_count, "1048576", False),
    "netns": _Parameter(_namespaces, "all", True),
    "from_syn": _Parameter(_switch, "N", False),
}


def _bad(word: str, what: str) -> UsageError:
    return UsageError(f"--parameters: {one_line(word, 80)} {what}", _HINT)
