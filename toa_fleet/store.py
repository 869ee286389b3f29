# SPDX-License-Identifier: GPL-2.0-only
"""Artifacts on the operator's disk: ``<store>/<fingerprint>/<artifact>/``.

An artifact appears whole or not at all (written beside, synced, renamed), and
is checked again each time it is read: what lies on a disk for months is not
what was written until proven.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import platformdirs

from toa_fleet.artifact import Artifact
from toa_fleet.errors import ArtifactRefused, LocalError, ToaError
from toa_fleet.fingerprint import ID_LENGTH
from toa_fleet.text import one_line

_ID = re.compile(rf"[0-9a-f]{{{ID_LENGTH}}}\Z")


class Store:
    """A directory of artifacts.

    Parameters:
        root: its directory; made when the first artifact is added.

    Example:
        >>> store = Store.default()
        >>> good, bad = store.load()
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def default(cls) -> Store:
        """The user's own store (``$XDG_DATA_HOME/toa-fleet`` on Linux)."""
        return cls(Path(platformdirs.user_data_dir("toa-fleet", appauthor=False)))

    def load(self) -> tuple[list[Artifact], list[ToaError]]:
        """Read and check everything.

        Returns:
            The sound artifacts, and one error for each that is not sound.

        Raises:
            LocalError: the store itself cannot be read.
        """
        good: list[Artifact] = []
        bad: list[ToaError] = []
        for directory in self._directories():
            try:
                good.append(self._read(directory))
            except (ArtifactRefused, LocalError) as error:
                bad.append(error)
        return good, bad

    def find(self, artifact_id: str) -> Artifact:
        """The artifact with this id.

        Raises:
            LocalError: there is none.
            ArtifactRefused: it is not sound.
        """
        for directory in self._directories():
            if directory.name == artifact_id:
                return self._read(directory)
        held = ", ".join(directory.name for directory in self._directories())
        raise LocalError(
            f"{self.root} holds no artifact {one_line(artifact_id, 80)}",
            f"it holds {held}" if held else "it holds none: build one with `toa-fleet build`",
        )

    def add(self, artifact: Artifact) -> Path:
        """Put an artifact in and return its directory; harmless when it is there.

        Raises:
            LocalError: the disk is full, or not ours to write.
        """
        home = self.root / artifact.fingerprint.id / artifact.id
        try:
            if self._holds(home, artifact):
                return home
            home.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=".staging.", dir=home.parent))
            try:
                self._write(staging, artifact)
                _put_in_place(staging, home)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        except OSError as error:
            raise LocalError(
                f"cannot store the artifact in {home}: {error.strerror or error}",
                "make room or choose another place with --store",
            ) from error
        return home

    def _directories(self) -> Iterator[Path]:
        try:
            for group in _ids_in(self.root):
                yield from _ids_in(group)
        except OSError as error:
            raise LocalError(f"cannot read the store {self.root}: {error.strerror}") from error

    def _read(self, directory: Path) -> Artifact:
        artifact = Artifact.read(directory)
        expected = f"{artifact.fingerprint.id}/{artifact.id}"
        if f"{directory.parent.name}/{directory.name}" != expected:
            raise ArtifactRefused(
                f"{directory} holds the artifact {expected}", "move it there, or remove it"
            )
        return artifact

    def _holds(self, home: Path, artifact: Artifact) -> bool:
        existing: Optional[Artifact]
        try:
            existing = self._read(home)
        except ToaError:
            existing = None
        return existing == artifact

    def _write(self, directory: Path, artifact: Artifact) -> None:
        directory.chmod(0o755)
        for name, data in artifact.files():
            with (directory / name).open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        _sync(directory)


def _ids_in(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if _ID.match(path.name) and path.is_dir())


def _put_in_place(staging: Path, home: Path) -> None:
    """Rename ``staging`` to ``home``; a damaged or older one there makes way."""
    if home.exists():
        aside = Path(tempfile.mkdtemp(prefix=".old.", dir=home.parent))
        home.rename(aside / home.name)
        staging.rename(home)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        staging.rename(home)
    _sync(home.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
