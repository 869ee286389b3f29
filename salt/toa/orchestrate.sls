# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# On a master: build where an artifact is missing, collect it, roll out.
#
#   salt-run state.orchestrate toa.orchestrate pillar='{"toa": {"orchestrate": {"target": "web*"}}}'
#
# 1. Every targeted minion tells its fingerprint and whether the fileserver has
#    an artifact for it; minions with the same fingerprint are a group.
# 2. A group without an artifact gets one from its first minion that may build
#    (`builders`) and has a compiler and the kernel's headers. The master collects
#    it, which it only does with `file_recv: True` in its configuration.
# 3. Group by group `state.apply toa` goes out in waves: to one minion first,
#    then to `batch` at a time. The first failure stops all that is behind it.
# 4. Who cannot be served, or does not answer, is left alone and named as a
#    failure with the reason.
#
# Waves are states that require each other, not Salt's own batches, which go on
# after a failure in some of its versions.
#
# What minions answer is not believed: it comes into this file as quoted text, or
# as a fingerprint of 16 hex digits, for it names states and directories here.
#
# The settings and their defaults stand below `orchestrate` in pillar.example.

{%- set given = salt["pillar.get"]("toa:orchestrate", {}) or {} %}
{%- set settings = {
      "target": "*",
      "target_type": "glob",
      "builders": none,
      "batch": 10,
      "artifacts": "/srv/salt/toa/artifacts",
      "build_directory": "/var/cache/toa-build",
    } %}
{%- set problems = [] %}
{%- if given is mapping %}
{%-   do settings.update(given) %}
{%- else %}
{%-   do problems.append("the pillar `toa:orchestrate` must be a mapping") %}
{%- endif %}
{%- if settings.batch is not integer or settings.batch is boolean or settings.batch < 1 %}
{%-   do problems.append("toa:orchestrate:batch must be a number of minions") %}
{%- endif %}
{%- for name in ["artifacts", "build_directory"] if not (settings[name] | string).startswith("/") %}
{%-   do problems.append("toa:orchestrate:" ~ name ~ " must be an absolute path") %}
{%- endfor %}
{%- for name in ["target_type", "builders"] if settings[name] is not none and settings[name] is not string %}
{%-   do problems.append("toa:orchestrate:" ~ name ~ " must be a word") %}
{%- endfor %}
{%- set target = settings.target %}

{#- Who is meant, and who may build although nothing is rolled out to it #}
{%- set refused = {} %}
{%- set targeted = [] %}
{%- set builders = [] %}
{%- if not problems %}
{%-   set asked = {"output": false, "tgt": target, "tgt_type": settings.target_type} %}
{%-   set status = salt["saltutil.runner"]("manage.status", kwarg=asked) or {} %}
{%-   do targeted.extend(status.get("up", []) | sort) %}
{%-   for minion in status.get("down", []) %}
{%-     do refused.update({minion: "it does not answer; see `salt MINION test.ping` and its log"}) %}
{%-   endfor %}
{%-   if settings.builders is none %}
{%-     do builders.extend(targeted) %}
{%-   else %}
{%-     do asked.update({"tgt": settings.builders, "tgt_type": "compound"}) %}
{%-     do builders.extend((salt["saltutil.runner"]("manage.status", kwarg=asked) or {}).get("up", [])) %}
{%-   endif %}
{%- endif %}

{#- What they say. Those that answer are asked, so a slow one is worth waiting for. #}
{%- set facts = {} %}
{%- set offers = {} %}
{%- if targeted %}
{%-   set ask = {"tgt_type": "list", "timeout": 120} %}
{%-   set everyone = (targeted + builders) | unique | list %}
{%-   do facts.update(salt["saltutil.runner"]("salt.execute", arg=[everyone, "toa.fingerprint"], kwarg=ask) or {}) %}
{%-   do offers.update(salt["saltutil.runner"]("salt.execute", arg=[targeted, "toa.available"], kwarg=ask) or {}) %}
{%- endif %}

{#- Who is served from where #}
{%- set groups = {} %}
{%- for minion in targeted %}
{%-   set fact = facts.get(minion, "it did not answer in time") %}
{%-   set offer = offers.get(minion, "it did not answer in time") %}
{%-   if fact is not mapping or not (fact.fingerprint | string | regex_match("([0-9a-f]{16})\\Z")) %}
{%-     do refused.update({minion: fact | string | truncate(600)}) %}
{%-   elif offer is not mapping or offer.found is not defined %}
{%-     do refused.update({minion: offer | string | truncate(600)}) %}
{%-   else %}
{%-     set group = groups.setdefault(
          fact.fingerprint, {"minions": [], "builders": [], "found": false, "reason": offer.reason}
        ) %}
{%-     do group.minions.append(minion) %}
{%-     do group.update({"found": group.found or offer.found}) %}
{%-   endif %}
{%- endfor %}
{%- for minion in builders | sort if facts.get(minion) is mapping %}
{%-   set fact = facts[minion] %}
{%-   if fact.fingerprint in groups and fact.gcc and fact.headers %}
{%-     do groups[fact.fingerprint].builders.append(minion) %}
{%-   endif %}
{%- endfor %}

{#- With test=True, what cannot be asked yet: nothing is built, so nothing can be copied. #}
{%- macro announce(id, what) %}

{{ id }}:
  test.configurable_test_state:
    - name: {{ what | json }}
    - changes: true
    - result: true
    - comment: {{ what | json }}
{%- endmacro %}

{%- set chain = {"behind": none} %}
{%- for fingerprint, group in groups | dictsort %}
{%-   if not group.found and not group.builders %}
{%-     for minion in group.minions %}
{%-       do refused.update({minion: group.reason ~ "; and no minion of this fingerprint may and can build (builders, gcc, headers)"}) %}
{%-     endfor %}
{%-   else %}
{%-     if not group.found %}
{%-       set builder = group.builders | first %}

toa-build-{{ fingerprint }}:
  salt.function:
    - name: toa.build
    - tgt: {{ builder | json }}
    - tgt_type: list
    - arg:
      - {{ settings.build_directory | json }}

toa-collect-{{ fingerprint }}:
  salt.function:
    - name: toa.send_to_master
    - tgt: {{ builder | json }}
    - tgt_type: list
    - arg:
      - {{ settings.build_directory | json }}
    - require:
      - salt: toa-build-{{ fingerprint }}

{%-       if opts["test"] %}
{{-         announce("toa-serve-" ~ fingerprint, "toa.ko would be copied to " ~ settings.artifacts ~ "/" ~ fingerprint) }}
{%-       endif %}

{#-       The manifest last: where it is, the other two are. #}
{%-       for name in ["toa.ko", "toa-selftest", "manifest"] if not opts["test"] %}

toa-serve-{{ fingerprint }}-{{ name }}:
  file.copy:
    - name: {{ (settings.artifacts ~ "/" ~ fingerprint ~ "/" ~ name) | json }}
    - source: {{ (opts["cachedir"] ~ "/minions/" ~ builder ~ "/files" ~ settings.build_directory ~ "/" ~ name) | json }}
    - makedirs: true
    - force: true
    - require:
      - salt: toa-collect-{{ fingerprint }}
{%-         if name == "manifest" %}
      - file: toa-serve-{{ fingerprint }}-toa.ko
      - file: toa-serve-{{ fingerprint }}-toa-selftest
{%-         endif %}
{%-       endfor %}
{%-     endif %}

{#-     One minion first, then the others, `batch` at a time. #}
{%-     set waves = [group.minions[:1]] + (group.minions[1:] | batch(settings.batch) | list) %}
{%-     for wave in waves if wave %}
{%-       set wave_id = "toa-wave-" ~ fingerprint ~ "-" ~ loop.index %}
{%-       if opts["test"] and not group.found %}
{{-         announce(wave_id, "state.apply toa would run on " ~ (wave | join(", ")) ~ ", with what is yet to be built") }}
{%-       else %}

{{ wave_id }}:
  salt.state:
    - tgt: {{ wave | json }}
    - tgt_type: list
    - sls:
      - toa
{%-       endif %}
{%-       set behind = [chain.behind] if chain.behind else [] %}
{%-       set behind = behind + (["toa-serve-" ~ fingerprint ~ "-manifest"] if not group.found and not opts["test"] else []) %}
{%-       if behind %}
    - require: {{ behind | json }}
{%-       endif %}
{%-       do chain.update({"behind": wave_id}) %}
{%-     endfor %}
{%-   endif %}
{%- endfor %}

{%- for minion, reason in refused | dictsort %}

{{ ("toa-refused-" ~ minion) | json }}:
  test.fail_without_changes:
    - name: {{ (minion ~ ": " ~ reason) | json }}
    - comment: {{ (minion ~ ": " ~ reason) | json }}
{%- endfor %}

{%- if not problems and not groups and not refused %}
{%-   do problems.append("no minion answers to the target " ~ target ~ " (" ~ settings.target_type ~ ")") %}
{%- endif %}
{%- for problem in problems %}

toa-orchestration-can-begin-{{ loop.index }}:
  test.fail_without_changes:
    - name: {{ problem | json }}
    - comment: {{ problem | json }}
{%- endfor %}
