# SPDX-License-Identifier: GPL-2.0-only
"""
Roll TOA out from a master: who shares an artifact, who builds it, who gets it when.

.. code-block:: bash

    salt-run toa.plan 'web*'
    salt-run toa.roll_out 'web*' batch=20

Every targeted minion tells its fingerprint, and whether the fileserver has an
artifact for it; minions with the same fingerprint are a group. A group without an
artifact gets one from its first minion that may build (``builders``) and has a
compiler and the kernel's headers; the master collects it, which it only does with
``file_recv: True`` in its configuration. Group by group ``state.apply toa`` goes out
in waves: to one minion first, the canary, then to ``batch`` at a time. The first
failure holds all that is behind it. Who cannot be served, or does not answer, is
left alone and named with the reason.

What is decided is decided here, in functions that ask nobody;
``toa.orchestrate`` is the list of states that carries it out.
"""

from __future__ import annotations

import re
import typing

from salt.exceptions import CommandExecutionError

if typing.TYPE_CHECKING:
    # Salt's loader puts them here.
    __salt__: dict[str, typing.Callable[..., typing.Any]] = {}
    __opts__: dict[str, typing.Any] = {}

Answers = dict[str, typing.Any]
Plan = dict[str, typing.Any]

#: With their defaults; pillar.example says what each is.
_SETTINGS: dict[str, typing.Any] = {
    "target": "*",
    "target_type": "glob",
    "builders": None,
    "batch": 10,
    "artifacts": "/srv/salt/toa/artifacts",
    "build_directory": "/var/cache/toa-build",
}
#: Exit statuses, as those of toa-fleet: wrong settings or nobody there, some minions
#: refused, some failed or held. salt-run ends with the ``retcode`` of what it returns.
_USAGE = 2
_REFUSED = 3
_FAILED = 4
#: Seconds that a minion may take to tell its facts; those that answer are asked, so a
#: slow one is worth waiting for.
_PATIENCE = 120
_SILENT = "it did not answer in time"


def plan(target: str = "*", target_type: str = "glob", **settings: typing.Any) -> Plan:
    """
    Return what a rollout would do, and do nothing: ``groups``, each with its
    ``fingerprint``, ``minions``, ``builder`` (``None`` where the fileserver has an
    artifact) and ``waves``; ``refused``, by minion with the reason; ``problems`` with
    the settings; and ``retcode``, the exit status: 2 for problems, 3 where a minion is
    refused.

    target, target_type
        Which minions.

    settings
        ``builders``
            Compound target: which minions may build for others of their
            fingerprint; by default any that is targeted. Whoever builds decides
            what the others load.
        ``batch``
            Minions at a time, after the canary of each group.
        ``artifacts``
            The master's directory that is served as ``salt://toa/artifacts``.
        ``build_directory``
            Where builders build.

    CLI Example:

    .. code-block:: bash

        salt-run toa.plan 'web*' batch=20
    """
    found = _plan({"target": target, "target_type": target_type, **_own(settings)})
    found["retcode"] = _USAGE if found["problems"] else _REFUSED if found["refused"] else 0
    return found


def roll_out(
    target: str = "*", target_type: str = "glob", test: bool = False, **settings: typing.Any
) -> Answers:
    """
    Carry a rollout out. Return ``minions``, by each its ``outcome`` in the words of
    ``toa-fleet push`` (``done``, ``unchanged``, ``refused``, ``failed``, ``held``; with
    ``test=True`` ``planned``) and ``detail``; ``problems`` with the settings; and
    ``retcode``, the exit status: 2 for problems, 3 where a minion was refused, 4 where
    one failed or was held.

    target, target_type, settings
        As for ``toa.plan``.

    test
        Only announce it.

    CLI Example:

    .. code-block:: bash

        salt-run toa.roll_out 'web*' test=True
        salt-run toa.roll_out 'web*' batch=20
    """
    decided = _plan({"target": target, "target_type": target_type, **_own(settings)})
    if not isinstance(test, bool):
        decided["problems"].append(f"test must be True or False, not {test!r:.80}")
    if decided["problems"]:
        return {"minions": {}, "problems": decided["problems"], "retcode": _USAGE}
    served = {**decided, "refused": {}}
    results = _apply(states(served, __opts__["cachedir"], test), test)
    found = outcomes(decided, results, test)
    words = {each["outcome"] for each in found.values()}
    retcode = _FAILED if words & {"failed", "held"} else _REFUSED if "refused" in words else 0
    return {"minions": found, "problems": [], "retcode": retcode}


def _apply(wanted: Answers, test: bool) -> Answers:
    """Apply states on the master, as an orchestration does; results by id. (The runner
    orchestrate_high passes its ``test`` to nobody, and ends in a traceback where a
    state is not reached.)"""
    import salt.minion

    high = {
        name: {"__sls__": "toa.orchestrate", "__env__": "base", **state}
        for name, state in wanted.items()
    }
    minion = salt.minion.MasterMinion({**__opts__, "file_client": "local", "test": test})
    told = minion.functions["state.high"](high)
    if not isinstance(told, dict):
        raise CommandExecutionError("; ".join(map(str, told)))
    return {str(state.get("__id__")): state for state in _states(told)}


def _own(settings: Answers) -> Answers:
    """Without what salt-run adds to keyword arguments."""
    return {name: value for name, value in settings.items() if not name.startswith("__")}


def orchestration(settings: typing.Any, cachedir: str, test: bool) -> Answers:
    """
    Return the states that carry a rollout out. What ``toa.orchestrate`` renders to.

    settings
        As in the pillar ``toa:orchestrate``.

    cachedir
        The master's, where minions' files arrive.

    test
        Whether the states will only announce what they would do.

    CLI Example:

    .. code-block:: bash

        salt-run toa.orchestration '{target: "web*"}' /var/cache/salt/master True
    """
    return states(_plan(settings), cachedir, test)


# --- decided without asking anybody ---------------------------------------------


def check(settings: typing.Any) -> list[str]:
    """
    Return what is wrong with settings, in words.

    CLI Example:

    .. code-block:: bash

        salt-run toa.check '{batch: many}'
    """
    if not isinstance(settings, dict):
        return ["the pillar `toa:orchestrate` must be a mapping"]
    unknown = sorted(str(name) for name in settings if name not in _SETTINGS)
    problems = [f"toa:orchestrate has `{name}`, which is no setting" for name in unknown]
    all_of_them = {**_SETTINGS, **settings}
    batch = all_of_them["batch"]
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        problems.append("toa:orchestrate:batch must be a number of minions")
    for name in ("artifacts", "build_directory"):
        if not str(all_of_them[name]).startswith("/"):
            problems.append(f"toa:orchestrate:{name} must be an absolute path")
    for name in ("target_type", "builders"):
        if all_of_them[name] is not None and not isinstance(all_of_them[name], str):
            problems.append(f"toa:orchestrate:{name} must be a word")
    return problems


def groups(
    targeted: list[str], builders: list[str], facts: Answers, offers: Answers, batch: int
) -> tuple[list[Plan], dict[str, str]]:
    """
    Return the groups, and the minions that cannot be served with the reason.

    targeted, builders
        Minions that answer: those that are to get toa, and those that may build.

    facts, offers
        By minion its answer to ``toa.fingerprint`` and ``toa.available``. What
        minions answer is not believed: a fingerprint names states and
        directories, so it has to be one.

    CLI Example: there is none, it is a part of ``toa.plan``.
    """
    refused: dict[str, str] = {}
    found: dict[str, Plan] = {}
    for minion in sorted(targeted):
        fact, offer = facts.get(minion, _SILENT), offers.get(minion, _SILENT)
        if not _has_fingerprint(fact):
            refused[minion] = _words(fact)
        elif not isinstance(offer, dict) or "found" not in offer:
            refused[minion] = _words(offer)
        else:
            fingerprint = fact["fingerprint"]
            group = found.setdefault(fingerprint, {"minions": [], "found": False, "reason": ""})
            group["minions"].append(minion)
            group["found"] = group["found"] or offer["found"] is True
            group["reason"] = group["reason"] or _words(offer.get("reason"))
    served = []
    for fingerprint, group in sorted(found.items()):
        able = [
            minion
            for minion in sorted(builders)
            if _has_fingerprint(facts.get(minion))
            and facts[minion]["fingerprint"] == fingerprint
            and facts[minion].get("gcc")
            and facts[minion].get("headers")
        ]
        if not group["found"] and not able:
            why = "no minion of this fingerprint may and can build (builders, gcc, headers)"
            refused.update(dict.fromkeys(group["minions"], f"{group['reason']}; and {why}"))
            continue
        served.append(
            {
                "fingerprint": fingerprint,
                "minions": group["minions"],
                "builder": None if group["found"] else able[0],
                "waves": waves(group["minions"], batch),
            }
        )
    return served, refused


def waves(minions: list[str], batch: int) -> list[list[str]]:
    """
    Return minions as they get it: one first, then so many at a time.

    CLI Example: there is none, it is a part of ``toa.plan``.
    """
    rest = minions[1:]
    return [minions[:1], *(rest[at : at + batch] for at in range(0, len(rest), batch))]


def states(decided: Plan, cachedir: str, test: bool) -> Answers:
    """
    Return a plan as states that require each other. (Salt's own batches go on after
    a failure in some of its versions.)

    CLI Example: there is none, it is a part of ``toa.orchestration``.
    """
    found: Answers = {}
    settings = decided["settings"]
    behind: list[str] = []
    for group in decided["groups"]:
        fingerprint = group["fingerprint"]
        served: list[str] = []
        if group["builder"]:
            found.update(_build(group, settings, cachedir, test))
            served = [] if test else [f"toa-serve-{fingerprint}-manifest"]
        for number, wave in enumerate(group["waves"], 1):
            name = f"toa-wave-{fingerprint}-{number}"
            if test and group["builder"]:
                # Nothing is built in a test run, so nothing could be applied.
                who = ", ".join(wave)
                what = f"state.apply toa would run on {who}, with what is yet to be built"
                found[name] = _announced(what)
            else:
                found[name] = _state("salt.state", tgt=wave, tgt_type="list", sls=["toa"])
            _require(found[name], [*behind, *served])
            behind = [name]
    for minion, reason in sorted(decided["refused"].items()):
        found[f"toa-refused-{minion}"] = _failing(f"{minion}: {reason}")
    for number, problem in enumerate(decided["problems"], 1):
        found[f"toa-orchestration-can-begin-{number}"] = _failing(problem)
    return found


def _build(group: Plan, settings: Plan, cachedir: str, test: bool) -> Answers:
    fingerprint, builder = group["fingerprint"], group["builder"]
    place = settings["build_directory"]
    call = {"tgt": builder, "tgt_type": "list", "arg": [place]}
    build, collect = f"toa-build-{fingerprint}", f"toa-collect-{fingerprint}"
    found = {
        build: _state("salt.function", name="toa.build", **call),
        collect: _state("salt.function", name="toa.send_to_master", **call),
    }
    _require(found[collect], [build])
    target = f"{settings['artifacts']}/{fingerprint}"
    if test:
        found[f"toa-serve-{fingerprint}"] = _announced(f"toa.ko would be copied to {target}")
        return found
    copied: list[str] = []
    # The manifest last: where it is, the other two are.
    for name in ("toa.ko", "toa-selftest", "manifest"):
        copy = f"toa-serve-{fingerprint}-{name}"
        source = f"{cachedir}/minions/{builder}/files{place}/{name}"
        made = {"name": f"{target}/{name}", "source": source, "makedirs": True, "force": True}
        found[copy] = _state("file.copy", **made)
        _require(found[copy], [collect, *(copied if name == "manifest" else [])])
        copied.append(copy)
    return found


def _state(function: str, **arguments: typing.Any) -> Answers:
    state, _, name = function.partition(".")
    return {state: [name, *({key: value} for key, value in arguments.items())]}


def _announced(what: str) -> Answers:
    function = "test.configurable_test_state"
    return _state(function, name=what, changes=True, result=True, comment=what)


def _failing(why: str) -> Answers:
    return _state("test.fail_without_changes", name=why, comment=why)


def _require(state: Answers, names: list[str]) -> None:
    if names:
        next(iter(state.values())).append({"require": names})


def outcomes(decided: Plan, results: Answers, test: bool) -> Answers:
    """
    Return by minion what became of it.

    decided, results
        The plan, and by id the results of its states.

    CLI Example: there is none, it is a part of ``toa.roll_out``.
    """
    found: Answers = {
        minion: {"outcome": "refused", "detail": reason}
        for minion, reason in decided["refused"].items()
    }
    for group in decided["groups"]:
        failed = _failed_build(group, results)
        for number, wave in enumerate(group["waves"], 1):
            state = results.get(f"toa-wave-{group['fingerprint']}-{number}", {})
            for minion in wave:
                outcome, detail = _outcome(minion, state, test, failed)
                found[minion] = {"outcome": outcome, "detail": detail}
    return dict(sorted(found.items()))


def _failed_build(group: Plan, results: Answers) -> str:
    """Why a group has no artifact; empty where it has one."""
    for step in ("build", "collect", "serve"):
        for name, state in results.items():
            if name.startswith(f"toa-{step}-{group['fingerprint']}") and state["result"] is False:
                return f"{group['builder']} could not build for it: {_words(_said(state))}"
    return ""


def _said(state: Answers) -> typing.Any:
    told = (state.get("changes") or {}).get("ret")
    return "; ".join(map(str, told.values())) if told else state.get("comment")


def _outcome(minion: str, state: Answers, test: bool, failed_build: str) -> tuple[str, str]:
    comment, result = str(state.get("comment", "")), state.get("result")
    told = ((state.get("changes") or {}).get("ret") or {}).get(minion)
    wrong = [each for each in _states(told) if each.get("result") is False]
    if wrong:
        return "failed", str(wrong[0].get("comment", ""))
    if told is not None and not isinstance(told, dict):
        return "failed", _words(told)
    if result is False and "requisite" in comment:
        return "held", failed_build or "a wave before it failed"
    if told or (result is None and comment):
        said = "; ".join(str(each.get("comment", "")) for each in _states(told)) or comment
        return "planned" if test else "done", said
    if result is True:
        return "unchanged", "toa is as it should be"
    return "failed", comment or "it was not reached"


def _states(results: typing.Any) -> list[Answers]:
    values = results.values() if isinstance(results, dict) else ()
    return [each for each in values if isinstance(each, dict)]


def _has_fingerprint(fact: typing.Any) -> bool:
    told = fact.get("fingerprint") if isinstance(fact, dict) else None
    return isinstance(told, str) and re.fullmatch("[0-9a-f]{16}", told) is not None


def _words(answer: typing.Any) -> str:
    text = str(answer)
    return text if len(text) <= 600 else text[:597] + "..."


# --- asking ---------------------------------------------------------------------


def _plan(given: typing.Any) -> Plan:
    problems = check(given)
    if problems:
        return {"settings": _SETTINGS, "groups": [], "refused": {}, "problems": problems}
    settings = {**_SETTINGS, **given}
    targeted, silent = _present(settings["target"], settings["target_type"])
    builders = targeted
    if settings["builders"] is not None:
        builders, _ = _present(settings["builders"], "compound")
    facts = _execute(sorted({*targeted, *builders}) if targeted else [], "toa.fingerprint")
    offers = _execute(targeted, "toa.available")
    served, refused = groups(targeted, builders, facts, offers, settings["batch"])
    why = "it does not answer; see `salt MINION test.ping` and its log"
    refused.update(dict.fromkeys(silent, why))
    if not served and not refused:
        nobody = f"no minion answers to the target {settings['target']}"
        problems.append(f"{nobody} ({settings['target_type']})")
    return {"settings": settings, "groups": served, "refused": refused, "problems": problems}


def _present(target: typing.Any, target_type: str) -> tuple[list[str], list[str]]:
    status = __salt__["manage.status"](output=False, tgt=target, tgt_type=target_type) or {}
    return sorted(status.get("up", [])), sorted(status.get("down", []))


def _execute(minions: list[str], function: str) -> Answers:
    if not minions:
        return {}
    said = __salt__["salt.execute"](minions, function, tgt_type="list", timeout=_PATIENCE)
    return said if isinstance(said, dict) else {}
