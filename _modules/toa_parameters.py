# SPDX-License-Identifier: GPL-2.0-only
"""
The parameters of toa.ko: what each may be, and how the module shows it.

The truth is ``kmod/main.c``; what a minion has to know of it without the sources
stands here, and a test compares the two.
"""

from __future__ import annotations

import ipaddress
import re
import typing

from salt.exceptions import CommandExecutionError

Values = dict[str, typing.Any]


def checked(parameters: typing.Any) -> Values:
    """
    Return parameters in the form in which the module shows them, by name.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_parameters.checked '{kinds: [254, 200]}'
    """
    if not isinstance(parameters, dict):
        raise CommandExecutionError(
            f"parameters must be a mapping of names and values, not {_shown(parameters)}"
        )
    found: Values = {}
    for name, value in parameters.items():
        if name not in _PARAMETERS:
            known = ", ".join(sorted(_PARAMETERS))
            raise CommandExecutionError(f"toa has no parameter {_shown(name)}; it has {known}")
        try:
            found[name] = _PARAMETERS[name][0](value)
        except ValueError as flaw:
            raise CommandExecutionError(f"the parameter {name} {flaw}") from None
    return dict(sorted(found.items()))


def defaults(while_running: bool = False) -> Values:
    """
    Return what the parameters are where nobody asks for others; only those that
    the module takes while it runs, if asked so.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_parameters.defaults
    """
    found = {name: default for name, (_, default) in _PARAMETERS.items()}
    return {name: found[name] for name in sorted(_WRITABLE)} if while_running else found


def arguments(wanted: Values | None, reset: bool = False) -> list[str]:
    """
    Return parameters as arguments of toa-node; if asked so, with those to reset
    in the running module, because they are wanted no more.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_parameters.arguments '{kinds: [254, 200]}'
    """
    if wanted is None:
        return []
    wanted = checked(wanted)
    words = ["--parameters", _assignments(wanted) or "none"]
    others = defaults(while_running=True) if reset else {}
    others = {name: value for name, value in others.items() if name not in wanted}
    return [*words, *(["--reset", _assignments(others)] if others else [])]


def _assignments(values: Values) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


def _kinds(value: typing.Any) -> str:
    """Ascending, each once, as the module shows them."""
    numbers = set()
    for word in _words(value):
        if not (word.isascii() and word.isdigit() and 0 < int(word) < 255):
            raise ValueError(f"is a list of TCP option kinds (1 to 254), not {word[:40]!r}")
        numbers.add(int(word))
    if not numbers:
        raise ValueError("names no kind")
    return ",".join(map(str, sorted(numbers)))


def _networks(value: typing.Any) -> str:
    networks = []
    for word in _words(value):
        try:
            networks.append(ipaddress.ip_interface(word).with_prefixlen)
        except ValueError:
            raise ValueError(
                f"is a list of networks like 10.0.0.0/8 or 2001:db8::/32, not {word[:80]!r}"
            ) from None
    return ",".join(dict.fromkeys(networks))


def _count(value: typing.Any) -> str:
    if isinstance(value, bool) or not re.fullmatch(r"[0-9]{1,9}", str(value)):
        raise ValueError(f"is a number, not {_shown(value)}")
    return str(int(value))


def _namespaces(value: typing.Any) -> str:
    words = _words(value)
    if words in ([], ["all"]):
        return "all"
    for word in words:
        if word != "init" and not re.fullmatch(r"[1-9][0-9]{0,9}", word):
            raise ValueError(
                "is all, or a list of init and numbers as in readlink /proc/PID/ns/net, "
                f"not {word[:40]!r}"
            )
    return ",".join(words)


def _switch(value: typing.Any) -> str:
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {_shown(value)}")
    return "Y" if value else "N"


def _words(value: typing.Any) -> list[str]:
    """A list, or one word with commas in it, or a number."""
    words = value.split(",") if isinstance(value, str) else value
    if isinstance(words, int) and not isinstance(words, bool):
        words = [words]
    if not isinstance(words, list) or not all(
        isinstance(word, (str, int)) and not isinstance(word, bool) for word in words
    ):
        raise ValueError(f"is a list, not {_shown(value)}")
    return [str(word).strip() for word in words if str(word).strip()]


#: By name: how a value is read, and what it is without being asked for.
_PARAMETERS: dict[str, tuple[typing.Callable[[typing.Any], str], str]] = {
    "kinds": (_kinds, "254"),
    "trusted": (_networks, ""),
    "max_connections": (_count, "1048576"),
    "netns": (_namespaces, "all"),
    "from_syn": (_switch, "N"),
}
#: Those that the module takes while it runs.
_WRITABLE = frozenset({"kinds", "trusted", "netns"})


def _shown(value: typing.Any) -> str:
    text = "".join(char if char.isprintable() else "?" for char in repr(value))
    return f"{text[:80]} ({type(value).__name__})"
