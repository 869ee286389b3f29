# SPDX-License-Identifier: GPL-2.0-only
"""What the lab says when it cannot go on."""

from __future__ import annotations


class LabError(Exception):
    """Something the lab needed did not work; the text says what, and what to do."""


class CommandFailed(LabError):
    """A command of the lab ended with another status than 0, or not in time."""


class BuildFailed(LabError):
    """The module did not build; `log` is everything that make and the compiler said."""

    def __init__(self, text: str, log: str) -> None:
        super().__init__(text)
        self.log = log


class MachineDied(LabError):
    """A virtual machine panicked, hung or ended; the text ends with its console."""


class CommandTimeout(LabError):
    """A command inside a machine ran longer than its limit and was killed.

    `stdout` and `stderr` are what it had written until then.
    """

    def __init__(self, text: str, stdout: str = "", stderr: str = "") -> None:
        super().__init__(text)
        self.stdout = stdout
        self.stderr = stderr
