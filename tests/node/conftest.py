# SPDX-License-Identifier: GPL-2.0-only
"""Every test of toa-node runs under each shell that a node may have."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from node_support import SHELLS, make_artifact, make_tree


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell in node_support.SHELLS."""
    name: str = request.param
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"NOT TESTED under {name}: it is not installed")
    return name


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A system tree that nobody runs."""
    return make_tree(tmp_path / "tree")


@pytest.fixture(scope="session")
def made_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good artifact for that tree; never changed."""
    return make_artifact(tmp_path_factory.mktemp("made") / "artifact")


@pytest.fixture(scope="session")
def newer_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another good artifact for the same tree; never changed."""
    return make_artifact(tmp_path_factory.mktemp("newer") / "artifact", number=2)


@pytest.fixture
def artifact(tmp_path: Path, made_artifact: Path) -> Path:
    """A copy of the good artifact, to be spoilt."""
    return Path(shutil.copytree(made_artifact, tmp_path / "artifact"))
