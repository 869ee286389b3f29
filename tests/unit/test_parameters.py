# SPDX-License-Identifier: GPL-2.0-only
from __future__ import annotations

import pytest

from toa_fleet.errors import UsageError
from toa_fleet.facts import NodeFacts
from toa_fleet.fingerprint import Fingerprint
from toa_fleet.parameters import Parameters


def node_with(options: str, **running: str) -> NodeFacts:
    values = {"options": options, **{f"parameter.{name}": each for name, each in running.items()}}
    return NodeFacts(Fingerprint.of({}), {}, values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none", "none"),
        ("kinds=200,254,200", "kinds=200,254"),
        ("  kinds=254   trusted=10.0.0.0/8,2001:DB8::/32,10.0.0.0/8 ",
         "kinds=254 trusted=10.0.0.0/8,2001:db8::/32"),
        ("trusted=", "trusted="),
        ("trusted=192.0.2.1", "trusted=192.0.2.1/32"),
        ("from_syn=1 max_connections=0005", "from_syn=Y max_connections=5"),
        ("netns=init,4026532281", "netns=init,4026532281"),
        ("netns=", "netns=all"),
    ],
)  # fmt: skip
def test_parameters_are_read_as_the_module_shows_them(text: str, words: str) -> None:
    assert Parameters.parse(text).words == words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("kinds", "kinds is no NAME=VALUE"),
        ("none kinds=254", "none is no NAME=VALUE"),
        ("kind=254", "toa.ko has kinds, trusted,"),
        ("hooks=armed", "is no NAME=VALUE"),
        ("kinds=254 kinds=200", "gives kinds a second time"),
        ("kinds=", "list of TCP option kinds"),
        ("kinds=0", "list of TCP option kinds"),
        ("kinds=255", "list of TCP option kinds"),
        ("kinds=٢٥", "list of TCP option kinds"),
        ("trusted=10.0.0.0/33", "list of networks"),
        ("trusted=$(id)", "list of networks"),
        ("from_syn=maybe", "is Y or N"),
        ("max_connections=-1", "is a number"),
        ("netns=eth0", "list of init and numbers"),
        ("trusted=" + "10.0.0.0/8," * 200, "more than 1024 characters"),
    ],
)
def test_what_is_no_parameter_is_refused_with_the_word_and_what_it_may_be(
    text: str, told: str
) -> None:
    with pytest.raises(UsageError) as refused:
        Parameters.parse(text)
    assert told in refused.value.detail
    assert "--parameters" in refused.value.hint


def test_the_node_is_told_the_defaults_of_what_is_wanted_no_more() -> None:
    assert Parameters.parse("trusted=10.0.0.0/8 max_connections=5").options == (
        "--parameters", "trusted=10.0.0.0/8 max_connections=5", "--reset", "kinds=254 netns=all",
    )  # fmt: skip
    assert Parameters.parse("none").options == (
        "--parameters", "none", "--reset", "kinds=254 trusted= netns=all",
    )  # fmt: skip


RIGHT = {"kinds": "254", "trusted": "10.0.0.0/8", "netns": "all", "max_connections": "1048576"}


@pytest.mark.parametrize(
    ("options", "running", "lacking"),
    [
        ("trusted=10.0.0.0/8", RIGHT, []),
        ("trusted=10.0.0.0/8", {}, []),  # not loaded: it is right at the next load
        ("", RIGHT, ["trusted=10.0.0.0/8"]),
        ("trusted=10.0.0.0/8 kinds=200", RIGHT, ["kinds=254"]),
        ("trusted=10.0.0.0/8", {**RIGHT, "trusted": ""}, ["trusted=10.0.0.0/8"]),
        ("trusted=10.0.0.0/8", {**RIGHT, "kinds": "200,254"}, ["kinds=254"]),
        ("trusted=9.0.0.0/8 trusted=10.0.0.0/8", RIGHT, []),
        # Only a load brings it, and nobody asked for one.
        ("trusted=10.0.0.0/8", {**RIGHT, "max_connections": "5"}, []),
    ],
)
def test_what_a_node_lacks_now_or_at_its_next_boot(
    options: str, running: dict[str, str], lacking: list[str]
) -> None:
    wanted = Parameters.parse("trusted=10.0.0.0/8")
    assert wanted.lacking(node_with(options, **running)) == lacking


def test_with_a_reload_what_only_a_load_brings_counts_too() -> None:
    node = node_with("max_connections=7", max_connections="5")
    wanted = Parameters.parse("max_connections=7")
    assert wanted.lacking(node) == []
    assert wanted.lacking(node, reload=True) == ["max_connections=7"]
