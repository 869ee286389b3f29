# SPDX-License-Identifier: GPL-2.0-only
"""
Events when something is wrong with TOA on a minion where it is installed.

.. code-block:: yaml

    beacons:
      toa:
        - interval: 60
        - onchangeonly: True
        - repeat: 3600

``salt/beacon/ID/toa/gone``
    The kernel runs without toa, although it is installed: unloaded, or the
    minion was booted into a kernel without an artifact.
``salt/beacon/ID/toa/disarmed``
    It is loaded, but its hooks do not answer: applications see the balancer.
``salt/beacon/ID/toa/kernel``
    An installed kernel has no artifact: the next boot would be without toa.
``salt/beacon/ID/toa/well``
    With ``onchangeonly``: what was wrong is right again.

Each brings ``detail``, in words, and ``count``: the how many-th event this is
about the same thing, which starts anew only when an hour went by without it. A
reactor that acts while ``count`` is small does not go round in circles; see
``salt/toa/reactor/``.

Looking costs a handful of small files; nothing is run.
"""

from __future__ import annotations

import sys
import time
import typing

if typing.TYPE_CHECKING:
    # Salt's loader puts them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}

__virtualname__ = "toa"

Config = typing.Any
Event = dict[str, typing.Any]

#: Seconds for which a thing has to be right before its count starts anew.
_FORGIVEN = 3600.0
_KINDS = ("gone", "disarmed", "kernel")

_clock = time.monotonic


class _Told:
    """What was said of one thing that is wrong."""

    def __init__(self) -> None:
        self.count = 0
        self.detail = ""
        #: When it was told last, and seen last.
        self.at = self.seen = float("-inf")


#: By beacon's name and kind; a minion may have several of these beacons.
_told: dict[tuple[str, str], _Told] = {}


def __virtual__() -> str | tuple[bool, str]:  # noqa: N807
    if not sys.platform.startswith("linux"):
        return False, "the TOA kernel module exists on Linux only"
    if "proxy" in __opts__:
        return False, "a proxy minion's device is not the system whose kernel toa is about"
    return __virtualname__


def validate(config: Config) -> tuple[bool, str]:
    """
    Whether the configuration is one.
    """
    if not isinstance(config, list) or not all(isinstance(part, dict) for part in config):
        return False, "Configuration for toa beacon must be a list of dictionaries."
    options = _options(config)
    if not isinstance(options.get("onchangeonly", False), bool):
        return False, "toa beacon: onchangeonly must be True or False."
    repeat = options.get("repeat", 0)
    if isinstance(repeat, bool) or not isinstance(repeat, (int, float)) or repeat < 0:
        return False, "toa beacon: repeat must be a number of seconds."
    watch = options.get("watch", list(_KINDS))
    if not isinstance(watch, list) or not all(kind in _KINDS for kind in watch):
        return False, f"toa beacon: watch must be a list of {', '.join(_KINDS)}."
    return True, "Valid beacon configuration"


def beacon(config: Config) -> list[Event]:
    """
    Look, and return the events that are due.

    onchangeonly
        Only when something goes wrong or gets right; otherwise at each
        interval for as long as it is wrong.

    repeat
        With ``onchangeonly``: seconds after which what is still wrong is told
        again; 0, the default, is never.

    watch
        Which of ``gone``, ``disarmed`` and ``kernel`` to watch, by default all.
    """
    options = _options(config)
    problems = __salt__["toa.problems"]()
    now = _clock()
    events = []
    for kind in options.get("watch", _KINDS):
        told = _told.setdefault((options.get("_beacon_name", "toa"), kind), _Told())
        event = _event(told, problems.get(kind), options, now)
        if event:
            events.append({"tag": event.pop("tag", kind), "problem": kind, **event})
    return events


def _event(told: _Told, detail: str | None, options: Event, now: float) -> Event | None:
    only_changes = options.get("onchangeonly", False)
    if detail is None:
        was_wrong, told.detail = bool(told.detail), ""
        return {"tag": "well", "count": told.count} if was_wrong and only_changes else None
    if now - told.seen > _FORGIVEN:
        told.count = 0
    told.seen = now
    repeat = options.get("repeat", 0)
    is_new = detail != told.detail
    if only_changes and not is_new and not (repeat and now - told.at >= repeat):
        return None
    told.detail, told.at = detail, now
    told.count += 1
    return {"detail": detail, "count": told.count}


def _options(config: list[Event]) -> Event:
    found: Event = {}
    for part in config:
        found.update(part)
    return found
