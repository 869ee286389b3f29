# SPDX-License-Identifier: GPL-2.0-only
"""Minions for the tests of the Salt extension.

``minion`` is a real Salt (see salt_versions.py), masterless, whose file_roots are this
checkout, as the documentation says: nothing is installed. ``tree`` is a node
that may be changed: a directory, and a stand-in for toa-node that plays the
kernel. Nothing here ever loads a module into the host.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import salt_versions
from minions import Minion
from node_trees import Tree, make_tree


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The first one that needs a Salt may have to install it."""
    left_out = []
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))
            given = getattr(getattr(item, "callspec", None), "params", {})
            version = str(given.get("minion") or given.get("estate"))
            if salt_versions.is_left_out(
                version, item.get_closest_marker("every_salt") is not None
            ):
                left_out.append(item)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session", params=salt_versions.versions())
def minion(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Minion]:
    try:
        minion = Minion(request.param, tmp_path_factory.mktemp(f"minion-{request.param}"))
    except salt_versions.NoSalt as why:
        pytest.skip(f"NO SALT {request.param}: {why}")
    yield minion
    minion.close()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return make_tree(tmp_path / "node")


@pytest.fixture
def program(tree: Tree) -> str:
    """The stand-in for toa-node that works on the tree."""
    return str(tree.program)
