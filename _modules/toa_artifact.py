# SPDX-License-Identifier: GPL-2.0-only
"""
Artifacts and sources for toa-node: manifests read and compared, files brought
from the fileserver, or sent to the master.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import typing

from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts it here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}

Claims = dict[str, typing.Any]

#: The fields that make two systems the same; those of the second line may be
#: empty on a node or in a manifest and then match anything.
_HARD_FIELDS = (
    *("arch", "page_size", "kernel_release", "kernel_version", "os_id", "os_version_id"),
    *("kernel_build_id", "vermagic", "module_layout"),
)
_MAY_BE_EMPTY = frozenset({"kernel_build_id", "vermagic", "module_layout"})
_FILES = ("toa.ko", "manifest", "toa-selftest")

_SOURCES_URL = "salt://kmod"
_ARTIFACTS_URL = "salt://toa/artifacts"

_MAX_MANIFEST = 65536
_KEY = re.compile(r"[a-z][a-z0-9_.-]*\Z")

#: What a build leaves behind among the sources; none of it is source.
_PRODUCTS = re.compile(
    r"(^|/)([.].*|__pycache__/.*|modules\.order|Module\.symvers|toa-selftest|have\.(h|log)"
    r"|.*(\.ko|\.o|\.a|\.mod|\.mod\.c|\.cmd|\.d|\.symvers|\.pyc?|~))\Z"
)


def manifest(place: str) -> Claims | None:
    """
    Return the manifest of the artifact at a place, ``None`` where there is none;
    fail where it is broken.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_artifact.manifest salt://toa/artifacts/0123456789abcdef
    """
    try:
        with open(_places("cached", _places("below", place, "manifest")), "rb") as file:
            data = file.read(_MAX_MANIFEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CommandExecutionError(
            f"cannot read the manifest in {place}: {error.strerror}"
        ) from error
    try:
        return _parse(data)
    except ValueError as flaw:
        raise CommandExecutionError(f"the manifest in {place} is broken: {flaw}") from None


def offer(facts: Claims, artifacts: str | None = None) -> Claims:
    """
    Return which of the artifacts on the fileserver is for a node of these facts:
    ``found``, then ``source`` (its directory) and ``manifest``; or why there is
    none, in ``reason``.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_artifact.offer '{fingerprint: 0123456789abcdef}'
    """
    base = _places("chosen", "artifacts", artifacts) or _ARTIFACTS_URL
    exact = _places("below", base, str(facts["fingerprint"]))
    claims = manifest(exact)
    installed = facts.get("installed_fingerprint")
    if claims is None and installed and installed != facts["fingerprint"]:
        # One that matched although its id differs, before asking for all there are.
        exact = _places("below", base, str(installed))
        claims = manifest(exact)
    if claims is None:
        return _nearest(base, facts)
    differing = _differences(claims, facts)
    if differing:
        return _none_found(f"{exact} is for another system: {differing}")
    return {"found": True, "source": exact, "manifest": claims, "reason": None}


@contextlib.contextmanager
def staged(artifact: str) -> typing.Iterator[str]:
    """
    A local directory that has the artifact's files, for a ``with`` of Python.

    CLI Example: there is none, for it is gone again when the command ends.
    """
    _places("checked", "artifact", artifact)
    if not _places("is_url", artifact):
        yield artifact
        return
    with _scratch() as directory:
        for name in _FILES:
            _get_file(_places("below", artifact, name), os.path.join(directory, name))
        yield directory


@contextlib.contextmanager
def staged_sources(sources: str | None) -> typing.Iterator[str]:
    """
    A local copy of the sources, without what builds left among them, for a
    ``with`` of Python.

    CLI Example: there is none, for it is gone again when the command ends.
    """
    place = _places("chosen", "sources", sources)
    place = place or _places("packaged", "../kmod", "kmod") or _SOURCES_URL
    is_served = _places("is_url", place)
    names = [name for name in _places("files", place) if not _PRODUCTS.search(name)]
    if "Makefile" not in names:
        raise CommandExecutionError(
            f"there are no sources of toa.ko in {place} (no Makefile); serve kmod/ of this "
            "project there, or say with `toa:sources` where it is"
        )
    with _scratch() as directory:
        for name in names:
            target = os.path.join(directory, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if is_served:
                _get_file(_places("below", place, name), target)
            else:
                shutil.copyfile(os.path.join(place, name), target)
        yield directory


def source_hash(sources: str | None = None) -> str:
    """
    Return the hash of the sources of toa.ko, as manifests give it in ``source``.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_artifact.source_hash
    """
    with staged_sources(sources) as directory:
        lines = []
        for name in _places("files", directory):
            with open(os.path.join(directory, name), "rb") as file:
                lines.append(f"{hashlib.sha256(file.read()).hexdigest()}  {name}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def send_to_master(artifact: str) -> str:
    """
    Send an artifact from this minion to the master; return its id.

    CLI Example:

    .. code-block:: bash

        salt 'reference*' toa_artifact.send_to_master /root/toa
    """
    claims = manifest(artifact)
    if claims is None:
        raise CommandExecutionError(f"there is no manifest in {artifact}")
    for name in _FILES:
        path = os.path.join(artifact, name)
        if not os.path.isfile(path):
            raise CommandExecutionError(f"this is no whole artifact: there is no {path}")
        if not __salt__["cp.push"](path):
            raise CommandExecutionError(
                f"the master did not take {path}. What to do: set `file_recv: True` in the "
                "master's configuration and restart it; see its log"
            )
    return str(claims["artifact"])


# --- manifests ------------------------------------------------------------------


def _parse(data: bytes) -> Claims:
    if len(data) > _MAX_MANIFEST:
        raise ValueError(f"it is larger than {_MAX_MANIFEST} bytes")
    claims: Claims = {}
    for line in data.decode("utf-8", "backslashreplace").splitlines():
        key, equals, text = line.partition("=")
        if not equals or not _KEY.match(key):
            raise ValueError(f"a line is not key=value: {_printable(line)[:80]}")
        if key in claims:
            raise ValueError(f"it gives {key} twice")
        claims[key] = __salt__["toa_node.value"](key, _printable(text))
    if claims.get("manifest") != "1":
        raise ValueError("it is not of version 1")
    for key in ("fingerprint", "sha256", "build_id"):
        if not re.fullmatch(r"[0-9a-f]{16,128}", claims.get(key) or ""):
            raise ValueError(f"its {key} is none")
    claims["artifact"] = claims["sha256"][:16]
    return claims


def _differences(claims: Claims, facts: Claims) -> str:
    """The fields in which an artifact is not for a node, in words; empty: none."""
    words = []
    for field in _HARD_FIELDS:
        artifact, node = claims.get(field), facts.get(field)
        if field in _MAY_BE_EMPTY and (artifact is None or node is None):
            continue
        if artifact is None or artifact != node:
            words.append(f"{field}: artifact {artifact}, node {node}")
    return "; ".join(words)


def _nearest(base: str, facts: Claims) -> Claims:
    """
    Among all artifacts: one that matches although its id differs (a field is
    empty on one side), else why the nearest does not.
    """
    nearest = broken = ""
    names = _folders_below(base)
    for name in names:
        directory = _places("below", base, name)
        try:
            claims = manifest(directory)
        except CommandExecutionError as error:
            broken = broken or str(error)
            continue
        if claims is None:
            continue
        differing = _differences(claims, facts)
        if not differing:
            return {"found": True, "source": directory, "manifest": claims, "reason": None}
        if not nearest or differing.count(";") < nearest.count(";"):
            nearest = f"the nearest, {name}, differs in {differing}"
    why = nearest or broken or "there is none at all"
    return _none_found(f"{base} has no artifact for the fingerprint {facts['fingerprint']}: {why}")


def _none_found(reason: str) -> Claims:
    return {"found": False, "source": None, "manifest": None, "reason": reason}


def _folders_below(base: str) -> list[str]:
    if not _places("is_url", base):
        try:
            return sorted(os.listdir(base))
        except OSError:
            return []
    return sorted({name.partition("/")[0] for name in _places("files", base)})


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


# --- files ------------------------------------------------------------------------


@contextlib.contextmanager
def _scratch() -> typing.Iterator[str]:
    directory = ""
    try:
        directory = tempfile.mkdtemp(prefix="toa-")
        yield directory
    except OSError as error:
        raise CommandExecutionError(
            f"cannot stage files in {directory or 'a temporary directory'}: {error}"
        ) from error
    finally:
        if directory:
            shutil.rmtree(directory, ignore_errors=True)


def _get_file(url: str, target: str) -> None:
    if not __salt__["cp.get_file"](url, target) or not os.path.isfile(target):
        raise CommandExecutionError(f"the fileserver has no {url}")


def _places(function: str, *arguments: typing.Any) -> typing.Any:
    return __salt__[f"toa_places.{function}"](*arguments)
