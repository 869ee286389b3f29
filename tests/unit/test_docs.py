# SPDX-License-Identifier: GPL-2.0-only
"""What the pages name is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "salt/toa/README.md"]
#: Events of Salt have tags that begin with salt/, too.
_SKIPPED = {"build", "salt"}
_NAMES = [each.name for each in ROOT.iterdir() if each.is_dir() and each.name not in _SKIPPED]
FOLDERS = "|".join([*_NAMES, "salt/toa"])
#: Made by a build; the pages say so.
MADE = {"kmod/have.h", "kmod/have.log", "kmod/toa.ko"}


def named(page: Path) -> set[str]:
    """The paths of this tree that a page names in `...`; NAME stands for any name."""
    words = re.findall(r"`([^`\n]+)`", page.read_text())
    return {word for word in words if re.fullmatch(rf"({FOLDERS})/[\w./*{{}},-]*", word)} - MADE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_that_a_page_names_are_there(page: Path) -> None:
    patterns = {word: re.sub(r"\bNAME\b|\{[^}]*\}", "*", word) for word in named(page)}
    assert [word for word, pattern in patterns.items() if not any(ROOT.glob(pattern))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text())
    links = [link for link in links if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_page_of_changes_names_functions_that_are_there() -> None:
    page = (ROOT / "docs/where.md").read_text()
    names = set(re.findall(r"`((?:register|undo)_\w+)", page))
    assert len(names) > 5
    for name in names:
        command = ["grep", "-rqE", rf"^{name}\(\)", ROOT / "toa_fleet/node"]
        assert subprocess.run(command, check=False).returncode == 0, name
