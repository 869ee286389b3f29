# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# On a master: build where an artifact is missing, collect it, roll out.
#
#   salt-run state.orchestrate toa.orchestrate pillar='{"toa": {"orchestrate": {"target": "web*"}}}'
#
# Who is asked, who builds, who gets it when, and the states that carry it out: all
# of that is decided in the runner, _runners/toa.py. `salt-run toa.plan` shows it.
# The settings and their defaults stand below `orchestrate` in pillar.example.

{%- do salt["saltutil.runner"]("saltutil.sync_runners") %}
{%- set wanted = {
      "settings": salt["pillar.get"]("toa:orchestrate", {}) or {},
      "cachedir": opts["cachedir"],
      "test": opts["test"],
    } %}
{%- if "toa.orchestration" in salt["sys.list_runner_functions"]("toa") %}

{{ salt["saltutil.runner"]("toa.orchestration", kwarg=wanted) | json }}

{%- else %}

toa-orchestration-can-begin-1:
  test.fail_without_changes:
    - comment: >-
        the runner toa is not there: see that _runners/ of this project is among the
        file_roots, and that the master's user can write to its extension_modules

{%- endif %}
