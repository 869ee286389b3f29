# SPDX-License-Identifier: GPL-2.0-only
"""
Places of files: absolute paths, and ``salt://`` URLs of the master's fileserver.
"""

from __future__ import annotations

import importlib.util
import os
import typing

import salt.utils.url
from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts it here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}


def chosen(name: str, given: typing.Any = None) -> str:
    """
    Return a place: as given, else as the configuration says in ``toa:NAME``,
    else empty.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.chosen artifacts
    """
    if given is None:
        given = __salt__["config.get"](f"toa:{name}", None)
    if given is None or given == "":
        return ""
    return checked(name, given)


def checked(name: str, place: typing.Any) -> str:
    """
    Return a place as it is; fail where it is none.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.checked artifacts salt://toa/artifacts
    """
    if not isinstance(place, str) or not (is_url(place) or os.path.isabs(place)):
        raise CommandExecutionError(
            f"{name} must be an absolute path or a salt:// URL, not {_shown(place)}"
        )
    return place


def is_url(place: str) -> bool:
    """
    Return whether a place is on the fileserver.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.is_url salt://toa/artifacts
    """
    return place.startswith("salt://")


def below(place: str, name: str) -> str:
    """
    Return ``place/name``, also where place is a URL that ends in ?saltenv=.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.below salt://toa/artifacts?saltenv=dev manifest
    """
    head, question, environment = place.partition("?") if is_url(place) else (place, "", "")
    return f"{head.rstrip('/')}/{name}{question}{environment}"


def cached(place: str) -> str:
    """
    Return a file as a local path; empty where it is on the fileserver, which
    has none.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.cached salt://toa/init.sls
    """
    if not is_url(place):
        return place
    # What was there once most likely is; asking for what is not logs an error.
    if not __salt__["cp.is_cached"](place) and not __salt__["cp.hash_file"](place):
        return ""
    return typing.cast(str, __salt__["cp.cache_file"](place) or "")


def folder(place: str, landmark: str) -> str:
    """
    Return a folder as a local path, fetched from the fileserver where it is
    there; empty where it has no file of the name LANDMARK.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.folder salt://kmod Makefile
    """
    if not is_url(place):
        return place if os.path.isfile(os.path.join(place, landmark)) else ""
    ending = f"/{landmark}"
    paths = [path for path in __salt__["cp.cache_dir"](place) if path.endswith(ending)]
    return min(paths, key=len)[: -len(ending)] if paths else ""


def files(place: str) -> list[str]:
    """
    Return the files below a folder, relative to it.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.files salt://kmod
    """
    if not is_url(place):
        return sorted(
            os.path.relpath(os.path.join(parent, name), place)
            for parent, _, names in os.walk(place)
            for name in names
        )
    path, saltenv = salt.utils.url.parse(place)
    prefix = path.strip("/") + "/"
    names = __salt__["cp.list_master"](saltenv=saltenv, prefix=prefix)
    return sorted(name[len(prefix) :] for name in names or () if name.startswith(prefix))


def packaged(*names: str) -> str:
    """
    Return the first of these paths that the installed Python package toa-fleet
    has; empty where there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_places.packaged kmod
    """
    spec = importlib.util.find_spec("toa_fleet")
    for root in (spec and spec.submodule_search_locations) or ():
        for name in names:
            path = os.path.normpath(os.path.join(root, name))
            if os.path.exists(path):
                return path
    return ""


def _shown(value: typing.Any) -> str:
    text = "".join(char if char.isprintable() else "?" for char in repr(value))
    return f"{text[:80]} ({type(value).__name__})"
