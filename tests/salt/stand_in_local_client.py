# SPDX-License-Identifier: GPL-2.0-only
"""A stand-in for salt.client on a master with thousands of minions, which cannot be
had here: what each would answer is made up from its name.

    .../salt/client.py is this file; CONFIG/estate.json says what is there:
    {"minions": [...], "facts": {...}, "build_id": "...", "file_root": "...", "log": "...",
     "takes": {VERB: [AT_LEAST, AT_MOST]}}

``old-*`` run another system, ``bad-*`` fail the proof, ``off-*`` stay silent, and
of ``twice-*`` a second return comes, which says something else. Each call becomes
a line of the log: what was called, for how many, how many bytes the call took.
"""

import json
import os
import random
import time


def answer(verb, status=0, **values):
    lines = "".join(f"{key}={value}\n" for key, value in values.items())
    return {"status": status, "output": f"begin={verb}\n{lines}end={status}\n", "noise": ""}


class LocalClient:
    def __init__(self, c_path):
        with open(os.path.join(os.path.dirname(c_path), "estate.json"), encoding="utf-8") as file:
            self.estate = json.load(file)
        self.opts = {"file_roots": {"base": [self.estate["file_root"]]}}
        self.opts["fileserver_backend"] = self.estate.get("backends", ["roots"])

    def run_job(self, target, function, tgt_type, kwarg, listen):
        if self.estate.get("refuses"):
            print(self.estate["refuses"])
            return {}
        minions = [m for m in self.estate["minions"] if tgt_type == "glob" or m in set(target)]
        call = {"verb": kwarg.get("verb"), "minions": len(minions)}
        call["bytes"] = len(json.dumps([target, function, tgt_type, kwarg]))
        with open(self.estate["log"], "a", encoding="utf-8") as log:
            log.write(json.dumps(call) + "\n")
        self.verb = kwarg.get("verb")
        return {"jid": "1", "minions": minions}

    def get_iter_returns(self, jid, minions, tgt, tgt_type, expect_minions):
        yield {"a-stranger": {"ret": True}}
        started = time.monotonic()
        # The module takes its time, on each minion another.
        due = {
            m: random.Random(m).uniform(*self.estate["takes"].get(self.verb, [0, 0]))
            for m in minions
        }
        for minion in sorted(minions, key=lambda m: due[m]):
            if minion.startswith("off-"):
                continue
            time.sleep(max(0, started + due[minion] - time.monotonic()))
            yield {minion: {"ret": self._said(minion)}}
            if minion.startswith("twice-"):
                yield {minion: {"ret": "the second return of one minion"}}
        for minion in sorted(minions):
            if minion.startswith("off-"):
                yield {minion: {"failed": True}}

    def _said(self, minion):
        facts = dict(self.estate["facts"], hostname=minion)
        if minion.startswith("old-"):
            facts.update(self.estate["old"])
        if self.verb == "status":
            return answer("status", **facts)
        if minion.startswith("bad-"):
            return answer("deploy", 7, error="proof", detail="the proof failed", hint="look")
        proof = {"proof.build_id": "yes", "build_id": self.estate["build_id"]}
        return answer("deploy", changed="yes", **proof)
