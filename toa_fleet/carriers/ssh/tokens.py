# SPDX-License-Identifier: GPL-2.0-only
"""Tokens of ssh_config(5): ``%h``, ``%d``, ``${HOME}``, ``~`` in its values."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

_TOKEN = re.compile(r"%(.?)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def tokens_of(
    address: str, original: str, port: int, user: str, alias: str, jump: str
) -> dict[str, str]:
    """What each token stands for, for one host.

    Parameters:
        address: where the connection goes (%h).
        original: as it was named (%n).
        alias: HostKeyAlias, or nothing (%k is then the original name).
        jump: ProxyJump as it stands, or nothing (%j).
    """
    here = socket.gethostname()
    return {
        "%": "%",
        "d": str(Path("~").expanduser()),
        "h": address,
        "i": str(os.getuid()),
        "j": jump,
        "k": alias or original,
        "L": here.partition(".")[0],
        "l": here,
        "n": original,
        "p": str(port),
        "r": user,
        "u": getpass.getuser(),
    }


def expand(text: str, tokens: Mapping[str, str], variables: bool = True) -> str:
    """Put in what tokens and, if asked so, variables of the environment stand for.

    Raises:
        ValueError: a token or a variable that is not there, named.
    """

    def token(match: re.Match[str]) -> str:
        if match[1] not in tokens:
            raise ValueError(f"%{match[1]} is not known here")
        return tokens[match[1]]

    done = []
    # Every second part is a variable's name; what it brings is not looked at again.
    for index, part in enumerate(_VARIABLE.split(text) if variables else [text]):
        if index % 2 == 0:
            done.append(_TOKEN.sub(token, part))
        elif part in os.environ:
            done.append(os.environ[part])
        else:
            raise ValueError(f"there is no variable {part} in the environment")
    return "".join(done)
