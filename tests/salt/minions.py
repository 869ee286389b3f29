# SPDX-License-Identifier: GPL-2.0-only
"""A real Salt without a master, for the tests to ask."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import salt_versions
from node_trees import CHECKOUT


def serve_checkout(home: Path) -> list[str]:
    """file_roots as the documentation says, without what lies about in a
    developer's checkout: Salt walks all of it again and again."""
    checkout = home / "checkout"
    checkout.mkdir()
    for name in ("_beacons", "_grains", "_modules", "_runners", "_states"):
        (checkout / name).symlink_to(CHECKOUT / name)
    for name in ("kmod", "salt", "toa_fleet"):
        (checkout / name).symlink_to(CHECKOUT / name)
    return [str(checkout), str(checkout / "salt")]


class Failed(Exception):
    """What a function of Salt raised: its type's name and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class Minion:
    """A real Salt without a master."""

    def __init__(self, version: str, home: Path) -> None:
        self.version = version
        self.home = home
        self.python = salt_versions.python_of(version)
        self.artifacts = home / "served" / "toa" / "artifacts"
        self.artifacts.mkdir(parents=True)
        self._configure()
        self._process = subprocess.Popen(
            [str(self.python), str(Path(__file__).with_name("caller.py")), str(home / "minion")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(home / "stderr").open("w"),
            text=True,
        )

    def _configure(self) -> None:
        roots = [*serve_checkout(self.home), str(self.home / "served")]
        config = {
            "id": "toa-test",
            "file_client": "local",
            "root_dir": str(self.home),
            "cachedir": str(self.home / "cache"),
            "pki_dir": str(self.home / "pki"),
            "sock_dir": str(self.home / "sock"),
            "log_file": str(self.home / "log"),
            "file_roots": {"base": roots},
            "pillar_roots": {"base": [str(self.home / "pillar")]},
        }
        (self.home / "minion").write_text(json.dumps(config))

    def call(self, function: str, *args: Any, grains: Any = None, **kwargs: Any) -> Any:
        request = {"function": function, "args": args, "kwargs": kwargs, "grains": grains}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"Salt died: {(self.home / 'stderr').read_text()[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["type"], answer["error"])
        return answer["value"]

    def state(self, function: str, name: str = "toa", **kwargs: Any) -> dict[str, Any]:
        """One state on its own; its result."""
        return _only(self.call("state.single", function, name, **kwargs))

    def apply(self, sls: str, **kwargs: Any) -> dict[str, dict[str, Any]]:
        """Results by the state's id."""
        results = self.call("state.apply", sls, **kwargs)
        assert isinstance(results, dict), results
        return {result["__id__"]: result for result in results.values()}

    def salt_call(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """The command itself, as an operator types it."""
        return subprocess.run(
            [str(self.python.parent / "salt-call"), "--local", "-c", str(self.home), *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)


def _only(results: Any) -> dict[str, Any]:
    assert isinstance(results, dict) and len(results) == 1, results
    return next(iter(results.values()))
