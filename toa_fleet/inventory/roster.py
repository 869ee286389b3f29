# SPDX-License-Identifier: GPL-2.0-only
"""Salt's rosters, as YAML and Salt mean them; what would need Salt is refused."""

from __future__ import annotations

import re

import yaml

from toa_fleet.errors import UsageError
from toa_fleet.inventory.files import FROM_ANSIBLE, numbered_lines
from toa_fleet.inventory.host import Host, parse_host, require_address
from toa_fleet.inventory.roster_keys import read_key
from toa_fleet.inventory.target import Key, Target
from toa_fleet.inventory.yaml_tree import Entry, Tree, plain_word
from toa_fleet.text import one_line

# What a roster's first line looks like: a key, a document's start, or JSON.
_ROSTER_LINE = re.compile(r"[^\s#:]+\s*:(\s|$)|['\"].*['\"]\s*:(\s|$)|---|%YAML|\{")
# What Salt renders a roster by when its first line names nothing.
_USUAL = "jinja|yaml"
_WITHOUT_SALT = {"yaml", "json", "jinja|yaml", "jinja|json"}
_JINJA = re.compile(r"\{[{%#]")
_RENDER = "use --carrier salt for minions, or give the rendered YAML"
# Keys of Ansible's groups, which no host of a roster has.
_ANSIBLE_GROUP = {"hosts", "children", "vars"}
_ANSIBLE_META = "_meta"


def looks_like_roster(name: str, text: str) -> bool:
    """Whether an inventory is a roster rather than one host a line.

    Raises:
        UsageError: it is a program.
    """
    for number, line in numbered_lines(text):
        if number == 1 and line.startswith("#!/"):
            raise UsageError(
                f"{name}:1: this is a program, no list of hosts",
                "give what it prints: PROGRAM | toa-fleet ... -i -",
            )
        if number == 1 and line.startswith("#!"):
            return True
        if line.strip() and not line.lstrip().startswith("#"):
            return bool(_ROSTER_LINE.match(line))
    return False


def read_roster(name: str, text: str) -> list[Host]:
    """Read a roster.

    Parameters:
        name: what errors call it.
        text: all of it.

    Raises:
        UsageError: it needs rendering, is no YAML, is Ansible's, or says
            something that is not understood; with the line.
    """
    _require_no_template(name, text)
    tree = Tree(name, text)
    if tree.root is None:
        return []
    if not isinstance(tree.root, yaml.MappingNode):
        raise tree.error(tree.root.start_mark.line + 1, "a roster maps ids to hosts")
    try:
        return [_host(tree, entry) for entry in tree.entries(tree.root).values()]
    except RecursionError:
        raise UsageError(f"{name}: not a roster: its mappings merge each other too deep") from None


def _require_no_template(name: str, text: str) -> None:
    renderers = _USUAL
    for number, line in numbered_lines(text):
        if number == 1 and line.startswith("#!"):
            renderers = _renderers(line)
            if renderers not in _WITHOUT_SALT:
                raise UsageError(
                    f"{name}:1: the roster is rendered by Salt ({one_line(line, 60)})", _RENDER
                )
        if "jinja" in renderers and _JINJA.search(line):
            raise UsageError(
                f"{name}:{number}: the roster is a template, and rendered by Salt only", _RENDER
            )


def _renderers(line: str) -> str:
    """``#!jinja | yaml`` as ``jinja|yaml``; the old ``yaml_jinja`` means the same."""
    words = "|".join(word.strip() for word in line[2:].split("|"))
    return _USUAL if words == "yaml_jinja" else words


def _host(tree: Tree, entry: Entry) -> Host:
    name = one_line(entry.key, 120)
    source = f"{tree.name}:{entry.line}"
    if not isinstance(entry.value, yaml.MappingNode):
        return _named(parse_host(_address(tree, entry), source), name)
    keys = tree.entries(entry.value)
    if entry.key == _ANSIBLE_META or _ANSIBLE_GROUP & keys.keys():
        raise _ansible(tree, entry)
    target = Target()
    for each in keys.values():
        read_key(target, Key(tree, name, each))
    if not target.address:
        # As in Salt, where a host without `host` is reached by its id.
        require_address(entry.key, f"{source}: {name} lacks host")
        target.address = entry.key
    return target.host(name, source)


def _address(tree: Tree, entry: Entry) -> str:
    word = plain_word(entry.value)
    if word:
        return word
    name = one_line(entry.key, 120)
    if isinstance(entry.value, yaml.SequenceNode) and entry.key == "all":
        raise _ansible(tree, entry)
    raise tree.error(entry.line, f"{name}: neither a host nor a mapping")


def _ansible(tree: Tree, entry: Entry) -> UsageError:
    return tree.error(
        entry.line,
        f"{one_line(entry.key, 60)} is a group of Ansible's inventory, which is not read here",
        FROM_ANSIBLE,
    )


def _named(host: Host, name: str) -> Host:
    return Host(name, host.address, host.user, host.port, source=host.source)
