# SPDX-License-Identifier: GPL-2.0-only
"""What tests of several rooms share: facts of a node, artifacts to push to it."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest

# A shell starts what it puts into the background with Ctrl-C ignored, for all that
# is started from there; what tests start is to be stopped by it.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: A node as it would tell of itself; tests change what they are about.
FIELDS = {
    "arch": "x86_64",
    "page_size": "4096",
    "kernel_release": "6.1.0-56-cloud-amd64",
    "kernel_version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-10-01)",
    "kernel_build_id": "5f" * 20,
    "os_id": "debian",
    "os_version_id": "12",
    "vermagic": "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions",
    "module_layout": "0x12345678",
}

_SOURCE = r"""
#define TAG(name, text) \
  static const char name[] __attribute__((section(".modinfo"), used)) = text
TAG(license, "license=GPL v2");
TAG(vermagic, "vermagic=%(vermagic)s ");
TAG(fingerprint, "toa_fingerprint=%(fingerprint)s");
TAG(srcversion, "srcversion=%(srcversion)s");
TAG(salt, "salt=%(salt)s");
struct version { unsigned long crc; char name[56]; };
static const struct version versions[] __attribute__((section("__versions"), used)) = {
  { 0x%(layout)x, "module_layout" }, { 0xcafe1234, "_printk" },
};
extern int _printk(const char *, ...);
int init_module(void) { return _printk("no kernel ever sees this"); }
"""


@pytest.fixture
def fields() -> dict[str, str]:
    """The hard fields of a node; a copy, to be changed."""
    return dict(FIELDS)


@pytest.fixture(scope="session")
def module_without_a_kernel(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Makes an ELF object with .modinfo, __versions and build-id; no kernel loads it."""
    missing = [tool for tool in ("gcc", "ld") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"NOT TESTED: {', '.join(missing)} missing, no module file can be made")

    def make(fields: dict[str, str], **changes: Any) -> bytes:
        from toa_fleet.fingerprint import Fingerprint

        values: dict[str, Any] = {
            "vermagic": fields["vermagic"],
            "fingerprint": Fingerprint.of(fields).id,
            "srcversion": "0123456789ABCDEF0123456",
            "salt": "",
            "layout": int(fields["module_layout"] or "0", 16),
            **changes,
        }
        directory = tmp_path_factory.mktemp("module")
        (directory / "toa.c").write_text(_SOURCE % values)
        for command in (
            ["gcc", "-c", "-fno-pic", "-o", "toa.o", "toa.c"],
            ["ld", "-r", "--build-id", "-o", "toa.ko", "toa.o"],
        ):
            subprocess.run(command, cwd=directory, check=True)
        return (directory / "toa.ko").read_bytes()

    return make


@pytest.fixture(scope="session")
def manifest_of() -> Callable[..., bytes]:
    """Writes the manifest that belongs to a module."""

    def make(fields: dict[str, str], module: bytes, selftest: bytes, **changes: str) -> bytes:
        from toa_fleet.fingerprint import Fingerprint
        from toa_fleet.module_elf import ModuleElf

        elf = ModuleElf.parse(module)
        values = {
            "manifest": "1",
            **fields,
            "fingerprint": Fingerprint.of(fields).id,
            "sha256": hashlib.sha256(module).hexdigest(),
            "size": str(len(module)),
            "build_id": elf.build_id,
            "srcversion": elf.srcversion,
            "toa_version": "0.1.0",
            "imports": ",".join(f"{name}:{crc}" for name, crc in elf.imports.items()),
            "selftest_sha256": hashlib.sha256(selftest).hexdigest(),
            "source": "ab" * 32,
            "compiler": "gcc 12.2.0",
            "builder": "reference",
            "built_at": "2026-11-22T12:00:00Z",
            "signature": "none",
            **changes,
        }
        return "".join(f"{key}={value}\n" for key, value in values.items()).encode()

    return make


@pytest.fixture(scope="session")
def artifact_files(
    module_without_a_kernel: Callable[..., bytes], manifest_of: Callable[..., bytes]
) -> Callable[..., dict[str, bytes]]:
    """The three files of an artifact for a node with the given fields."""
    selftest = b"#!/bin/sh\nexit 0\n"

    def make(fields: dict[str, str], salt: str = "", **manifest: str) -> dict[str, bytes]:
        module = module_without_a_kernel(fields, salt=salt)
        return {
            "toa.ko": module,
            "manifest": manifest_of(fields, module, selftest, **manifest),
            "toa-selftest": selftest,
        }

    return make


@pytest.fixture
def artifact_directory(tmp_path: Path, artifact_files: Callable[..., Any]) -> Callable[..., Path]:
    """An artifact on disk, as an operator would hand one over."""

    def make(fields: dict[str, str], **changes: Any) -> Path:
        directory = tmp_path / f"artifact{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        for name, data in artifact_files(fields, **changes).items():
            (directory / name).write_bytes(data)
        return directory

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Virtual machines first: they take longest, and run beside the many quick ones."""
    items.sort(key=lambda item: item.get_closest_marker("lab") is None)
