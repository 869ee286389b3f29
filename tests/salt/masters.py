# SPDX-License-Identifier: GPL-2.0-only
"""A real Salt master with real minions on loopback; each minion's node is a tree.

Minions run as root. The master runs as a user of its own, as that of Salt's
packages does since 3006, where these tests may start it so; then everything that
it reads stands in a place that this user can read.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import salt_versions
from minions import serve_checkout
from node_trees import CHECKOUT, Tree, make_artifact, make_tree


def _masters_user() -> str:
    """Whom the master runs as; empty: as whoever runs the tests."""
    if os.geteuid():
        return ""
    may_mount = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return "" if may_mount.returncode else "nobody"


MASTERS_USER = _masters_user()


def open_to_all(paths: list[Path], scratch: Path) -> list[str]:
    """The beginning of a command for which what lies at these paths can be read by every
    user, although the tests may run in somebody's home: in a mount namespace of its
    own, that home has nothing else in it."""
    closed: dict[Path, list[Path]] = {}
    for path in sorted(map(Path.resolve, paths)):
        for parent in reversed(path.parents):
            if not parent.stat().st_mode & 0o001:
                closed.setdefault(parent, []).append(path)
                break
    lines = ["set -e"]
    for number, (parent, inside) in enumerate(closed.items()):
        real = scratch / f"real-{number}"
        real.mkdir(exist_ok=True)
        lines += [f"mount --bind {parent} {real}", f"mount -t tmpfs -o mode=755 none {parent}"]
        for path in inside:
            there = real / path.relative_to(parent)
            lines += [f"mkdir -p {path}", f"mount --bind {there} {path}"]
    unshare = ["unshare", "--mount", "--propagation", "private"]
    return [*unshare, "sh", "-c", "\n".join([*lines, 'exec "$@"']), "sh"]


def homes_of(python: Path) -> list[Path]:
    """What an interpreter reads: its environment, and what that is made from."""
    asked = [str(python), "-c", "import sys; print(sys.prefix, sys.base_prefix)"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True)
    return list(map(Path, told.stdout.split()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Estate:
    """Starts on entry, ends with all its processes on exit."""

    def __init__(
        self, version: str, names: list[str], beacons: dict[str, Any] | None = None
    ) -> None:
        self.python = salt_versions.python_of(version)
        self.home = Path(tempfile.mkdtemp(prefix="toa-estate-"))
        self.home.chmod(0o755)
        #: What commands begin with that are, or become, the master's user.
        self.as_master: list[str] = []
        #: By minion, its configuration of the toa beacon.
        self._beacons = beacons or {}
        self.artifacts = self.home / "served" / "toa" / "artifacts"
        self.artifacts.mkdir(parents=True)
        if MASTERS_USER:
            pythons = [*homes_of(self.python), *homes_of(Path(sys.executable))]
            self.as_master = open_to_all([CHECKOUT, *pythons], self.home)
            for path in (self.artifacts, *self.artifacts.parents[:2]):
                shutil.chown(path, MASTERS_USER)
        self.trees = {name: self._tree(name) for name in names}
        self._ports = {"publish_port": free_port(), "ret_port": free_port()}
        self._processes: list[subprocess.Popen[bytes]] = []

    def _tree(self, name: str) -> Tree:
        (self.home / name).mkdir()
        return make_tree(self.home / name / "node")

    def __enter__(self) -> Estate:
        self._write("master", self._master(self._ports))
        self._start("salt-master", self.home / "master")
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
        shutil.rmtree(self.home, ignore_errors=True)

    def _directories(self, name: str) -> dict[str, str]:
        home = self.home / name
        places = {"cachedir": "cache", "pki_dir": "pki", "sock_dir": "s", "log_file": "log"}
        return {"root_dir": str(home), **{key: str(home / to) for key, to in places.items()}}

    def _master(self, ports: dict[str, int]) -> dict[str, Any]:
        roots = [*serve_checkout(self.home), str(self.home / "served")]
        return {
            **({"user": MASTERS_USER} if MASTERS_USER else {}),
            **self._directories("master"),
            "extension_modules": str(self.home / "master" / "cache" / "extmods"),
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
                    [*self._command(program), "-c", str(config), "-l", "warning"],
                    stdout=stderr,
                    stderr=stderr,
                    env={**os.environ, **environment},
                    start_new_session=True,
                )
            )

    def _command(self, program: str) -> list[str]:
        words = [str(self.python), str(self.python.with_name(program))]
        return words if program == "salt-minion" else [*self.as_master, *words]

    @property
    def ports_of_minions(self) -> dict[str, int]:
        """What a minion elsewhere needs in its configuration, besides the address."""
        ports = self._ports
        return {"master_port": ports["ret_port"], "publish_port": ports["publish_port"]}

    def _wait_for_all(self) -> None:
        deadline = time.monotonic() + 240
        while not self._listens() and self._lives() and time.monotonic() < deadline:
            time.sleep(0.2)
        # A minion that is there first waits a minute before it asks again.
        for name in self.trees:
            self._write(name, self._minion(name), "minion")
            self._start("salt-minion", self.home / name, TOA_ROOT=str(self.trees[name].root))
        while self._lives() and time.monotonic() < deadline:
            answers = self.salt("*", "test.ping", "--timeout=5")
            if set(answers) == set(self.trees):
                return
        raise AssertionError(f"the estate does not come up: {self.logs()}")

    def _lives(self) -> bool:
        return all(process.poll() is None for process in self._processes)

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

    def impatient(self) -> Path:
        """A directory with the same master's configuration, for commands that do not wait long."""
        config = json.loads((self.home / "master" / "master").read_text())
        self._write("impatient", {**config, "timeout": 4, "gather_job_timeout": 4})
        return self.home / "impatient"

    @contextlib.contextmanager
    def asleep(self) -> Iterator[str]:
        """The id of a minion that the master knows and that does not answer."""
        accepted = self.home / "master" / "pki" / "minions"
        shutil.copy(accepted / next(iter(self.trees)), accepted / "asleep")
        try:
            yield "asleep"
        finally:
            (accepted / "asleep").unlink()

    def orchestrate(
        self, config: Path | None = None, test: bool = False, **settings: Any
    ) -> dict[str, dict[str, Any]]:
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
            "salt-run",
            *(
                "state.orchestrate",
                "toa.orchestrate",
                f"pillar={json.dumps(pillar)}",
                f"test={test}",
            ),
            config=config,
        )
        (results,) = said["data"].values()
        assert isinstance(results, dict), results
        return {result["__id__"]: result for result in results.values()}

    def runner(self, function: str, *words: str, **settings: Any) -> tuple[int, dict[str, Any]]:
        """A function of the runner ``toa``: exit status, and what it returned."""
        places = {"artifacts": self.artifacts, "build_directory": self.home / "build"}
        given = [f"{name}={value}" for name, value in {**places, **settings}.items()]
        where = str(self.home / "master")
        done = subprocess.run(
            [
                *self._command("salt-run"),
                *("-c", where, "--out=json", "-l", "critical", f"toa.{function}", *words, *given),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert "{" in done.stdout, done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout[done.stdout.index("{") :])

    def _json(self, program: str, *words: str, config: Path | None = None) -> dict[str, Any]:
        where = str(config or self.home / "master")
        done = subprocess.run(
            [*self._command(program), "-c", where, "--out=json", "-l", "critical", *words],
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
