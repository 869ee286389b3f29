# SPDX-License-Identifier: GPL-2.0-only
"""The formula in a real Salt: what it renders to, and `state.apply toa`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from minions import Minion
from node_trees import CHECKOUT, Tree, make_artifact

FORMULA = CHECKOUT / "salt"


def arguments(rendered: Any, state_id: str, function: str) -> dict[str, Any]:
    """The arguments of one state of state.show_sls."""
    assert isinstance(rendered, dict), rendered
    words = next(value for key, value in rendered[state_id].items() if key == function)
    return {key: value for word in words if isinstance(word, dict) for key, value in word.items()}


def with_pillar(tree: Tree, **toa: Any) -> dict[str, Any]:
    return {"toa": {"node_program": str(tree.program), **toa}}


@pytest.mark.every_salt
def test_it_is_applied_and_cleaned(minion: Minion, tree: Tree, tmp_path: Path) -> None:
    before = tree.content()
    facts = tree.facts
    make_artifact(tmp_path / "served" / facts["fingerprint"], facts)
    pillar = with_pillar(tree, artifacts=str(tmp_path / "served"))

    test = minion.apply("toa", pillar=pillar, test=True)["toa-is-present"]
    done = minion.apply("toa", pillar=pillar)["toa-is-present"]
    again = minion.apply("toa", pillar=pillar)["toa-is-present"]
    assert (test["result"], done["result"], again["result"]) == (None, True, True)
    assert done["changes"] == test["changes"]
    assert again["changes"] == {}

    test = minion.apply("toa.clean", pillar=pillar, test=True)["toa-is-absent"]
    done = minion.apply("toa.clean", pillar=pillar)["toa-is-absent"]
    again = minion.apply("toa.clean", pillar=pillar)["toa-is-absent"]
    assert (test["result"], done["result"], again["result"]) == (None, True, True)
    assert done["changes"] == test["changes"]
    assert again["changes"] == {}
    assert tree.content() == before


def test_without_a_pillar_it_leaves_the_places_to_the_module(minion: Minion) -> None:
    rendered = minion.call("state.show_sls", "toa")
    assert list(rendered) == ["toa-is-present"]
    assert arguments(rendered, "toa-is-present", "toa") == {
        "name": "toa",
        "source": "auto",
        "artifacts": "salt://toa/artifacts",
        "allow_build": False,
        "persist": True,
        "replace_foreign": False,
        "allow_unproven": False,
        "reload": False,
        "order": 10000,
    }


def test_lookup_stands_below_the_pillar_itself(minion: Minion) -> None:
    pillar = {"toa": {"lookup": {"persist": False, "source": "build"}, "source": "fileserver"}}
    rendered = minion.call("state.show_sls", "toa", pillar=pillar)
    found = arguments(rendered, "toa-is-present", "toa")
    assert (found["persist"], found["source"]) == (False, "fileserver")


@pytest.mark.every_salt
def test_the_toolchain_comes_where_minions_build(minion: Minion) -> None:
    for pillar in ({"source": "build"}, {"toolchain": {"install": True}}):
        rendered = minion.call("state.show_sls", "toa", pillar={"toa": pillar})
        assert set(rendered) == {"toa-toolchain-is-installed", "toa-is-present"}
        require = arguments(rendered, "toa-is-present", "toa")["require"]
        assert require == [{"sls": "toa.toolchain"}]


def test_headers_from_elsewhere_are_the_pillars(minion: Minion) -> None:
    given = {"headers_package": ["/root/a.deb", "/root/b.deb"], "sha256": ["0" * 64, "1" * 64]}
    pillar = {"toa": {"toolchain": given, "node_program": "/n"}}
    rendered = minion.call("state.show_sls", "toa.toolchain", pillar=pillar)
    found = arguments(rendered, "toa-toolchain-is-installed", "toa")
    assert found == {"name": "toa", **given, "node_program": "/n", "order": 10000}


@pytest.mark.every_salt
def test_the_legacy_kernel_is_the_pillars(minion: Minion) -> None:
    given = {"sha256": "0" * 64, "reboot": True, "jobs": 4}
    pillar = {"toa": {"legacy_kernel": {"source": "/srv/kernel.src.rpm", **given}}}
    rendered = minion.call("state.show_sls", "toa.legacy_kernel", pillar=pillar)
    found = arguments(rendered, "toa-legacy-kernel-is-there", "toa")
    assert found == {"name": "/srv/kernel.src.rpm", **given, "order": 10000}
    (failed,) = minion.apply("toa.legacy_kernel").values()
    assert failed["result"] is False
    assert "the pillar has no `toa:legacy_kernel`" in failed["comment"]


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize(
    ("pillar", "message"),
    [
        ("text", "the pillar `toa` must be a mapping"),
        ([1, 2], "the pillar `toa` must be a mapping"),
        ({"presist": False}, "the pillar `toa` has `presist`, which is no setting"),
        ({"lookup": {1: 2}}, "the pillar `toa` has `1`, which is no setting"),
        ({"salt_ssh": "text"}, "the pillar `toa:salt_ssh` must be a mapping"),
        ({"lookup": "text"}, "the pillar `toa:lookup` must be a mapping"),
        ({"toolchain": "gcc"}, "the pillar `toa:toolchain` must be a mapping"),
        ({"legacy_kernel": "x"}, "the pillar `toa:legacy_kernel` must be a mapping with source"),
        ({"legacy_kernel": {"source": "/x"}}, "the pillar `toa:legacy_kernel` must be a mapping"),
        ({"toolchain": {"install": "yes"}}, "the pillar `toa:toolchain` must be a mapping"),
        ({"source": "internet"}, "source must be one of auto, fileserver, build"),
        ({"source": {"build": True}}, "source must be one of auto, fileserver, build"),
        ({"artifacts": ["salt://a"]}, "artifacts must be an absolute path or a salt:// URL"),
        ({"persist": "maybe"}, "persist must be True or False, not 'maybe' (str)"),
        ({"parameters": "kinds=254"}, "parameters must be a mapping of names and values"),
        ({"parameters": {"trusted": 1.5}}, "trusted is a list, not 1.5 (float)"),
        ({"reload": "now"}, "reload must be True or False, not 'now' (str)"),
        ({"node_program": 7}, "node_program must be an absolute path or a salt:// URL"),
        ({"node_program": "/nowhere"}, "the node program /nowhere is not there"),
    ],
)
def test_a_wrong_pillar_is_one_readable_comment(
    minion: Minion, pillar: Any, message: str, test: bool
) -> None:
    (failed,) = minion.apply("toa", pillar={"toa": pillar}, test=test).values()
    assert failed["result"] is False
    assert failed["changes"] == {}
    assert message in failed["comment"]
    assert "\n" not in failed["comment"]


@pytest.mark.every_salt
def test_the_command_fails_without_a_traceback(minion: Minion) -> None:
    done = minion.salt_call("state.apply", "toa", 'pillar={"toa": [1]}')
    assert done.returncode != 0
    assert "the pillar `toa` must be a mapping" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_example_pillar_is_the_defaults(minion: Minion) -> None:
    yaml = pytest.importorskip("yaml")
    example = yaml.safe_load((FORMULA / "toa" / "pillar.example").read_text())
    shown = minion.call("state.show_sls", "toa", pillar=example)
    assert shown == minion.call("state.show_sls", "toa")


def test_salt_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("salt-lint")
    if not lint.exists():
        found = shutil.which("salt-lint")
        if not found:
            pytest.skip("NO salt-lint: pip install salt-lint")
        lint = Path(found)
    files = [str(path) for suffix in ("sls", "jinja") for path in FORMULA.rglob(f"*.{suffix}")]
    assert files
    # 205 wants .sls for everything, map.jinja included.
    done = subprocess.run([lint, "-x", "205", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
