# SPDX-License-Identifier: GPL-2.0-only
"""Host files: one host a line."""

from __future__ import annotations

import re

from toa_fleet.errors import UsageError
from toa_fleet.inventory.files import FROM_ANSIBLE, numbered_lines
from toa_fleet.inventory.host import FORM, Host, bad, is_ip, parse_host
from toa_fleet.text import one_line

_COMMENT = re.compile(r"(^|\s)#.*")
# [web], [web:children]; and web1 ansible_host=192.0.2.1
_ANSIBLE_GROUP = re.compile(r"\[([^\]]*)\]\Z")
_ANSIBLE_VARIABLE = re.compile(r"\sansible_\w+\s*=")


def read_host_list(name: str, text: str) -> list[Host]:
    """Read a host file.

    Parameters:
        name: what errors call it.
        text: all of it.

    Raises:
        UsageError: a line is no host; or it is Ansible's INI, whose groups and
            variables mean more than a list of hosts can say.
    """
    hosts = []
    for number, line in numbered_lines(text):
        word = _COMMENT.sub("", line).strip()
        if not word:
            continue
        place = f"{name}:{number}"
        if _is_ansible(word):
            raise UsageError(
                f"{place}: {one_line(word, 80)} is a line of Ansible's INI inventory, "
                "which is not read here",
                FROM_ANSIBLE,
            )
        if len(word.split()) > 1:
            raise bad(place, f"more than one word: {one_line(word, 80)!r}", FORM)
        hosts.append(parse_host(word, place))
    return hosts


def _is_ansible(word: str) -> bool:
    group = _ANSIBLE_GROUP.match(word)
    if group:
        return not is_ip(group.group(1))
    return bool(_ANSIBLE_VARIABLE.search(word))
