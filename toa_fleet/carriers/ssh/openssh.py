# SPDX-License-Identifier: GPL-2.0-only
"""What OpenSSH's own client makes of the operator's ssh_config: ``ssh -G``.

Include, every criterion of Match, canonical names, comments, quotes: all of it is
as ``ssh`` has it, for it is ssh that is asked. That costs some 5 ms of CPU, so hosts
that the files cannot tell apart (alike.py) share an answer.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional

from toa_fleet.carriers.ssh.alike import Alike, Kind
from toa_fleet.errors import ToaError, Unreachable, UsageError
from toa_fleet.inventory import Host
from toa_fleet.text import one_line

#: What a keyword may say at most, in bytes of all that ssh prints.
_MAX_OUTPUT = 1 << 20
#: Seconds; ``Match exec`` and canonical names may take some.
_LIMIT = 30.0
_HINT = "see what `ssh -G` says, and correct your ssh_config (--ssh-config)"

#: Values of each keyword in lower case, in order.
Found = Mapping[str, Sequence[str]]


class OpenSsh:
    """Asks the client.

    Parameters:
        program: where it is.
        path: the one file to use; None takes the user's, then the system's.

    Raises:
        UsageError: what it says of a file that it cannot read or understand.
    """

    def __init__(self, program: str, path: Optional[Path]) -> None:
        self._words = [program, "-G", "-T", *(["-F", str(path)] if path else [])]
        self._alike = Alike(path)
        self._shared: dict[Kind, tuple[str, Found]] = {}
        # A file that is no good is no node's fault, and is told once.
        self._ask(["--", "localhost"], UsageError)

    def lookup(self, host: Host) -> Found:
        """What holds for a host; what the host itself says goes first.

        Raises:
            Unreachable: ssh has no answer for it.
        """
        kind = self._alike.kind(host)
        if kind is not None and kind in self._shared:
            address, found = self._shared[kind]
            # A way that leads through this very host is ssh's to judge.
            if host.address not in "".join(found.get("proxyjump", ())):
                return _for_another(host.address, address, found)
        user = ["-l", host.user] if host.user else []
        port = ["-p", str(host.port)] if host.port else []
        found = self._ask([*user, *port, "--", host.address], Unreachable)
        if kind is not None:
            self._shared[kind] = host.address, found
        return found

    def _ask(self, words: Sequence[str], trouble: type[ToaError]) -> Found:
        try:
            process = subprocess.Popen(
                [*self._words, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "LC_ALL": "C"},
                start_new_session=True,
            )
        except OSError as error:
            raise trouble(f"cannot run ssh: {error.strerror}", _HINT) from None
        try:
            output, words_of_trouble = process.communicate(timeout=_LIMIT)
        except BaseException as error:
            # With all that Match exec may have started.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise trouble(f"`ssh -G` gave no answer within {_LIMIT:.0f} s", _HINT) from None
        if process.returncode:
            said = one_line(words_of_trouble[-2000:], 300) or f"exit status {process.returncode}"
            raise trouble(f"ssh cannot use the ssh_config: {said}", _HINT)
        if len(output) > _MAX_OUTPUT:
            raise trouble(f"`ssh -G` says more than {_MAX_OUTPUT} bytes", _HINT)
        return _read(output)


def _for_another(address: str, of: str, found: Found) -> Found:
    """The answer that was given for the address ``of``: HostName, where nobody says
    another one, is the name itself."""
    if list(found.get("hostname", ())) != [of]:
        return found
    return {**found, "hostname": [address]}


def _read(output: bytes) -> Found:
    found: dict[str, list[str]] = {}
    for line in os.fsdecode(output).splitlines():
        keyword, _, value = line.partition(" ")
        if keyword == "proxyjump":
            # It puts every address into brackets, which an IPv4 one has nowhere else.
            value = re.sub(r"\[([0-9.]+)\]", r"\1", value)
        found.setdefault(keyword.lower(), []).append(value)
    return found
