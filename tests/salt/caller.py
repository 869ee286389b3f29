# SPDX-License-Identifier: GPL-2.0-only
"""A masterless minion that answers requests; runs with a real Salt's Python.

    python caller.py CONFIG

One JSON request a line on standard input, ``{"function", "args", "kwargs",
"grains"}``; one JSON answer a line on standard output, ``{"value"}`` or
``{"error", "type"}``. Saves the start-up of salt-call for each test.
"""

import json
import os
import sys

import salt.client
import salt.config

# Salt may print; only answers go to the real standard output.
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)


def minion(grains=None):
    config = sys.argv[1]
    if grains:
        # Salt reads static grains from the file again and again: so a file.
        with open(config, encoding="utf-8") as file:
            content = {**json.load(file), "grains": grains}
        config += "-with-grains"
        with open(config, "w", encoding="utf-8") as file:
            json.dump(content, file)
    opts = salt.config.minion_config(config)
    opts["log_level"] = "critical"
    return salt.client.Caller(mopts=opts)


def answer(caller, request):
    if request.get("grains"):
        caller = minion(request["grains"])
    try:
        value = caller.cmd(
            request["function"], *request.get("args", []), **request.get("kwargs", {})
        )
    except BaseException as error:  # the test decides what it thinks of it
        return {"error": str(error), "type": type(error).__name__}
    return {"value": value}


def main():
    minion().cmd("saltutil.sync_all")
    caller = minion()
    for line in sys.stdin:
        ANSWERS.write(json.dumps(answer(caller, json.loads(line)), default=repr) + "\n")


main()
