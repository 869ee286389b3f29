# SPDX-License-Identifier: GPL-2.0-only
"""``toa-fleet push --carrier salt`` to more minions than a test can start: time, memory,
calls and their size, of our own part. Salt's is a stand-in (stand_in_local_client.py).

``TOA_TEST_MINIONS=5000 pytest -s tests/salt/test_many_minions.py`` measures it with more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from node_trees import CHECKOUT

from toa_fleet.fingerprint import Fingerprint

MANY = int(os.environ.get("TOA_TEST_MINIONS", "600"))
PARALLEL = 100
#: Names that a shell, a terminal or a path could stumble over.
ODD = ["fe80::1", "name with spaces", "$(reboot)", "*", "münchen", "x" * 200, "-rf", "a'b\"c"]

#: Like the Python that has Salt, but for which Salt it finds.
_PYTHON = """\
#!/bin/sh
shift
exec {python} -c '
import runpy, sys
sys.path.insert(0, "{package}")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")' "$@"
"""

#: Runs what follows, and tells what it and its children took at most.
_MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[2:]).returncode
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""


@pytest.fixture
def estate(
    tmp_path: Path, fields: dict[str, str], artifact_directory: Callable[..., Path]
) -> dict[str, Any]:
    package = tmp_path / "package" / "salt"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "client.py").symlink_to(CHECKOUT / "tests/salt/stand_in_local_client.py")
    (tmp_path / "python").write_text(_PYTHON.format(python=sys.executable, package=package.parent))
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "served").mkdir()
    (tmp_path / "master").touch()
    artifact = artifact_directory(fields)
    manifest = dict(line.split("=", 1) for line in (artifact / "manifest").read_text().splitlines())
    kinds = ["old"] * 10 + ["bad", "off", "twice"] + ["web"] * 87
    minions = [f"{kinds[number % 100]}-{number:05}.example" for number in range(MANY)]
    rest = {f"gate.{name}": "open" for name in ("root", "disk", "kprobes", "signature")}
    facts = {**fields, "loaded": "no", "installed": "", "artifacts": "", **rest}
    old = {"os_version_id": "11"}
    return {
        "minions": [*minions, *ODD],
        "facts": {**facts, "fingerprint": Fingerprint.of(fields).id},
        "old": {**old, "fingerprint": Fingerprint.of({**fields, **old}).id},
        "build_id": manifest["build_id"],
        "file_root": str(tmp_path / "served"),
        "log": str(tmp_path / "log"),
        "artifact": str(artifact),
        "takes": {"deploy": [0.2, 1]},
    }


def push(estate: dict[str, Any], home: Path, *words: str, **changes: Any) -> list[str]:
    """The command, for an estate with changes."""
    (home / "estate.json").write_text(json.dumps({**estate, **changes}))
    return [
        *(sys.executable, "-m", "toa_fleet", "push", "--carrier", "salt", "--target", "*"),
        *("--salt-config", str(home), "--salt-python", str(home / "python")),
        *("--store", str(home / "store"), "--artifact", estate["artifact"], *words),
    ]


def test_a_push_to_many(estate: dict[str, Any], tmp_path: Path) -> None:
    words = ("--parallel", str(PARALLEL), "--canary", "0", "--json")
    command = push(estate, tmp_path, *words)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(tmp_path / "memory"), *command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )
    seconds = time.monotonic() - started
    assert done.stdout.startswith("{"), done.stderr
    nodes = {node["host"]: node for node in json.loads(done.stdout)["nodes"]}
    calls = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    memory = int((tmp_path / "memory").read_text()) // 1024
    print(
        f"\n{len(nodes)} minions: {seconds:.1f} s, {memory} MiB at most, {len(calls)} calls, "
        f"the largest of {max(call['bytes'] for call in calls)} bytes, "
        f"{len(done.stdout) // 1024} KiB of report"
    )

    found = Counter((node["outcome"], node.get("class") or "") for node in nodes.values())
    wanted = Counter({("refused", "mismatch"): MANY // 10, ("failed", "proof"): MANY // 100})
    wanted["failed", "silent"] = MANY // 100
    done_well = sum(number for (outcome, _), number in found.items() if outcome == "done")
    assert {key: number for key, number in found.items() if key[0] != "done"} == wanted
    assert done_well == MANY - sum(wanted.values()) + len(ODD)
    assert {nodes[name]["outcome"] for name in ODD} == {"done"}

    assert [call["verb"] for call in calls] == ["status"] + ["deploy"] * (len(calls) - 1)
    deployed = MANY - MANY // 10 - MANY // 100 + len(ODD)
    assert sum(call["minions"] for call in calls[1:]) == deployed
    assert len(calls) < 5 * deployed / PARALLEL, "hardly fewer calls than minions"
    # Names only: the artifact lies on the fileserver, once.
    assert max(call["bytes"] for call in calls) < 300 + PARALLEL * 220
    assert memory < 200 + MANY // 50
    assert not any((tmp_path / "served").iterdir())


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"refuses": "Authorization error"}, 2, "(glob); Salt says: Authorization error"),
        ({"backends": ["gitfs"]}, 4, "serves none of its file_roots -> add `roots`"),
    ],
)
def test_a_master_that_cannot_is_one_readable_line(
    estate: dict[str, Any], tmp_path: Path, changes: dict[str, Any], status: int, said: str
) -> None:
    command = push({**estate, "minions": ["web-1"]}, tmp_path, **changes)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shown = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode, said in shown) == (status, True), shown
