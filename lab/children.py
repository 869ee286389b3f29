# SPDX-License-Identifier: GPL-2.0-only
"""Child processes that never outlive the lab.

Every child is started by one thread that lives as long as the program, because
the kernel sends the parent-death signal when the *thread* that forked dies.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Callable, Union

from .errors import CommandFailed

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)

Argv = Sequence[Union[str, Path]]

# A private mount and process namespace: whatever was mounted or started in it
# is gone when its first process is, however that ended.
BOX = (
    "unshare", "--mount", "--propagation", "private",
    "--pid", "--fork", "--kill-child", "--mount-proc", "--",
)  # fmt: skip


def spawn(argv: Argv, *, detached: bool = False, **options: Any) -> subprocess.Popen[bytes]:
    """Starts ARGV as the leader of its own session and returns it.

    It is killed when this program ends in any way, unless `detached`.
    `options` are those of subprocess.Popen. Raises CommandFailed when the
    command cannot be started.
    """
    answer: queue.Queue[subprocess.Popen[bytes] | BaseException] = queue.Queue()
    words = [str(word) for word in argv]
    options.setdefault("stdin", subprocess.DEVNULL)
    if not detached:
        options["preexec_fn"] = _dies_with(os.getpid())

    def start() -> None:
        try:
            answer.put(subprocess.Popen(words, start_new_session=True, **options))
        except BaseException as error:
            answer.put(error)

    _SPAWNER.do(start)
    child = answer.get()
    if isinstance(child, OSError):
        raise CommandFailed(f"cannot start {words[0]}: {child.strerror}") from child
    if isinstance(child, BaseException):
        raise child
    return child


def run(
    argv: Argv,
    *,
    timeout: float,
    what: str = "",
    input: bytes | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stderr: int | IO[bytes] = subprocess.PIPE,
) -> bytes:
    """Runs ARGV and returns its standard output.

    After `timeout` seconds, or when this thread is interrupted, it is killed
    with all that it started. Raises CommandFailed, which names `what` was being
    done and ends with the last lines the command wrote.
    """
    child = spawn(
        argv,
        stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
    )
    doing = what or " ".join(str(word) for word in argv)
    try:
        out, err = child.communicate(input, timeout)
    except subprocess.TimeoutExpired:
        end(child)
        raise CommandFailed(f"{doing}: not done after {timeout:.0f} s") from None
    except BaseException:
        end(child)
        raise
    if child.returncode != 0:
        words = tail((err or b"").decode(errors="replace") or out.decode(errors="replace"))
        raise CommandFailed(f"{doing}: exit status {child.returncode}\n{words}")
    return out


def end(child: subprocess.Popen[bytes]) -> None:
    """Kills CHILD and what it started, and waits for it."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    child.wait()


def tail(text: str, lines: int = 15) -> str:
    """The last LINES lines of TEXT, indented to stand under a message."""
    return "\n".join("    " + line for line in text.rstrip().splitlines()[-lines:])


def in_parallel(jobs: Sequence[Callable[[], Any]], at_once: int = 2) -> list[Any]:
    """Runs JOBS in threads, `at_once` at a time; returns their results in order.

    When some fail, the others still end, and the first failure is raised.
    """
    results: dict[int, Any] = {}
    failures: dict[int, BaseException] = {}
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(jobs)):
        todo.put(number)

    def work() -> None:
        while True:
            try:
                number = todo.get_nowait()
            except queue.Empty:
                return
            try:
                results[number] = jobs[number]()
            except BaseException as error:
                failures[number] = error

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(jobs)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[min(failures)]
    return [results[number] for number in range(len(jobs))]


def _dies_with(parent: int) -> Callable[[], None]:
    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return before_exec


class _Spawner:
    """The thread that forks; made anew in a forked child, which has no threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._requests: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def do(self, request: Callable[[], None]) -> None:
        """Has REQUEST called in the thread."""
        with self._lock:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._requests = queue.SimpleQueue()
                threading.Thread(target=self._serve, daemon=True, name="spawner").start()
        self._requests.put(request)

    def _serve(self) -> None:
        requests = self._requests
        while True:
            requests.get()()


_SPAWNER = _Spawner()
