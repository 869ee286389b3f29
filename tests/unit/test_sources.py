# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from toa_fleet import sources
from toa_fleet.errors import LocalError


def test_the_source_tree_has_its_own_copy() -> None:
    assert sources.kmod_directory() == Path(__file__).resolve().parents[2] / "kmod"


def test_sources_are_without_leftovers_of_builds_and_editors(tmp_path: Path) -> None:
    for name in ("Makefile", "main.c", "main.h", "COPYING"):
        (tmp_path / name).write_text("")
    for name in ("toa.ko", "main.o", "toa.mod", "toa.mod.c", "Module.symvers", "modules.order"):
        (tmp_path / name).write_text("")
    for name in (".main.o.cmd", "main.c~", "__pycache__/x.pyc", ".tmp/x.c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    names = [name for name, _ in sources.kmod_sources(tmp_path)]
    assert names == ["COPYING", "Makefile", "main.c", "main.h"]


def test_the_hash_is_that_of_sha256sum_and_sort(tmp_path: Path) -> None:
    if not shutil.which("sha256sum"):
        pytest.skip("NOT TESTED: no sha256sum here")
    (tmp_path / "sub").mkdir()
    for name in ("Makefile", "main.c", "sub/other.c"):
        (tmp_path / name).write_text(name)
    command = (
        "find . -type f -exec sha256sum {} + | sed 's,  \\./,  ,' | LC_ALL=C sort"
        " | sha256sum | cut -c 1-64"
    )
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert sources.source_hash(sources.kmod_sources(tmp_path)) == done.stdout.strip()


def test_a_directory_without_a_makefile_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("")
    with pytest.raises(LocalError, match="Makefile"):
        sources.kmod_sources(tmp_path)


def test_a_directory_with_far_more_than_sources_is_refused(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("")
    (tmp_path / "disk.img").write_bytes(bytes(5 << 20))
    with pytest.raises(LocalError, match="not the sources alone"):
        sources.kmod_sources(tmp_path)
