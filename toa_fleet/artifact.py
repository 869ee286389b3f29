# SPDX-License-Identifier: GPL-2.0-only
"""An artifact: toa.ko, its manifest and toa-selftest, checked against each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from toa_fleet.errors import ArtifactRefused, LocalError
from toa_fleet.fingerprint import Fingerprint
from toa_fleet.manifest import MAX_BYTES as MAX_MANIFEST
from toa_fleet.manifest import Manifest
from toa_fleet.module_elf import MAX_BYTES as MAX_MODULE
from toa_fleet.module_elf import ModuleElf

#: The files of an artifact, in the order in which they are carried.
FILES = ("toa.ko", "manifest", "toa-selftest")

_LIMITS = {"toa.ko": MAX_MODULE, "manifest": MAX_MANIFEST, "toa-selftest": MAX_MODULE}
_FORGED = "do not use it; build it again with `toa-fleet build`"


@dataclass(frozen=True)
class Artifact:
    """A checked artifact. Make one with :meth:`check` or :meth:`read` only."""

    manifest: Manifest
    module: bytes
    selftest: bytes

    @property
    def id(self) -> str:
        """The first 16 hex digits of toa.ko's SHA-256."""
        return self.manifest.artifact_id

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the system that it was built on."""
        return self.manifest.fingerprint

    def files(self) -> list[tuple[str, bytes]]:
        """(name, content) of each file, in the order of :data:`FILES`."""
        contents = (self.module, self.manifest.raw, self.selftest)
        return list(zip(FILES, contents))

    @classmethod
    def check(cls, module: bytes, manifest: bytes, selftest: bytes) -> Artifact:
        """Return the artifact, every claim of its manifest checked.

        Raises:
            ArtifactRefused: naming the first claim that does not hold.
        """
        claims = Manifest.parse(manifest)
        _check_files(claims, module, selftest)
        _check_elf(claims, ModuleElf.parse(module))
        return cls(claims, module, selftest)

    @classmethod
    def read(cls, directory: Path) -> Artifact:
        """Read and check an artifact directory.

        Raises:
            LocalError: a file cannot be read.
            ArtifactRefused: as :meth:`check`, with the directory named.
        """
        module, manifest, selftest = (_read_bounded(directory / name) for name in FILES)
        try:
            return cls.check(module, manifest, selftest)
        except ArtifactRefused as error:
            raise ArtifactRefused(f"{directory}: {error.detail}", error.hint) from error


def _check_files(claims: Manifest, module: bytes, selftest: bytes) -> None:
    if len(module) != claims.size:
        raise ArtifactRefused(
            f"toa.ko has {len(module)} bytes, its manifest says {claims.size}: "
            f"it was {'cut' if len(module) < claims.size else 'replaced'}",
            _FORGED,
        )
    for name, data, expected in (
        ("toa.ko", module, claims.sha256),
        ("toa-selftest", selftest, claims.selftest_sha256),
    ):
        digest = hashlib.sha256(data).hexdigest()
        if digest != expected:
            raise ArtifactRefused(
                f"{name} has the SHA-256 {digest[:16]}…, its manifest says {expected[:16]}…",
                _FORGED,
            )


def _check_elf(claims: Manifest, elf: ModuleElf) -> None:
    _require_same("toa_fingerprint", elf.toa_fingerprint, claims.fingerprint.id)
    _require_same("kernel release", elf.release, claims.fingerprint.kernel_release)
    _require_same("build-id", elf.build_id, claims.build_id)
    for what, inside, claimed in (
        ("vermagic", elf.vermagic, claims.fingerprint.vermagic.strip()),
        ("srcversion", elf.srcversion, claims.srcversion),
        ("version", elf.modinfo.get("version", ""), claims.toa_version),
        ("CRC of module_layout", elf.layout, claims.fingerprint.module_layout),
    ):
        # Not every kernel gives these: an empty one is "not known".
        if inside and claimed:
            _require_same(what, inside, claimed)
    for name, claimed in sorted(claims.imports.items()):
        if claimed and elf.imports.get(name):
            _require_same(f"CRC of {name}", elf.imports[name], claimed)
    if not elf.fits_machine(claims.fingerprint.arch):
        raise ArtifactRefused(
            f"toa.ko is for {elf.machine}, its manifest says {claims.fingerprint.arch}", _FORGED
        )


def _require_same(what: str, inside: str, claimed: str) -> None:
    if inside != claimed:
        raise ArtifactRefused(
            f"toa.ko carries the {what} {inside or '(none)'}, "
            f"its manifest says {claimed or '(none)'}: one of them is not the original",
            _FORGED,
        )


def _read_bounded(path: Path) -> bytes:
    limit = _LIMITS[path.name]
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise LocalError(
            f"cannot read {path}: {error.strerror}",
            f"an artifact directory holds {', '.join(FILES)}",
        ) from error
    if len(data) > limit:
        raise ArtifactRefused(f"{path} is larger than {limit} bytes", _FORGED)
    return data
