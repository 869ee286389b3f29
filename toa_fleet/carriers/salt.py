# SPDX-License-Identifier: GPL-2.0-only
"""Salt: nodes are minions, and a call goes to all of them at once.

A session per minion asks as over SSH, each in its thread; what they ask within a
moment and in the same words leaves as one call of the master's LocalClient. So a
push to a thousand minions is a call for their facts and one a wave for each
artifact, not a thousand.

On the minions the execution module ``toa`` runs the verb; artifacts come from
the master's fileserver, below a directory that goes away with the carrier.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

from toa_fleet.bundle import Part, Request
from toa_fleet.carriers.base import KEPT_STDERR, Carrier, Completed, Session
from toa_fleet.errors import BrokenAnswer, LocalError, NodeError, NoShell, Unreachable, UsageError
from toa_fleet.inventory import Host
from toa_fleet.protocol import MAX_OUTPUT
from toa_fleet.text import one_line

#: How Salt picks minions.
TARGET_TYPES = (
    *("glob", "list", "pcre", "grain", "grain_pcre", "pillar", "pillar_pcre"),
    *("nodegroup", "range", "compound", "ipcidr"),
)

_CLIENT = Path(__file__).with_name("salt_client.py")
_ONEDIR = Path("/opt/saltstack/salt/bin/python3")
#: Requests that come closer together than this travel together, for so long at most.
_LULL, _LONGEST = 0.3, 3.0
#: While others are under way, requests come one by one as those end. A call costs the
#: master a process that hears all its events, so some are waited for.
_BESIDE = 1.5
#: What Salt's own bookkeeping may take on top of a verb's limit.
_GRACE = 60.0
#: The minions' function that all goes through.
_RUN = "toa_node.run"
_SYNC = "salt '*' saltutil.sync_all, with this project among the master's file_roots"


@dataclass(frozen=True)
class Call:
    """A call to minions: a function of Salt and its keywords."""

    target: Any
    target_type: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> bytes:
        """The line that salt_client.py reads."""
        return json.dumps(self.__dict__).encode() + b"\n"


class Master:
    """The Salt master on this machine.

    Parameters:
        config: the directory with its configuration.
        python: the interpreter that has Salt; None looks for it.

    Raises:
        LocalError: there is no Salt, or no master's configuration.
    """

    def __init__(self, config: Path, python: Optional[Path] = None) -> None:
        self._config = config
        self._python = python or _python_with_salt()
        self._processes: set[subprocess.Popen[bytes]] = set()
        if not (config / "master").is_file():
            raise LocalError(
                f"there is no Salt master here: {config / 'master'} is missing",
                "run this on the master, or name the directory with --salt-config",
            )

    def call(self, call: Call) -> Iterator[dict[str, Any]]:
        """Make a call; the lines of salt_client.py as they come.

        Raises:
            LocalError: Salt cannot do it; with its own words.
        """
        # Isolated, for beside that program lies a salt.py that is not Salt.
        argv = [str(self._python), "-I", str(_CLIENT), str(self._config)]
        with tempfile.TemporaryFile() as noise:
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=noise,
                    start_new_session=True,
                )
            except OSError as error:
                raise LocalError(f"cannot run {self._python}: {error.strerror}") from error
            assert process.stdin and process.stdout
            self._processes.add(process)
            try:
                with suppress(BrokenPipeError):
                    process.stdin.write(call.as_json())
                    process.stdin.close()
                yield from _lines(process.stdout, lambda: _end_of(noise))
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                self._processes.discard(process)

    def close(self) -> None:
        """Wait for no answer any more; what the minions do, they go on doing."""
        for process in list(self._processes):
            process.kill()


def _lines(stream: Any, noise: Callable[[], str]) -> Iterator[dict[str, Any]]:
    for text in stream:
        line = json.loads(text)
        if "error" in line:
            raise LocalError(
                f"Salt cannot do it: {one_line(str(line['error']), 600)}",
                "is the master running, and are you root or its user? See its log",
            )
        if line.get("end"):
            return
        yield line
    raise LocalError(f"Salt's client ended without a word: {noise()}", "see the master's log")


def _end_of(noise: Any) -> str:
    noise.seek(max(0, noise.seek(0, os.SEEK_END) - 2000))
    return one_line(noise.read())


def _python_with_salt() -> Path:
    if importlib.util.find_spec("salt"):
        return Path(sys.executable)
    if _ONEDIR.exists():
        return _ONEDIR
    command = shutil.which("salt")
    if command:
        with suppress(OSError, UnicodeDecodeError), open(command, encoding="utf-8") as file:
            words = file.readline()[2:].split()
            if words and Path(words[0]).is_file() and "python" in words[0]:
                return Path(words[0])
    raise LocalError(
        "--carrier salt needs Salt on this machine, and finds none",
        "run this on the master; or name the Python that has Salt in TOA_FLEET_SALT_PYTHON",
    )


class SaltCarrier(Carrier):
    """Reaches minions through the master on this machine.

    Parameters:
        master: that makes the calls.
        file_root: one of the master's file_roots, for artifacts; None takes
            the first that can be written to.
    """

    def __init__(self, master: Master, file_root: Optional[Path] = None) -> None:
        self._master = master
        self._file_root = file_root
        self._roots: list[str] = []
        self._known: dict[tuple[str, str], Future[Completed]] = {}
        self._unknown: set[str] = set()
        self._waiting: queue.SimpleQueue[Optional[_Asked]] = queue.SimpleQueue()
        self._served: dict[tuple[Part, ...], Path] = {}
        self._under_way: set[object] = set()
        self._closed = False
        self._sender = threading.Thread(target=self._send_on, daemon=True, name="salt sender")
        self._sender.start()

    def hosts(self, target: Any, target_type: str, verb: str, limit: float) -> list[Host]:
        """The minions that a target means; what they say to VERB is asked at once.

        Parameters:
            verb: that every session will ask first and that changes nothing;
                empty: only see who answers.

        Raises:
            UsageError: nobody is meant.
            LocalError: Salt cannot do it.
        """
        function, arguments = (_RUN, _arguments(verb, limit)) if verb else ("test.ping", {})
        lines = self._master.call(Call(target, target_type, function, arguments))
        first = next(lines, {})
        minions = sorted(map(str, first.get("minions", [])))
        self._roots = [str(root) for root in first.get("file_roots", [])]
        if not minions:
            lines.close()  # type: ignore[attr-defined]
            said = one_line(str(first.get("said", "")), 300)
            raise UsageError(
                f"no minion answers to the target {one_line(str(target), 80)} ({target_type})"
                + (f"; Salt says: {said}" if said else ""),
                "see `salt-key -L`, and `salt TARGET test.ping` with the same target",
            )
        futures: dict[str, Future[Completed]] = {minion: Future() for minion in minions}
        self._known = {(minion, verb): future for minion, future in futures.items()}
        self._run(lines, futures)
        # Salt says nothing of names that it does not know.
        self._unknown = set(target) - set(minions) if target_type == "list" else set()
        everyone = sorted({*minions, *self._unknown})
        return [Host(one_line(minion, 300), minion, source="salt") for minion in everyone]

    def session(self, host: Host) -> SaltSession:
        return SaltSession(host, self)

    def ask(self, minion: str, request: Request, limit: float) -> Future[Completed]:
        """What a minion says to a request; from the first call where that asked it.

        Raises:
            Unreachable: the master has accepted no such minion's key.
        """
        if minion in self._unknown:
            raise Unreachable(
                "the master knows no minion of this name", "see `salt-key -L`", "unknown"
            )
        known = self._known.pop((minion, request.verb), None)
        if known and not request.parts and not request.arguments:
            return known
        asked = _Asked(minion, request, limit)
        self._waiting.put(asked)
        return asked.future

    def close(self) -> None:
        self._closed = True
        self._waiting.put(None)
        self._master.close()
        for directory in self._served.values():
            shutil.rmtree(directory, ignore_errors=True)
            for parent in (directory.parent, directory.parent.parent):
                with suppress(OSError):
                    parent.rmdir()

    def _send_on(self) -> None:
        """Collect what is asked within a moment; one call for all that is alike."""
        while not self._closed:
            asked = self._waiting.get()
            batch = []
            lull, longest = (_BESIDE, _BESIDE) if self._under_way else (_LULL, _LONGEST)
            end = time.monotonic() + longest
            while asked is not None:
                batch.append(asked)
                try:
                    asked = self._waiting.get(timeout=max(0, min(lull, end - time.monotonic())))
                except queue.Empty:
                    break
            alike: dict[Any, list[_Asked]] = {}
            for one in batch:
                alike.setdefault(one.words, []).append(one)
            for group in alike.values() if not self._closed else ():
                self._send(group)

    def _send(self, group: list[_Asked]) -> None:
        futures = {one.minion: one.future for one in group}
        request = group[0].request
        try:
            place = self._serve(request.parts) if request.parts else None
        except LocalError as error:
            _fail(futures, NodeError(error.detail, error.hint, error.word))
            return
        arguments = _arguments(request.verb, group[0].limit, request.arguments, place)
        call = Call(list(futures), "list", _RUN, arguments)
        self._run(self._master.call(call), futures)

    def _run(self, lines: Iterator[dict[str, Any]], futures: dict[str, Future[Completed]]) -> None:
        call = object()
        self._under_way.add(call)

        def hear() -> None:
            try:
                _hear(lines, futures)
            finally:
                self._under_way.discard(call)

        threading.Thread(target=hear, daemon=True).start()

    def _serve(self, parts: tuple[Part, ...]) -> str:
        """Put an artifact where the fileserver has it; its URL."""
        if parts not in self._served:
            root = self._writable_root()
            directory = root / "toa" / "push"
            try:
                # The master may run as another user, whatever the umask here.
                for made in (root / "toa", directory):
                    if not made.is_dir():
                        made.mkdir(exist_ok=True)
                        made.chmod(0o755)
                self._served[parts] = place = Path(tempfile.mkdtemp(prefix="", dir=directory))
                place.chmod(0o755)
                for part in parts:
                    (place / part.name).write_bytes(part.data)
                    (place / part.name).chmod(0o644)
            except OSError as error:
                raise LocalError(
                    f"cannot serve the artifact from {directory}: {error.strerror or error}",
                    "make room, or name another of the master's file_roots with --salt-file-root",
                ) from error
        place = self._served[parts]
        return f"salt://toa/push/{place.name}"

    def _writable_root(self) -> Path:
        if self._file_root:
            if str(self._file_root.resolve()) not in {str(Path(r).resolve()) for r in self._roots}:
                raise LocalError(
                    f"{self._file_root} is none of the master's file_roots of base",
                    f"it has {', '.join(self._roots) or 'none'}",
                )
            return self._file_root
        if not self._roots:
            raise LocalError(
                "artifacts travel by the master's fileserver, which serves none of its file_roots",
                "add `roots` to fileserver_backend in the master's configuration",
            )
        for root in map(Path, self._roots):
            if root.is_dir() and os.access(root, os.W_OK):
                return root
        raise LocalError(
            "artifacts travel by the master's fileserver, and none of its file_roots can be "
            f"written to ({', '.join(self._roots)})",
            "make one of them, e.g. /srv/salt, and run this as root or as the master's user",
        )


class SaltSession(Session):
    """One minion. See :class:`toa_fleet.carriers.base.Session`."""

    def __init__(self, host: Host, carrier: SaltCarrier) -> None:
        super().__init__(host, sudo=False)
        self._carrier = carrier

    def open(self) -> None:
        """Nothing to connect to."""

    def close(self) -> None:
        """A job on a minion cannot be called back; it ends within its limit."""

    def run(self, request: Request, limit: float) -> Completed:
        self.deadline = time.monotonic() + limit + _GRACE
        try:
            return self._carrier.ask(self.host.address, request, limit).result(limit + _GRACE)
        except NotInTime:
            raise Unreachable(
                f"{request.verb} took longer than {limit:.0f} s",
                "see `salt-run jobs.active`; give it more with --timeout",
                "timeout",
            ) from None
        finally:
            self.deadline = None


class _Asked:
    """What one session asked, and where its answer goes."""

    def __init__(self, minion: str, request: Request, limit: float) -> None:
        self.minion = minion
        self.request = request
        self.limit = limit
        self.future: Future[Completed] = Future()

    @property
    def words(self) -> Any:
        """The same for all that one call can ask."""
        parts = tuple(map(id, self.request.parts))
        return (self.request.verb, self.request.arguments, parts, self.limit)


def _arguments(
    verb: str, limit: float, words: Sequence[str] = (), artifact: Optional[str] = None
) -> dict[str, Any]:
    found = {"verb": verb, "arguments": list(words), "limit": int(limit), "artifact": artifact}
    return {key: value for key, value in found.items() if value}


def _hear(lines: Iterator[dict[str, Any]], futures: dict[str, Future[Completed]]) -> None:
    """Hand answers on as they come; who has given none by the end has failed."""
    silent = Unreachable(
        "the minion does not answer",
        "see `salt MINION test.ping` and the minion's log; is it running?",
        "silent",
    )
    try:
        for line in lines:
            future = futures.get(str(line.get("minion")))
            if future is None or future.done():
                continue
            if line.get("silent"):
                future.set_exception(silent)
                continue
            try:
                future.set_result(_completed(line.get("value")))
            except NodeError as error:
                future.set_exception(error)
    except (LocalError, ValueError) as error:
        hint = error.hint if isinstance(error, LocalError) else ""
        _fail(futures, NodeError(str(error), hint, "salt"))
    _fail(futures, silent)


def _fail(futures: dict[str, Future[Completed]], error: NodeError) -> None:
    for future in futures.values():
        if not future.done():
            future.set_exception(error)


def _completed(value: Any) -> Completed:
    """What the module's function returned, as what a command left."""
    if value is True:
        return Completed(0, b"", b"")  # test.ping
    if isinstance(value, dict) and isinstance(value.get("output"), str):
        status, output = value.get("status"), value["output"].encode("utf-8", "replace")
        if status is None:
            raise Unreachable("it was stopped at its time limit", "see what hangs there", "timeout")
        if not isinstance(status, int) or len(output) > MAX_OUTPUT:
            raise BrokenAnswer("the minion's answer is none", _SYNC)
        noise = str(value.get("noise", "")).encode("utf-8", "replace")
        return Completed(status, output, noise[-KEPT_STDERR:])
    said = one_line(str(value), 400)
    if _RUN in said or "toa_node' __virtual__" in said:
        raise NoShell(f"the minion has no module toa: {said}", _SYNC, "module")
    raise BrokenAnswer(f"the minion could not do it: {said}", "see the minion's log")
