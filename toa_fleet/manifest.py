# SPDX-License-Identifier: GPL-2.0-only
"""The manifest: what stands beside each toa.ko and says what it is.

Pure values. A manifest is input from elsewhere (a node, a disk, a mail): it is
bounded, and every claim that can be checked is checked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from toa_fleet.errors import ArtifactRefused
from toa_fleet.fingerprint import HARD_FIELDS, ID_LENGTH, Fingerprint
from toa_fleet.text import one_line, printable

#: Largest manifest, in bytes.
MAX_BYTES = 64 * 1024

_KEY = re.compile(r"[a-z][a-z0-9_.-]*\Z")
_HEX = re.compile(r"[0-9a-f]+\Z")
_SHA256_KEYS = ("sha256", "selftest_sha256")
#: All keys must be there, so that a manifest cut between two lines is noticed.
_NEEDED = (
    "manifest",
    *HARD_FIELDS,
    "fingerprint",
    "sha256",
    "size",
    "build_id",
    "srcversion",
    "toa_version",
    "imports",
    "selftest_sha256",
    "source",
    "compiler",
    "builder",
    "built_at",
    "signature",
)
_REBUILD = "build it again with `toa-fleet build`; a manifest is never edited by hand"


@dataclass(frozen=True)
class Manifest:
    """A parsed manifest that does not contradict itself.

    Attributes:
        fingerprint: the builder's hard fields.
        sha256, selftest_sha256: hex digests of toa.ko and toa-selftest.
        size: of toa.ko, in bytes.
        build_id, srcversion: of toa.ko, hex, as the kernel shows them.
        source: hash of the sources it was built from.
        built_at: UTC, ISO 8601, by the builder's clock.
        values: every key as it stood there.
        raw: the file's bytes; what is carried on is exactly what was read.
    """

    fingerprint: Fingerprint
    sha256: str
    size: int
    build_id: str
    srcversion: str
    selftest_sha256: str
    toa_version: str
    source: str
    builder: str
    built_at: str
    imports: Mapping[str, str]
    values: Mapping[str, str]
    raw: bytes

    @property
    def artifact_id(self) -> str:
        """The first 16 hex digits of toa.ko's SHA-256."""
        return self.sha256[:ID_LENGTH]

    @property
    def signed(self) -> bool:
        """Whether toa.ko carries a signature."""
        return self.values.get("signature", "") not in ("", "none")

    @property
    def provable(self) -> bool:
        """Whether a live connection can prove it: another TOA's has no selftest."""
        return self.values.get("selftest") != "none"

    @classmethod
    def parse(cls, raw: bytes) -> Manifest:
        """Parse and check a manifest.

        Raises:
            ArtifactRefused: it is too large, malformed, incomplete, or its
                ``fingerprint`` is not the one of its hard fields.
        """
        values = _parse_lines(raw)
        _require(values)
        fingerprint = Fingerprint.of(values)
        if fingerprint.id != values["fingerprint"]:
            raise ArtifactRefused(
                f"the manifest's hard fields have the fingerprint {fingerprint.id}, "
                f"but it says fingerprint={one_line(values['fingerprint'], 40)}: it was edited",
                _REBUILD,
            )
        return cls(
            fingerprint=fingerprint,
            sha256=values["sha256"],
            size=int(values["size"]),
            build_id=values["build_id"],
            srcversion=values["srcversion"],
            selftest_sha256=values["selftest_sha256"],
            toa_version=values["toa_version"],
            source=values["source"],
            builder=values["builder"],
            built_at=values["built_at"],
            imports=_parse_imports(values["imports"]),
            values=values,
            raw=raw,
        )


def _parse_lines(raw: bytes) -> dict[str, str]:
    if len(raw) > MAX_BYTES:
        raise ArtifactRefused(f"the manifest is larger than {MAX_BYTES} bytes", _REBUILD)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactRefused(f"the manifest is not UTF-8 (byte {error.start})", _REBUILD) from None
    if not text.endswith("\n"):
        raise ArtifactRefused("the manifest was cut: its last line has no end", _REBUILD)
    values: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        key, equals, value = line.partition("=")
        if not equals or not _KEY.match(key):
            raise _bad_line(number, line, "is not key=value")
        if key in values:
            raise _bad_line(number, line, "gives a key a second time")
        if printable(value) != value:
            raise _bad_line(number, line, "has control characters")
        values[key] = value
    return values


def _bad_line(number: int, line: str, what: str) -> ArtifactRefused:
    return ArtifactRefused(f"line {number} of the manifest {what}: {one_line(line, 80)}", _REBUILD)


def _require(values: Mapping[str, str]) -> None:
    lacking = [key for key in _NEEDED if key not in values]
    lacking += Fingerprint.of(values).missing() if not lacking else []
    if lacking:
        raise ArtifactRefused(f"the manifest lacks {', '.join(lacking)}", _REBUILD)
    if values["manifest"] != "1":
        raise ArtifactRefused(
            f"the manifest is of version {one_line(values['manifest'], 20)}; this program reads 1",
            "use the toa-fleet that built it, or build again",
        )
    for key in _SHA256_KEYS:
        if len(values[key]) != 64 or not _HEX.match(values[key]):
            raise ArtifactRefused(f"the manifest's {key} is not a SHA-256", _REBUILD)
    if not _HEX.match(values["build_id"]):
        raise ArtifactRefused("the manifest's build_id is not hexadecimal", _REBUILD)
    if not re.match(r"[1-9][0-9]{0,8}\Z", values["size"]):
        raise ArtifactRefused("the manifest's size is not a number of bytes", _REBUILD)


def _parse_imports(text: str) -> dict[str, str]:
    """``name:0xcrc`` or, without MODVERSIONS, ``name``, joined by commas."""
    pairs = (entry.partition(":") for entry in text.split(",") if entry)
    return {name: crc for name, _, crc in pairs}
