# SPDX-License-Identifier: GPL-2.0-only
"""Artifacts against their own modules. The modules are ELF objects without a kernel."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toa_fleet.artifact import Artifact
from toa_fleet.errors import ArtifactRefused, LocalError
from toa_fleet.module_elf import ModuleElf

Files = Callable[..., dict[str, bytes]]


def _check(files: dict[str, bytes]) -> Artifact:
    return Artifact.check(files["toa.ko"], files["manifest"], files["toa-selftest"])


def test_the_truth_is_read_out_of_a_module_without_a_kernel(
    module_without_a_kernel: Callable[..., bytes], fields: dict[str, str]
) -> None:
    elf = ModuleElf.parse(module_without_a_kernel(fields))
    assert elf.vermagic == fields["vermagic"]
    assert elf.release == fields["kernel_release"]
    assert len(elf.build_id) == 40
    assert elf.srcversion == "0123456789ABCDEF0123456"
    assert elf.imports == {"_printk": "0xcafe1234"}
    assert elf.layout == fields["module_layout"]
    assert elf.fits_machine("x86_64") != elf.fits_machine("aarch64")


def test_the_newer_version_tables_are_read_too(
    module_without_a_kernel: Callable[..., bytes], fields: dict[str, str]
) -> None:
    # The older table's section renamed: its bytes then are the newer one's.
    from toa_fleet import module_elf

    class Section:
        def __init__(self, data: bytes) -> None:
            self._data = data

        def data(self) -> bytes:
            return self._data

    class Elf:
        little_endian = True
        elfclass = 64

    sections = {
        "__version_ext_crcs": Section(struct.pack("<2I", 0xAB, 0xCD)),
        "__version_ext_names": Section(b"module_layout\0a_rather_long_name_" + b"y" * 60 + b"\0"),
    }
    crcs = module_elf._crcs(Elf(), sections)
    assert crcs == {"module_layout": "0x000000ab", "a_rather_long_name_" + "y" * 60: "0x000000cd"}


def test_a_sound_artifact_passes(artifact_files: Files, fields: dict[str, str]) -> None:
    artifact = _check(artifact_files(fields))
    assert artifact.id == artifact.manifest.sha256[:16]


@pytest.mark.parametrize("kept", [0, 1, 64, 500, -1])
def test_a_truncated_module_is_refused(
    kept: int, artifact_files: Files, fields: dict[str, str]
) -> None:
    files = artifact_files(fields)
    files["toa.ko"] = files["toa.ko"][:kept]
    with pytest.raises(ArtifactRefused, match="cut"):
        _check(files)


def test_a_truncated_module_with_a_manifest_that_agrees_is_refused(
    artifact_files: Files, manifest_of: Callable[..., bytes], fields: dict[str, str]
) -> None:
    files = artifact_files(fields)
    whole = files["toa.ko"]
    files["toa.ko"] = whole[: len(whole) // 2]
    files["manifest"] = manifest_of(
        fields,
        whole,
        files["toa-selftest"],
        size=str(len(files["toa.ko"])),
        sha256=hashlib.sha256(files["toa.ko"]).hexdigest(),
    )
    with pytest.raises(ArtifactRefused, match=r"cannot be read|carries|not a kernel module"):
        _check(files)


def test_a_forged_manifest_for_another_kernel_is_refused(
    artifact_files: Files, manifest_of: Callable[..., bytes], fields: dict[str, str]
) -> None:
    """All its claims agree with each other; the module knows better."""
    files = artifact_files(fields)
    other = {
        **fields,
        "kernel_release": "6.1.0-57-cloud-amd64",
        "vermagic": fields["vermagic"].replace("-56-", "-57-"),
    }
    files["manifest"] = manifest_of(other, files["toa.ko"], files["toa-selftest"])
    with pytest.raises(ArtifactRefused, match="toa_fingerprint"):
        _check(files)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("build_id", "00" * 20, "build-id"),
        ("srcversion", "FFFFFFFFFFFFFFFFFFFFFFF", "srcversion"),
        ("imports", "_printk:0x00000001", "CRC of _printk"),
        ("sha256", "00" * 32, "SHA-256"),
        ("selftest_sha256", "00" * 32, "SHA-256"),
        ("size", "12", "12"),
    ],
)
def test_each_claim_that_was_edited_is_noticed(
    key: str, value: str, says: str, artifact_files: Files, fields: dict[str, str]
) -> None:
    with pytest.raises(ArtifactRefused, match=says):
        _check(artifact_files(fields, **{key: value}))


def test_a_module_whose_version_magic_is_of_another_kernel_is_refused(
    module_without_a_kernel: Callable[..., bytes],
    manifest_of: Callable[..., bytes],
    fields: dict[str, str],
) -> None:
    module = module_without_a_kernel(fields, vermagic="6.1.0-55-cloud-amd64 SMP")
    manifest = manifest_of(fields, module, b"")
    with pytest.raises(ArtifactRefused, match=r"kernel release 6\.1\.0-55-cloud-amd64"):
        Artifact.check(module, manifest, b"")


def test_fields_that_the_builder_could_not_read_are_not_compared(
    module_without_a_kernel: Callable[..., bytes],
    manifest_of: Callable[..., bytes],
    fields: dict[str, str],
) -> None:
    magic = fields["vermagic"]
    fields.update(vermagic="", module_layout="")
    module = module_without_a_kernel(fields, vermagic=magic, layout=0x12345678)
    selftest = b""
    Artifact.check(module, manifest_of(fields, module, selftest, imports="_printk"), selftest)


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF" + b"\xff" * 200, b"#!/bin/sh\n"])
def test_what_is_no_module_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactRefused):
        ModuleElf.parse(data)


def test_a_program_is_no_module() -> None:
    with pytest.raises(ArtifactRefused, match="not a kernel module"):
        ModuleElf.parse(Path("/bin/sh").read_bytes())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_no_flipped_byte_does_more_than_be_refused(
    place: int, value: int, artifact_files: Files, fields: dict[str, str]
) -> None:
    module = bytearray(_cached(artifact_files, fields))
    module[place % len(module)] = value
    with contextlib.suppress(ArtifactRefused):
        ModuleElf.parse(bytes(module))


_MODULES: dict[str, bytes] = {}


def _cached(artifact_files: Files, fields: dict[str, str]) -> bytes:
    if "module" not in _MODULES:
        _MODULES["module"] = artifact_files(fields)["toa.ko"]
    return _MODULES["module"]


def test_a_missing_file_of_an_artifact_is_named(
    artifact_directory: Callable[..., Path], fields: dict[str, str]
) -> None:
    directory = artifact_directory(fields)
    (directory / "manifest").unlink()
    with pytest.raises(LocalError, match="manifest"):
        Artifact.read(directory)


def test_a_refused_artifact_is_named_by_its_directory(
    artifact_directory: Callable[..., Any], fields: dict[str, str]
) -> None:
    directory = artifact_directory(fields)
    (directory / "toa-selftest").write_bytes(b"else")
    with pytest.raises(ArtifactRefused, match=str(directory)):
        Artifact.read(directory)
