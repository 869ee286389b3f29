# SPDX-License-Identifier: GPL-2.0-only
"""
toa-node on a minion: found or joined, run, stopped at its time limit, its answers
read. Nothing else touches the node.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import typing

from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}

log = logging.getLogger(__name__)

Answer = dict[str, typing.Any]

_PROGRAM_URL = "salt://toa_fleet/node"
#: In that folder: the hash of all its parts, joined.
_PROGRAM_HASH = "toa-node.sha256"
_STORED_PROGRAM = "/var/lib/toa/toa-node"

#: Bounds of docs/node-protocol.md.
_MAX_OUTPUT = 24 * 1024 * 1024
_MAX_VALUE = 4096
_KEY = re.compile(r"[a-z][a-z0-9_.-]*\Z")
_CLASSES = {
    2: "usage",
    3: "mismatch",
    4: "gate",
    5: "build",
    6: "load",
    7: "proof",
    8: "not-installed",
    9: "node",
}

#: What an answer has at least, where it says that all is well.
_PROMISED = {
    "fingerprint": {"fingerprint", "kernel_release", "gcc", "headers"},
    "status": {
        *("fingerprint", "kernel_release", "gcc", "headers", "gate.root", "persistent"),
        *("loaded", "loaded_build_id", "loaded_artifact", "hooks", "artifacts"),
        *("installed", "installed_build_id", "installed_fingerprint"),
    },
    "build": {
        *("fingerprint", "artifact", "build_id"),
        *("manifest.fingerprint", "manifest.source", "manifest.sha256"),
    },
    "deploy": {"build_id", "proof.build_id"},
    "toolchain": {"kernel", "missing", "headers", "gcc", "changed"},
    "legacy-kernel": {"kernel_release", "reboot", "changed"},
}

#: Seconds for a verb of which the program does not say how long it may take.
_LIMIT = 600
#: What a stopped node program gets to take back what it did.
_GRACE = 60
#: The same words and tools for a minion's daemon, a login shell and salt-ssh.
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "HOME": "/",
}

#: What toa-fleet may ask for.
_CARRIED = ("status", "fingerprint", "gates", "deploy", "verify", "unload", "remove")


def __virtual__() -> bool | tuple[bool, str]:  # noqa: N807
    if not sys.platform.startswith("linux"):
        return False, "the TOA kernel module exists on Linux only"
    if "proxy" in __opts__:
        return False, "a proxy minion's device is not the system whose kernel toa is about"
    return True


def ask(verb: str, *arguments: str, program: str | None = None) -> Answer:
    """
    Run a verb of toa-node and return its answer as typed values; everything that
    is not a whole and successful answer is raised.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_node.ask status
    """
    argv = ["/bin/sh", _find_program(program), verb, *arguments]
    limit = _limit_of(verb, argv[1])
    log.debug("running %s", argv)
    exit_status, output, noise = _run(argv, limit)
    log.debug("%s: status %s; it said: %s", verb, exit_status, noise)
    if exit_status is None:
        raise CommandExecutionError(
            f"toa-node {verb} was not done after {limit} seconds and was stopped; "
            f"it last said: {_last_line(noise)}. See what hangs on the node, then run it again"
        )
    try:
        pairs = _parse(verb, output, exit_status)
    except ValueError as flaw:
        said = _last_line(noise)
        raise CommandExecutionError(
            f"toa-node {verb} gave a broken answer: {flaw}"
            + (f"; it said: {said}" if said else "")
            + f". Run `sh {argv[1]} {verb}` on the node to see more"
        ) from None
    if exit_status:
        raise CommandExecutionError(_failure(verb, exit_status, pairs))
    return _typed(verb, pairs)


def run(
    verb: str,
    arguments: list[str] | None = None,
    artifact: str | None = None,
    limit: int = _LIMIT,
    node_program: str | None = None,
) -> Answer:
    """
    Run a verb of toa-node and return what it said as it is: ``status``,
    ``output`` and ``noise``. What ``toa-fleet --carrier salt`` calls; the functions
    of ``toa`` read the answer for you.

    verb
        One of status, fingerprint, gates, deploy, verify, unload, remove.

    arguments
        Further arguments of the verb.

    artifact
        For ``deploy``: directory or ``salt://`` URL with the artifact.

    limit
        Seconds after which it is stopped.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_node.run status
    """
    if verb not in _CARRIED:
        raise CommandExecutionError(f"verb must be one of {', '.join(_CARRIED)}, not {verb!r:.80}")
    words = [str(word) for word in arguments or ()]
    program = _find_program(node_program)
    with contextlib.ExitStack() as stack:
        if artifact is not None:
            staged = __salt__["toa_artifact.staged"](artifact)
            words = ["--from", stack.enter_context(staged), *words]
        exit_status, output, noise = _run(["/bin/sh", program, verb, *words], limit)
    return {
        "status": exit_status,
        "output": output.decode("utf-8", "backslashreplace"),
        "noise": noise[-4096:],
    }


def value(key: str, text: str) -> typing.Any:
    """
    Return a value of an answer or a manifest as what it is, by its key.

    CLI Example:

    .. code-block:: bash

        salt '*' toa_node.value page_size 4096
    """
    return _value(key, text)


# --- running it ---------------------------------------------------------------


def _failure(verb: str, exit_status: int, pairs: dict[str, str]) -> str:
    detail = pairs.get("detail") or "it gives no reason"
    hint = pairs.get("hint")
    return f"toa-node {verb}: {_CLASSES[exit_status]}: {detail}" + (
        f". What to do: {hint}" if hint else ""
    )


class _Reader(threading.Thread):
    """Drains a stream and keeps a bounded part of it: its head or its tail."""

    def __init__(self, stream: typing.IO[bytes], head: int = 0, tail: int = 0) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._head = head
        self._chunks: collections.deque[bytes] = collections.deque(maxlen=tail or None)
        self._size = 0
        self.start()

    def run(self) -> None:
        while chunk := self._stream.read1(4096):  # type: ignore[attr-defined]
            self._size += len(chunk)
            if not self._head or self._size <= self._head:
                self._chunks.append(chunk)

    def result(self) -> bytes:
        """What was kept; waits a little for a child that still holds the pipe."""
        self.join(5)
        if self._head and self._size > self._head:
            raise CommandExecutionError(
                f"toa-node's answer is longer than {self._head} bytes, which none is"
            )
        return b"".join(list(self._chunks))


def _run(argv: list[str], limit: float) -> tuple[int | None, bytes, str]:
    """Exit status (None: stopped at the time limit), output, and its noise."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandExecutionError(f"cannot run {argv[0]}: {error.strerror}") from error
    assert process.stdout and process.stderr
    output = _Reader(process.stdout, head=_MAX_OUTPUT)
    noise = _Reader(process.stderr, tail=16)
    exit_status: int | None
    try:
        exit_status = process.wait(limit)
    except subprocess.TimeoutExpired:
        exit_status = None
    finally:
        _stop(process)
    return exit_status, output.result(), _printable(noise.result().decode("utf-8", "replace"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it with all its children: gently first, so that it can roll back."""
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, 10)):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)


# --- reading answers ----------------------------------------------------------


def _parse(verb: str, output: bytes, exit_status: int) -> dict[str, str]:
    """The pairs of a whole answer; ValueError says what is wrong with another."""
    lines = output.decode("utf-8", "backslashreplace").split("\n")
    begin = f"begin={verb}"
    if begin not in lines:
        raise ValueError("it does not begin" if any(lines) else "it is empty")
    lines = lines[lines.index(begin) + 1 :]
    # A whole answer ends with a newline, so that a cut last line is noticed.
    if len(lines) < 2 or lines[-1] or not lines[-2].startswith("end="):
        raise ValueError("it was cut, for it has no end")
    pairs: dict[str, str] = {}
    for line in lines[:-1]:
        key, value = _pair(line)
        if key in pairs:
            raise ValueError(f"it gives {key} twice")
        pairs[key] = value
    end = pairs.pop("end")
    if end != str(exit_status):
        raise ValueError(f"it ends with {end[:20]}, but the exit status is {exit_status}")
    if exit_status and exit_status not in _CLASSES:
        raise ValueError(f"there is no exit status {exit_status}")
    return pairs


def _pair(line: str) -> tuple[str, str]:
    key, equals, value = line.partition("=")
    if not equals or not _KEY.match(key):
        raise ValueError(f"a line is not key=value: {_printable(line)[:80]}")
    if len(value) > _MAX_VALUE and not key.startswith("base64."):
        raise ValueError(f"{key[:60]} is longer than {_MAX_VALUE} characters")
    return key, _printable(value)


def _typed(verb: str, pairs: dict[str, str]) -> Answer:
    """Values as what they are, and prefixes as dicts."""
    answer: Answer = {}
    groups = {
        "gate": "gates",
        "proof": "proof",
        "selftest": "selftest",
        "manifest": "manifest",
        "step": "steps",
        "problem": "problems",
        "counter": "counters",
    }
    # Empty is a value here: a list of networks that names none.
    if verb == "status":
        answer["parameters"] = {
            key.partition(".")[2]: text
            for key, text in pairs.items()
            if key.startswith("parameter.")
        }
    convert = {"gate": _gate, "proof": _proof, "selftest": _selftest}
    try:
        for key, text in pairs.items():
            prefix, dot, name = key.partition(".")
            if prefix == "parameter" and dot:
                continue
            if dot and prefix in groups:
                found = convert[prefix](text) if prefix in convert else _value(name, text)
                answer.setdefault(groups[prefix], {})[name] = found
            else:
                answer[key] = _value(key, text)
        _require_promised(verb, pairs)
    except ValueError as flaw:
        raise CommandExecutionError(
            f"toa-node {verb} gave a broken answer: {flaw}; is it of another version?"
        ) from None
    if "proof" in answer:
        answer["skipped"] = {
            name[len("proof.") :]: text.partition(":")[2].strip()
            for name, text in pairs.items()
            if name.startswith("proof.") and text.startswith("skipped")
        }
    return answer


def _require_promised(verb: str, pairs: dict[str, str]) -> None:
    lacks = sorted(_PROMISED.get(verb, set()) - set(pairs))
    if lacks:
        raise ValueError(f"it lacks {', '.join(lacks)}")
    if verb == "deploy" and pairs["proof.build_id"] != "yes":
        raise ValueError("it ends well, without the proof that this very module runs")


def _value(key: str, text: str) -> typing.Any:
    if key == "artifacts":
        return [_stored_artifact(word) for word in text.split()]
    if key in {"boot_pieces", "kernels_without_artifact", "missing", "packages", "signature_gates"}:
        return text.split()
    if key == "options":
        return dict(word.partition("=")[::2] for word in text.split())
    if key == "imports":
        return dict(word.partition(":")[::2] for word in text.split(",") if word)
    if text == "":
        return None
    if key in {"page_size", "uptime", "taint", "uid", "size"}:
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{key} is not a number: {text[:80]}")
        return int(text)
    if key in {"headers", "loaded", "persistent", "rebuild", "changed", "options_ours"}:
        if text not in {"yes", "no"}:
            raise ValueError(f"{key} is neither yes nor no: {text[:80]}")
        return text == "yes"
    return text


def _stored_artifact(word: str) -> Answer:
    system, slash, artifact = word.partition("/")
    if not (system and slash and artifact):
        raise ValueError(f"artifacts has {word[:80]}, which is not fingerprint/artifact")
    return {"fingerprint": system, "artifact": artifact}


def _gate(text: str) -> Answer:
    word, _, reason = text.partition(":")
    states = {"open": True, "closed": False, "unknown": None}
    if word not in states:
        raise ValueError(f"a gate is neither open, closed nor unknown: {text[:80]}")
    return {"open": states[word], "reason": reason.strip() or None}


def _proof(text: str) -> bool | None:
    results = {"yes": True, "no": False, "unknown": None, "skipped": None}
    word = text.partition(":")[0]
    if word not in results:
        raise ValueError(f"a proof is neither yes, no, unknown nor skipped: {text[:80]}")
    return results[word]


def _selftest(text: str) -> Answer:
    result, _, reason = text.partition(":")
    return {"result": result, "reason": reason.strip() or None}


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else ""


# --- finding it -----------------------------------------------------------------


def _find_program(wanted: str | None) -> str:
    wanted = _places("chosen", "node_program", wanted)
    if wanted:
        path = _program_at(wanted)
        if not path:
            raise CommandExecutionError(
                f"the node program {wanted} is not there; `toa:node_program` or the argument "
                "node_program says that it should be"
            )
        return path
    for place in (_places("packaged", "node"), _PROGRAM_URL, _STORED_PROGRAM):
        path = _program_at(place) if place else ""
        if path:
            return path
    raise CommandExecutionError(
        "the node program toa-node is nowhere to be found; add a checkout of this project to "
        f"the file_roots (so that {_PROGRAM_URL} is there), or install the Python package "
        "toa-fleet on the minion, or say with `toa:node_program` where it is (salt-ssh carries "
        "it along with `state.apply toa`, not with single functions)"
    )


def _program_at(place: str) -> str:
    """
    The program as one file: the parts of a folder are joined in the minion's
    cache, whenever their hash is not that of what was joined before. So a run
    asks the master for one file, and never has parts of two versions.
    """
    path = _places("cached", _places("below", place, _PROGRAM_HASH))
    if not os.path.isfile(path):
        path = _places("cached", place)
        return path if os.path.isfile(path) else ""
    with open(path, encoding="ascii", errors="replace") as file:
        wanted = file.read(64)
    joined = os.path.join(__opts__["cachedir"], "toa-node")
    if _hash_of(joined) != wanted:
        _join(place, joined, wanted)
    return joined


def _join(place: str, target: str, wanted: str) -> None:
    """As join() of toa_fleet/node_program.py; whole or not at all."""
    folder = _places("folder", place, "contents")
    pieces: list[bytes] = []
    try:
        with open(os.path.join(folder, "contents"), encoding="ascii") as file:
            names = [line for line in file.read().split("\n") if line and line[0] != "#"]
        for name in names:
            with open(os.path.join(folder, name), "rb") as part:
                mark = f"\n# ==== {name} ====\n".encode() if pieces else b""
                pieces.append(mark + part.read())
        program = b"".join(pieces)
        found = hashlib.sha256(program).hexdigest()
        if found != wanted:
            raise CommandExecutionError(
                f"the parts of toa-node in {place} are not those that {_PROGRAM_HASH} there names: "
                f"{found[:16]}, not {wanted[:16]}. What to do: try again, if they are being "
                "updated just now; if they were changed on purpose, run `make node` there"
            )
        temporary = f"{target}.{os.getpid()}"
        with open(temporary, "wb") as copy:
            copy.write(program)
        os.replace(temporary, target)
    except OSError as error:
        raise CommandExecutionError(f"cannot join toa-node from {place}: {error}") from error


def _hash_of(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return ""


def _limit_of(verb: str, program: str) -> int:
    """Seconds that a verb may take, as the program itself says."""
    line = rb"^register_verb %s (\d+) " % re.escape(verb.encode())
    with open(program, "rb") as file:
        found = re.search(line, file.read(), re.M)
    return int(found[1]) if found else _LIMIT


def _places(function: str, *arguments: typing.Any) -> str:
    return typing.cast(str, __salt__[f"toa_places.{function}"](*arguments))
