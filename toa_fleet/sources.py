# SPDX-License-Identifier: GPL-2.0-only
"""The sources of toa.ko that travel with this program, in a source tree or installed.

The one physical copy of the module's sources is ``kmod/`` at the top of the
source tree; a wheel carries it as ``toa_fleet/kmod/``.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Optional

from toa_fleet.errors import LocalError

_PACKAGE = Path(__file__).resolve().parent

#: What a build leaves behind; none of it is source.
_PRODUCTS = (
    "*.ko",
    "*.o",
    "*.a",
    "*.mod",
    "*.mod.c",
    "*.cmd",
    "*.d",
    "*.symvers",
    "modules.order",
    "toa-selftest",
    "have.h",
    "have.log",
    "*~",
    "*.pyc",
    "*.py",
)
_MAX_SOURCE = 4 * 1024 * 1024


def kmod_directory() -> Path:
    """The directory of the module's sources.

    Raises:
        LocalError: it is in neither place.
    """
    for candidate in (_PACKAGE.parent / "kmod", _PACKAGE / "kmod"):
        if (candidate / "Makefile").is_file() or (candidate / "Kbuild").is_file():
            return candidate
    raise LocalError(
        "the sources of toa.ko (kmod/) are not there", "install toa-fleet again, or give --source"
    )


def kmod_sources(directory: Optional[Path] = None) -> list[tuple[str, bytes]]:
    """(relative path, content) of each source file, sorted by path.

    Parameters:
        directory: the sources; None takes those that came with this program.

    Raises:
        LocalError: there are none, they cannot be read, or they are far too
            large to be the sources.
    """
    root = directory or kmod_directory()
    try:
        paths = sorted(
            path for path in root.rglob("*") if path.is_file() and _is_source(root, path)
        )
        sources = [(path.relative_to(root).as_posix(), path.read_bytes()) for path in paths]
    except OSError as error:
        raise LocalError(f"cannot read the sources in {root}: {error.strerror}") from error
    # Other TOAs have theirs in src/.
    if not any(name in ("Makefile", "Kbuild", "src/Makefile") for name, _ in sources):
        raise LocalError(f"{root} has no Makefile: these are not the sources of toa.ko")
    if sum(len(data) for _, data in sources) > _MAX_SOURCE:
        raise LocalError(f"{root} holds over {_MAX_SOURCE} bytes: these are not the sources alone")
    return sorted(sources)


def source_hash(sources: list[tuple[str, bytes]]) -> str:
    """The hash of sources as manifests give it in ``source``."""
    lines = sorted(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sources)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _is_source(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    if any(part.startswith(".") or part == "__pycache__" for part in parts):
        return False
    return not any(path.match(pattern) for pattern in _PRODUCTS)
