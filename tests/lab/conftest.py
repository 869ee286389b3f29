# SPDX-License-Identifier: GPL-2.0-only
"""A cache of the test's own, and machines where the lab can run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import lab


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lab's cache is an empty directory."""
    monkeypatch.setenv("TOA_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def needs_machines() -> None:
    """Skips, loudly, where no virtual machine can run."""
    reason = lab.available()
    if reason:
        pytest.skip(f"NOT TESTED: {reason}")


@pytest.fixture(scope="module")
def machine(needs_machines: None) -> Iterator[lab.TinyMachine]:
    """One tiny machine of Debian 12's kernel for a whole file of tests."""
    with lab.TinyMachine("bookworm", files={"/root/greeting": "hello\n"}) as booted:
        yield booted
