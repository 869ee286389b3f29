# SPDX-License-Identifier: GPL-2.0-only
"""The pip-installed package as a Salt extension: found through its entry point,
with nothing among the file_roots."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from minions import Minion
from node_trees import CHECKOUT

_PARTS = (
    "_beacons",
    "_grains",
    "_modules",
    "_runners",
    "_states",
    "kmod",
    "toa_fleet",
    "setup.cfg",
    "pyproject.toml",
)

pytestmark = pytest.mark.every_salt


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the package in it, as pip installs it."""
    # A copy, for setuptools leaves its products beside what it builds.
    home = tmp_path_factory.mktemp("package")
    source = home / "source"
    source.mkdir()
    for name in _PARTS:
        path = CHECKOUT / name
        if path.is_dir():
            shutil.copytree(
                path, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.o", "*.ko")
            )
        else:
            shutil.copy(path, source / name)
    (source / "README.md").write_text("tests\n")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*pip, "--target", str(home / "site"), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"NO WHEEL can be built here: {done.stderr.strip()[-600:]}")
    return home / "site"


@pytest.fixture
def salt_call(minion: Minion, site: Path, tmp_path: Path) -> Any:
    home = tmp_path / "minion"
    home.mkdir()
    config = {
        "id": "packaged",
        "file_client": "local",
        "root_dir": str(home),
        "cachedir": str(home / "cache"),
        "pki_dir": str(home / "pki"),
        "log_file": str(home / "log"),
        "file_roots": {"base": [str(home / "nothing")]},
        "pillar_roots": {"base": [str(home / "nothing")]},
    }
    (home / "minion").write_text(json.dumps(config))

    def salt_call(*words: str) -> Any:
        done = minion.salt_call(
            *("--config-dir", str(home), "--out=json", *words),
            env={**os.environ, "PYTHONPATH": str(site)},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["local"]

    return salt_call


def test_the_module_brings_its_program_and_its_sources(salt_call: Any, minion: Minion) -> None:
    assert salt_call("toa.fingerprint")["node_version"]
    assert salt_call("toa.source_hash") == minion.call("toa.source_hash")


def test_the_states_are_there(salt_call: Any) -> None:
    (result,) = salt_call("state.single", "toa.absent", "toa", "test=True").values()
    assert "toa" in result["comment"]
    assert result["__run_num__"] == 0


def test_the_beacon_is_there(salt_call: Any, site: Path) -> None:
    assert (site / "toa_fleet" / "saltext" / "beacons" / "toa.py").is_file()
    assert salt_call("toa.problems") == {}


def test_the_grain_is_there(salt_call: Any, site: Path) -> None:
    if not (site / "toa_fleet" / "saltext" / "grains").is_dir():
        pytest.skip("NO GRAINS in the package: setup.cfg does not map _grains yet")
    grain = salt_call("grains.item", "toa")["toa"]
    assert grain["fingerprint"] == salt_call("toa.fingerprint")["fingerprint"]
