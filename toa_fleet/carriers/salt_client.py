# SPDX-License-Identifier: GPL-2.0-only
"""A program of Salt's side: one call by the master's LocalClient, told as it comes.

    python salt_client.py CONFIG_DIRECTORY <request

Run by the Python that has Salt, which in Salt's own packages is not the one that
has toa-fleet; so nothing but the standard library and Salt is imported here.

The request is one line of JSON: ``target``, ``target_type``, ``function``,
``arguments`` (of keywords). Standard output is lines of JSON, the first of them
``{"minions": [...], "file_roots": [...], "said": "..."}`` (who was targeted, where
the fileserver has files from, and what Salt printed about it), then for each
answer ``{"minion", "value"}``, for each minion that stays silent ``{"minion",
"silent": true}``, and ``{"end": true}``; or ``{"error": "..."}``.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any, Callable

Tell = Callable[[dict[str, Any]], None]


def main() -> int:
    # Salt may print; only answers go to the real standard output.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def tell(line: dict[str, Any]) -> None:
        answers.write(json.dumps(line, default=repr) + "\n")

    try:
        _call(os.path.join(sys.argv[1], "master"), json.loads(sys.stdin.readline()), tell)
        tell({"end": True})
    except (Exception, SystemExit) as error:  # whatever Salt raises is told, not traced
        tell({"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _call(config: str, request: dict[str, Any], tell: Tell) -> None:
    import salt.client

    client = salt.client.LocalClient(c_path=config)
    target = request["target"], request["function"]
    kind = request["target_type"]
    # Why there is nobody, such as a user who may not, Salt only prints.
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        published = client.run_job(*target, tgt_type=kind, kwarg=request["arguments"], listen=True)
    minions = list(published.get("minions", [])) if published else []
    backends = set(client.opts.get("fileserver_backend", ["roots"]))
    is_served = bool(backends & {"roots", "file", "files"})
    roots = client.opts["file_roots"].get("base", []) if is_served else []
    tell({"minions": minions, "file_roots": roots, "said": said.getvalue()[:600]})
    if not minions:
        return
    returns = client.get_iter_returns(
        published["jid"], set(minions), tgt=request["target"], tgt_type=kind, expect_minions=True
    )
    for found in returns:
        for minion, answer in (found or {}).items():
            if "ret" in answer:
                tell({"minion": minion, "value": answer["ret"]})
            else:
                tell({"minion": minion, "silent": True})


if __name__ == "__main__":
    sys.exit(main())
