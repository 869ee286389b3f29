# SPDX-License-Identifier: GPL-2.0-only
"""Entries of the lab's cache are whole or not there."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lab import cache

ROOT = Path(__file__).resolve().parents[2]

# Makes an entry slowly; says when it has begun.
SLOW = """
import sys, time
from pathlib import Path
from lab import cache

def make(folder: Path) -> None:
    (folder / "half").write_text("")
    print("begun", flush=True)
    time.sleep(60)

cache.entry("thing", "recipe", make)
"""


def write(folder: Path) -> None:
    (folder / "whole").write_text("yes")


def test_an_entry_is_made_once(empty_cache: Path) -> None:
    calls: list[Path] = []
    for _ in range(2):
        path = cache.entry("thing", "recipe", calls.append)
    assert len(calls) == 1
    assert path.is_dir()


def test_another_recipe_is_another_entry(empty_cache: Path) -> None:
    assert cache.entry("thing", ["a", 1], write) != cache.entry("thing", ["a", 2], write)


def test_a_failed_maker_leaves_nothing(empty_cache: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise ValueError("no space")

    with pytest.raises(ValueError, match="no space"):
        cache.entry("thing", "recipe", fail)
    assert not list((empty_cache / "staging").iterdir())
    assert (cache.entry("thing", "recipe", write) / "whole").read_text() == "yes"


def test_a_killed_maker_leaves_no_entry_and_the_next_run_makes_it(empty_cache: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "begun\n"
        maker.kill()
    assert not (empty_cache / "entries").exists()
    path = cache.entry("thing", "recipe", write)
    assert [file.name for file in path.iterdir()] == ["whole"]


def test_two_runs_at_once_make_it_once(empty_cache: Path) -> None:
    calls = []

    def slowly(folder: Path) -> None:
        calls.append(folder)
        time.sleep(0.3)

    threads = [
        threading.Thread(target=cache.entry, args=("thing", "recipe", slowly)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
