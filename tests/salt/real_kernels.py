# SPDX-License-Identifier: GPL-2.0-only
"""Artifacts for a node's real kernel, on a master's fileserver."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from masters import Estate
from node_trees import CHECKOUT

import lab

sys.path.insert(0, str(CHECKOUT / "tests" / "node"))

import kernel_support
import node_support


def facts_of(node: lab.Node) -> dict[str, str]:
    """The hard fields of a node, as a builder on another system knows them."""
    done = node.run("sh -s -- fingerprint", input=node_support.PROGRAM.read_bytes())
    answer = node_support.Answer(done.status, done.stdout, done.stderr).done()
    facts = {key: answer[key] for key in node_support.HARD}
    return {**facts, "vermagic": "", "module_layout": ""}


def serve_artifact(master: Estate, node: lab.Node, work: Path) -> str:
    """Builds toa for the node's kernel, puts it where the formula looks for it, and
    returns its build-id."""
    work.mkdir(exist_ok=True)
    facts = facts_of(node)
    source = kernel_support.toa_source(work / "source", "0.1.0")
    built = kernel_support.build(work / "build", node.kernel, facts, source)
    shutil.copytree(built, master.artifacts / node_support.fingerprint_id(facts))
    return kernel_support.artifact_build_id(built)
