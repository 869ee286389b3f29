# SPDX-License-Identifier: GPL-2.0-only
"""The files of _modules/, _states/, _grains/ and _beacons/ for tests that need no Salt."""

from __future__ import annotations

import importlib.util
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from node_trees import CHECKOUT


class StandInError(Exception):
    """Stands in for salt.exceptions.CommandExecutionError."""


def load_face(room: str, file: str = "toa") -> types.ModuleType:
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
        f"face_{room.strip('_')}_{file}", CHECKOUT / room / f"{file}.py"
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


@dataclass
class Modules:
    """The files of _modules/, joined as Salt's loader joins them."""

    salt: dict[str, Any]
    toa: Any
    node: Any
    artifact: Any
    places: Any
    parameters: Any


def load_modules(cachedir: Path, **salt: Any) -> Modules:
    """Parameters: SALT: further functions, with ``__`` for the dot in their names."""
    functions: dict[str, Any] = {
        "config.get": lambda key, default: default,
        "cp.hash_file": lambda url: {},
        "cp.is_cached": lambda url: "",
        **{name.replace("__", "."): function for name, function in salt.items()},
    }
    loaded: dict[str, Any] = {}
    for name in ("toa", "toa_node", "toa_artifact", "toa_places", "toa_parameters"):
        module: Any = load_face("_modules", name)
        module.__salt__ = functions
        module.__opts__ = {"cachedir": str(cachedir)}
        for function in vars(module).values():
            if getattr(function, "__module__", "") == module.__name__ or hasattr(
                function, "__wrapped__"
            ):
                functions[f"{name}.{function.__name__}"] = function
        loaded[name] = module
    return Modules(functions, *loaded.values())
