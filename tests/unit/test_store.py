# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest

from toa_fleet.artifact import Artifact
from toa_fleet.errors import ArtifactRefused, LocalError
from toa_fleet.store import Store


@pytest.fixture
def artifact(artifact_files: Callable[..., Any], fields: dict[str, str]) -> Artifact:
    files = artifact_files(fields)
    return Artifact.check(files["toa.ko"], files["manifest"], files["toa-selftest"])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_store_that_was_never_used_is_empty(store: Store) -> None:
    assert store.load() == ([], [])


def test_what_was_added_comes_back_under_its_fingerprint_and_id(
    store: Store, artifact: Artifact
) -> None:
    home = store.add(artifact)
    assert home == store.root / artifact.fingerprint.id / artifact.id
    assert store.load() == ([artifact], [])
    assert store.find(artifact.id) == artifact


def test_adding_again_changes_nothing(store: Store, artifact: Artifact) -> None:
    before = store.add(artifact).stat().st_ino
    assert store.add(artifact).stat().st_ino == before


@pytest.mark.parametrize("name", ["toa.ko", "manifest", "toa-selftest"])
def test_a_damaged_artifact_is_named_left_out_and_mended_by_adding_it_again(
    name: str, store: Store, artifact: Artifact
) -> None:
    home = store.add(artifact)
    (home / name).write_bytes((home / name).read_bytes()[:-5])
    good, bad = store.load()
    assert good == []
    assert str(home) in bad[0].detail
    with pytest.raises(ArtifactRefused):
        store.find(artifact.id)

    store.add(artifact)
    assert store.load() == ([artifact], [])
    assert [path.name for path in home.parent.iterdir()] == [artifact.id]


def test_an_artifact_under_a_wrong_name_is_refused(store: Store, artifact: Artifact) -> None:
    home = store.add(artifact)
    home.rename(home.with_name("0" * 16))
    _, bad = store.load()
    assert artifact.id in bad[0].detail


def test_a_kill_while_writing_leaves_nothing_that_is_read(
    store: Store, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        store.add(artifact)
    assert store.load() == ([], [])


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_store_that_cannot_be_written_says_so(tmp_path: Path, artifact: Artifact) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(LocalError, match="--store"):
        Store(tmp_path / "locked" / "store").add(artifact)


def test_a_store_that_is_a_file_says_so(tmp_path: Path, artifact: Artifact) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="cannot store"):
        Store(tmp_path / "file").add(artifact)


def test_an_unknown_id_is_said_to_be_unknown(store: Store) -> None:
    with pytest.raises(LocalError, match="no artifact"):
        store.find("0" * 16)
