# SPDX-License-Identifier: GPL-2.0-only
"""The wheel: built from a copy of the tree, installed into an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from toa_fleet import __version__, node_program, sources

_ROOT = Path(__file__).resolve().parents[2]
_PROBE = """
import importlib.metadata as metadata, json, os
from toa_fleet import node_program, sources
entry = [each for each in metadata.distribution("toa-fleet").entry_points
         if each.group == "salt.loader"]
package = entry[0].load()
print(json.dumps({
    "package": sources.__file__,
    "kmod": str(sources.kmod_directory()),
    "sources": [name for name, _ in sources.kmod_sources()],
    "hash": sources.source_hash(sources.kmod_sources()),
    "node": len(node_program.node_program()),
    "salt": sorted(name for path in package.__path__ for name in os.listdir(path)),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy in which somebody has also run make in kmod/."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("setup.cfg", "pyproject.toml", "README.md"):
        if (_ROOT / name).exists():
            shutil.copy(_ROOT / name, tree)
    for name in ("toa_fleet", "kmod", "_beacons", "_grains", "_modules", "_runners", "_states"):
        shutil.copytree(_ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("toa.ko", "toa.mod.c", "main.o", "have.h", "selftest/toa-selftest"):
        (tree / "kmod" / name).write_text("a leftover")
    command = [
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--no-index", "--wheel-dir", str(tree / "dist"), str(tree)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next((tree / "dist").glob("*.whl"))


def test_the_wheel_has_the_sources_and_no_leftovers(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for name, _ in sources.kmod_sources():
        assert f"toa_fleet/kmod/{name}" in names
    assert not any(name.endswith("/toa-node") for name in names)
    for kind in ("grains", "modules", "runners", "states"):
        assert f"toa_fleet/saltext/{kind}/toa.py" in names
    leftovers = (".ko", ".o", ".mod.c", "/have.h", "/toa-selftest")
    assert [name for name in names if name.endswith(leftovers)] == []


def test_an_installed_wheel_runs_and_finds_what_it_brought(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    site = next((home / "lib").glob("python*/site-packages"))
    # The dependencies are those of the environment that runs the tests.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [
        *(sys.executable, "-m", "pip", "--python", home / "bin" / "python"),
        *(
            "install",
            "--quiet",
            "--ignore-installed",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            wheel,
        ),
    ]
    subprocess.run(install, check=True)

    shown = subprocess.run(
        [home / "bin" / "toa-fleet", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert __version__ in shown.stdout
    probe = subprocess.run(
        [home / "bin" / "python", "-c", _PROBE],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    found = json.loads(probe.stdout)
    assert found["package"].startswith(str(site))
    assert found["kmod"] == str(site / "toa_fleet" / "kmod")
    assert found["sources"] == [name for name, _ in sources.kmod_sources()]
    assert found["hash"] == sources.source_hash(sources.kmod_sources())
    assert found["node"] == len(node_program.node_program())
    assert {"grains", "modules", "runners", "states"} <= set(found["salt"])
