# SPDX-License-Identifier: GPL-2.0-only
"""Real kernels in virtual machines, for the demo and the tests."""

from __future__ import annotations

from . import debug
from .chroot import Build, build_module
from .errors import BuildFailed, CommandFailed, CommandTimeout, LabError, MachineDied
from .given_kernel import GivenKernel, given
from .kernels import Kernel, kernel, kernels
from .lab import Lab, start
from .node import Node, Spec
from .qemu import available
from .tiny_machine import Result, TinyMachine

__all__ = [
    "Build",
    "BuildFailed",
    "CommandFailed",
    "CommandTimeout",
    "GivenKernel",
    "Kernel",
    "Lab",
    "LabError",
    "MachineDied",
    "Node",
    "Result",
    "Spec",
    "TinyMachine",
    "available",
    "build_module",
    "debug",
    "given",
    "kernel",
    "kernels",
    "start",
]
