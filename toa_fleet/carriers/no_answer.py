# SPDX-License-Identifier: GPL-2.0-only
"""Why a command left no answer: the account, sudo, the shell, or the connection.

What no language changes is looked at first: whether the node program began, and
the exit status. Words tell the kinds of one class apart; sudo is run with
``LC_ALL=C`` (:meth:`toa_fleet.carriers.base.Session.command`), so that they are
English, and words that nobody here knows keep the class and a remedy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from toa_fleet.errors import BrokenAnswer, NoAnswer, NodeError, NoShell
from toa_fleet.text import one_line

if TYPE_CHECKING:
    from toa_fleet.carriers.base import Completed

#: How much of the end of standard error is looked at, in bytes.
TAIL = 4096

#: Exit statuses by which shells, env and exec say that they could not run a command.
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
#: sudo's own failures; those of the command that it runs are the command's.
_SUDO_FAILED = 1

_WITHOUT = "or log in as root without --sudo"


class _Kind(NamedTuple):
    """One kind of trouble: what its words have in common, what it is, what to do."""

    signs: tuple[str, ...]
    detail: str
    hint: str


# The words of sudo, of sudo-rs and of doas in sudo's place; the first that fits counts.
_SUDO_KINDS = (
    _Kind(
        (
            "password is expired",
            "password expired",
            "account expired",
            "account has expired",
            "account validation failure",
            "account management error",
        ),
        "sudo takes this account for expired or locked",
        f"renew it on the node (see chage -l, passwd -S), {_WITHOUT}",
    ),
    _Kind(
        (
            "password is required",
            "no password was provided",
            "a terminal is required",
            "authentication is required",
            "authentication required",
            "interaction is required",
        ),
        "sudo wants a password",
        f"allow it without one in sudoers (NOPASSWD: ALL), {_WITHOUT}",
    ),
    _Kind(
        ("must have a tty",),
        "sudo wants a terminal",
        f"take requiretty out of sudoers for this user, {_WITHOUT}",
    ),
    _Kind(
        (
            "not in the sudoers",
            "not allowed to",
            "may not run",
            "afraid i can't do that",
            "doas: operation not permitted",
        ),
        "sudo refuses this user",
        f"add the user to sudoers, {_WITHOUT}",
    ),
    _Kind(
        (
            "setuid",
            "owned by uid",
            "effective uid is not",
            "no new privileges",
            "no valid sudoers",
            "sudoers file not found",
        ),
        "sudo does not work on this node",
        f"repair it there (visudo -c; sudo belongs to root, with mode 4755), {_WITHOUT}",
    ),
)
_SUDO_UNKNOWN = _Kind(
    (),
    "sudo did not run the node program",
    "let `sudo -n sh` run there as root, without a password and a terminal "
    f"(NOPASSWD: ALL in sudoers), {_WITHOUT}",
)
_SUDO_MISSING = _Kind(
    (),
    "sudo is not installed",
    f"install sudo on the node, {_WITHOUT}",
)
# Said by sshd and by nologin, before any command runs.
_ACCOUNT_KINDS = (
    _Kind(
        ("your password has expired", "password change required"),
        "the account's password has expired on the node",
        "change it there (or passwd -x -1 for an account that logs in by key)",
    ),
    _Kind(
        ("account is currently not available", "account is not available"),
        "the account lets nobody run commands",
        "give it an ordinary login shell, or log in as another user",
    ),
)


def explain(broken: BrokenAnswer, completed: Completed, said: str, sudo: bool) -> NodeError:
    """Find out from a command's leavings why there is no answer.

    Parameters:
        broken: what the protocol's reader said.
        completed: exit status and outputs of the command.
        said: the end of its standard error, on one line.
        sudo: whether it was run through sudo.

    Returns:
        The most telling error: account, sudo, shell, or ``broken`` with the
        node's words.
    """
    status = completed.exit_status
    if isinstance(broken, NoAnswer) and status:
        found = _account_fault(completed)
        if found is None and sudo:
            found = _sudo_fault(completed, status)
        if found is None and status in (_NOT_FOUND, _NOT_EXECUTABLE):
            found = _no_sh(said)
        if found:
            return found
    return BrokenAnswer(_with_words(broken.detail, completed, said), broken.hint, broken.word)


def _account_fault(completed: Completed) -> Optional[NoShell]:
    words = completed.stdout[-TAIL:] + b"\n" + completed.stderr[-TAIL:]
    kind = _kind(_ACCOUNT_KINDS, words)
    return NoShell(f"{kind.detail}: {_last_words(words)}", kind.hint) if kind else None


def _sudo_fault(completed: Completed, status: int) -> Optional[NoShell]:
    words = completed.stderr[-TAIL:]
    said = _last_words(words)
    if status in (_NOT_FOUND, _NOT_EXECUTABLE):
        return _sudo_not_started(said, status)
    if status != _SUDO_FAILED:
        return None
    if b"sudo: sh: command not found" in words or b"'sh': command not found" in words:
        return _no_sh(said)
    if not said and completed.stdout.strip():
        # sudo speaks on standard error: this is a login shell that runs nothing.
        return None
    return _sudo(_kind(_SUDO_KINDS, words) or _SUDO_UNKNOWN, said)


def _sudo_not_started(said: str, status: int) -> NoShell:
    kind = _SUDO_MISSING
    # env, a shell of any kind and the kernel all name what they could not run.
    if "sudo" not in said:
        kind = kind._replace(detail="neither env nor sudo could be started")
    elif status == _NOT_EXECUTABLE:
        # Also where none is there, but a directory of PATH may not be read.
        kind = kind._replace(detail="there is no sudo that this user may execute")
    return _sudo(kind, said)


def _sudo(kind: _Kind, said: str) -> NoShell:
    return NoShell(kind.detail + (f": {said}" if said else ""), kind.hint, "sudo")


def _kind(kinds: tuple[_Kind, ...], words: bytes) -> Optional[_Kind]:
    lowered = words.decode("utf-8", "replace").lower()
    for kind in kinds:
        if any(sign in lowered for sign in kind.signs):
            return kind
    return None


def _last_words(words: bytes) -> str:
    """The last three lines on one: what ended it stands behind all noise."""
    lines = [line for line in words.splitlines() if line.strip()]
    return one_line(b"\n".join(lines[-3:]))


def _no_sh(said: str) -> NoShell:
    return NoShell(
        "the node has no usable sh" + (f": {said}" if said else ""),
        "the account needs an ordinary login shell and sh on its PATH",
    )


def _with_words(detail: str, completed: Completed, said: str) -> str:
    if not completed.sent_all:
        detail += "; the node hung up while it was sent to"
    if said and said not in detail:
        detail += f"; its standard error: {said}"
    return detail
