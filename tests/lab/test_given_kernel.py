# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that somebody brings along: known by their own words, refused where half is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

import lab

RELEASE = "3.10.0-1160.el7.x86_64"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a bzImage of which only what is read of it is there."""
    image = bytearray(0x400)
    image[0x202:0x206] = b"HdrS"
    image[0x20E:0x210] = (0x100).to_bytes(2, "little")
    words = f"{RELEASE} (build@host) #1 SMP\0".encode()
    image[0x300 : 0x300 + len(words)] = words
    (tmp_path / "vmlinuz").write_bytes(image)
    return tmp_path


def test_a_kernel_is_known_by_what_its_image_says(folder: Path) -> None:
    kernel = lab.given(folder)
    assert (kernel.release, kernel.version) == (RELEASE, "(build@host) #1 SMP")


def test_what_is_no_kernel_is_told(tmp_path: Path) -> None:
    with pytest.raises(lab.LabError, match="no kernel in"):
        lab.given(tmp_path)
    (tmp_path / "vmlinuz").write_bytes(b"\x7fELF" + bytes(0x400))
    with pytest.raises(lab.LabError, match="no x86 bzImage"):
        lab.given(tmp_path)


def test_a_kernel_without_a_module_has_none_to_load(folder: Path) -> None:
    with pytest.raises(lab.LabError, match=f"no {folder}/toa.ko"):
        _ = lab.given(folder).module
    (folder / "toa.ko").touch()
    assert lab.given(folder).module == folder / "toa.ko"


def test_modules_without_an_index_would_not_be_found_and_are_refused(folder: Path) -> None:
    modules = folder / "lib/modules" / RELEASE
    modules.mkdir(parents=True)
    with pytest.raises(lab.LabError, match=f"depmod -b {folder} {RELEASE}"):
        lab.given(folder)


def test_another_index_makes_another_machine(folder: Path) -> None:
    without = lab.given(folder).image
    index = folder / "lib/modules" / RELEASE / "modules.dep"
    index.parent.mkdir(parents=True)
    index.write_text("kernel/drivers/net/tun.ko:\n")
    assert lab.given(folder).image != without
