# SPDX-License-Identifier: GPL-2.0-only
"""A real Salt master with real minions on loopback; each minion's node is a tree."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import salts
from minions import serve_checkout
from trees import Tree, make_artifact, make_tree


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Estate:
    """Starts on entry, ends with all its processes on exit."""

    def __init__(
        self, version: str, home: Path, names: list[str], beacons: dict[str, Any] | None = None
    ) -> None:
        self.home = home
        #: By minion, its configuration of the toa beacon.
        self._beacons = beacons or {}
        self.python = salts.python_of(version)
        self.artifacts = home / "served" / "toa" / "artifacts"
        self.artifacts.mkdir(parents=True)
        self.trees = {name: self._tree(name) for name in names}
        self._ports = {"publish_port": free_port(), "ret_port": free_port()}
        self._processes: list[subprocess.Popen[bytes]] = []

    def _tree(self, name: str) -> Tree:
        (self.home / name).mkdir()
        return make_tree(self.home / name / "node")

    def __enter__(self) -> Estate:
        ports = self._ports
        self._write("master", self._master(ports))
        self._start("salt-master", self.home / "master")
        for name in self.trees:
            self._write(name, self._minion(name), "minion")
            self._start("salt-minion", self.home / name, TOA_ROOT=str(self.trees[name].root))
        try:
            self._wait_for_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # They fork; nothing of a group stays behind.
        for number, patience in ((signal.SIGTERM, 3), (signal.SIGKILL, 10)):
            for process in self._processes:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            deadline = time.monotonic() + patience
            for process in self._processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.1, deadline - time.monotonic()))

    def _directories(self, name: str) -> dict[str, str]:
        home = self.home / name
        places = {"cachedir": "cache", "pki_dir": "pki", "sock_dir": "s", "log_file": "log"}
        return {"root_dir": str(home), **{key: str(home / to) for key, to in places.items()}}

    def _master(self, ports: dict[str, int]) -> dict[str, Any]:
        roots = [*serve_checkout(self.home), str(self.home / "served")]
        return {
            **self._directories("master"),
            **ports,
            "interface": "127.0.0.1",
            "auto_accept": True,
            "file_recv": True,
            "reactor": [{"salt/beacon/*/toa/gone": ["salt://toa/reactor/gone.sls"]}],
            "worker_threads": 2,
            "file_roots": {"base": roots},
            "pillar_roots": {"base": [str(self.home / "pillar")]},
            "timeout": 30,
            "gather_job_timeout": 30,
        }

    def _minion(self, name: str) -> dict[str, Any]:
        beacons = {"toa": self._beacons[name]} if name in self._beacons else {}
        return {
            "beacons": beacons,
            **self._directories(name),
            "id": name,
            "master": "127.0.0.1",
            **self.ports_of_minions,
            "toa": {"node_program": str(self.trees[name].program)},
            "startup_states": "",
            "mine_enabled": False,
        }

    def _write(self, name: str, config: dict[str, Any], kind: str = "master") -> None:
        directory = self.home / name
        directory.mkdir(exist_ok=True)
        (directory / kind).write_text(json.dumps(config))

    def _start(self, program: str, config: Path, **environment: str) -> None:
        with (config / "stderr").open("wb") as stderr:
            self._processes.append(
                subprocess.Popen(
                    [str(self.python.parent / program), "-c", str(config), "-l", "warning"],
                    stdout=stderr,
                    stderr=stderr,
                    env={**os.environ, **environment},
                    start_new_session=True,
                )
            )

    @property
    def ports_of_minions(self) -> dict[str, int]:
        """What a minion elsewhere needs in its configuration, besides the address."""
        ports = self._ports
        return {"master_port": ports["ret_port"], "publish_port": ports["publish_port"]}

    def _wait_for_all(self) -> None:
        deadline = time.monotonic() + 240
        while not self._listens() and time.monotonic() < deadline:
            time.sleep(0.2)
        while time.monotonic() < deadline:
            answers = self.salt("*", "test.ping", "--timeout=5")
            if set(answers) == set(self.trees):
                return
        raise AssertionError(f"the estate does not come up: {self.logs()}")

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._ports["ret_port"]), 1).close()
        except OSError:
            return False
        return True

    def logs(self) -> str:
        """What master and minions said last."""
        return "".join(path.read_text()[-1500:] for path in self.home.glob("*/stderr"))

    def salt(self, *words: str) -> dict[str, Any]:
        """``salt``; the answers by minion."""
        return self._json("salt", *words, "--static")

    def serve(self, name: str) -> dict[str, str]:
        """Puts an artifact for a minion's system on the fileserver."""
        facts = self.trees[name].facts
        place = self.artifacts / facts["fingerprint"]
        shutil.rmtree(place, ignore_errors=True)
        return make_artifact(place, facts)

    def orchestrate(self, **settings: Any) -> dict[str, dict[str, Any]]:
        """The orchestration; results by state id."""
        pillar = {
            "toa": {
                "orchestrate": {
                    "artifacts": str(self.artifacts),
                    "build_directory": str(self.home / "build"),
                    **settings,
                }
            }
        }
        said = self._json(
            "salt-run", "state.orchestrate", "toa.orchestrate", f"pillar={json.dumps(pillar)}"
        )
        (results,) = said["data"].values()
        return {result["__id__"]: result for result in results.values()}

    def _json(self, program: str, *words: str) -> dict[str, Any]:
        done = subprocess.run(
            [
                str(self.python.parent / program),
                *("-c", str(self.home / "master"), "--out=json", "-l", "critical", *words),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        # Salt may say something before: that nobody matched a target.
        answer = done.stdout[done.stdout.find("{") :] if "{" in done.stdout else "{}"
        try:
            found = json.loads(answer)
        except ValueError:
            raise AssertionError(f"{words}: {done.stdout}\n{done.stderr}") from None
        assert isinstance(found, dict), done.stdout
        return found
