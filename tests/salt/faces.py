# SPDX-License-Identifier: GPL-2.0-only
"""The files of _modules/, _states/, _grains/ and _beacons/ for tests that need no Salt."""

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any

from trees import CHECKOUT


class StandInError(Exception):
    """Stands in for salt.exceptions.CommandExecutionError."""


def load_face(name: str) -> types.ModuleType:
    """A file of _modules/, _states/, _grains/ or _beacons/, with stand-ins for what it
    imports from Salt: for tests that need no Salt."""
    stand_ins = {
        "salt": types.ModuleType("salt"),
        "salt.utils": types.ModuleType("salt.utils"),
        "salt.utils.url": types.ModuleType("salt.utils.url"),
        "salt.exceptions": types.ModuleType("salt.exceptions"),
    }
    for parent, child in (("salt", "utils"), ("salt.utils", "url"), ("salt", "exceptions")):
        setattr(stand_ins[parent], child, stand_ins[f"{parent}.{child}"])
    exceptions: Any = stand_ins["salt.exceptions"]
    exceptions.CommandExecutionError = StandInError
    spec = importlib.util.spec_from_file_location(
        f"face_{name.strip('_')}_toa", CHECKOUT / name / "toa.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    real = {key: sys.modules.get(key) for key in stand_ins}
    sys.modules.update(stand_ins)
    try:
        spec.loader.exec_module(module)
    finally:
        for key, value in real.items():
            if value is None:
                del sys.modules[key]
            else:
                sys.modules[key] = value
    return module
