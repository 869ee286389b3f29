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
# 2. A group without an artifact gets one from its first minion that has a
#    compiler and the kernel's headers. The master collects it, which it only
#    does with `file_recv: True` in its configuration.
# 3. Group by group `state.apply toa` goes out in waves: to one minion first,
#    then to `batch` at a time. The first failure stops all that is behind it.
# 4. Who cannot be served is left alone and named as a failure with the reason.
#
# Waves are states that require each other, not Salt's own batches, which go on
# after a failure in some of its versions.
#
# The settings and their defaults stand below `orchestrate` in pillar.example.

{%- set settings = salt["pillar.get"]("toa:orchestrate", {}) or {} %}
{%- set target = settings.get("target", "*") %}
{%- set target_type = settings.get("target_type", "glob") %}
{%- set batch = [settings.get("batch", 10) | int, 1] | max %}
{%- set artifacts = settings.get("artifacts", "/srv/salt/toa/artifacts") %}
{%- set build_directory = settings.get("build_directory", "/var/cache/toa-build") %}

{%- set ask = {"tgt_type": target_type} %}
{%- set facts = salt["saltutil.runner"]("salt.execute", arg=[target, "toa.fingerprint"], kwarg=ask) %}
{%- set offers = salt["saltutil.runner"]("salt.execute", arg=[target, "toa.available"], kwarg=ask) %}

{#- Who is served from where #}
{%- set groups = {} %}
{%- set refused = {} %}
{%- for minion in facts | sort %}
{%-   set fact = facts[minion] %}
{%-   set offer = offers.get(minion, "it did not answer") %}
{%-   if fact is not mapping or fact.fingerprint is not defined %}
{%-     do refused.update({minion: fact | string}) %}
{%-   elif offer is not mapping or offer.found is not defined %}
{%-     do refused.update({minion: offer | string}) %}
{%-   else %}
{%-     set group = groups.setdefault(
          fact.fingerprint, {"minions": [], "builders": [], "found": false, "reason": offer.reason}
        ) %}
{%-     do group.minions.append(minion) %}
{%-     do group.update({"found": group.found or offer.found}) %}
{%-     if fact.gcc and fact.headers %}
{%-       do group.builders.append(minion) %}
{%-     endif %}
{%-   endif %}
{%- endfor %}

{%- set chain = {"behind": none} %}
{%- for fingerprint, group in groups | dictsort %}
{%-   if not group.found and not group.builders %}
{%-     for minion in group.minions %}
{%-       do refused.update({minion: group.reason ~ "; and no minion of this fingerprint can build (gcc, headers)"}) %}
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
      - {{ build_directory | json }}

toa-collect-{{ fingerprint }}:
  salt.function:
    - name: toa.push
    - tgt: {{ builder | json }}
    - tgt_type: list
    - arg:
      - {{ build_directory | json }}
    - require:
      - salt: toa-build-{{ fingerprint }}

{#-       The manifest last: where it is, the other two are. #}
{%-       for name in ["toa.ko", "toa-selftest", "manifest"] %}

toa-serve-{{ fingerprint }}-{{ name }}:
  file.copy:
    - name: {{ (artifacts ~ "/" ~ fingerprint ~ "/" ~ name) | json }}
    - source: {{ (opts["cachedir"] ~ "/minions/" ~ builder ~ "/files" ~ build_directory ~ "/" ~ name) | json }}
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
{%-     set waves = [group.minions[:1]] + (group.minions[1:] | batch(batch) | list) %}
{%-     for wave in waves if wave %}
{%-       set wave_id = "toa-wave-" ~ fingerprint ~ "-" ~ loop.index %}

{{ wave_id }}:
  salt.state:
    - tgt: {{ wave | json }}
    - tgt_type: list
    - sls:
      - toa
{%-       if chain.behind or not group.found %}
    - require:
{%-         if chain.behind %}
      - salt: {{ chain.behind }}
{%-         endif %}
{%-         if not group.found %}
      - file: toa-serve-{{ fingerprint }}-manifest
{%-         endif %}
{%-       endif %}
{%-       do chain.update({"behind": wave_id}) %}
{%-     endfor %}
{%-   endif %}
{%- endfor %}

{%- for minion, reason in refused | dictsort %}

toa-refused-{{ minion }}:
  test.fail_without_changes:
    - name: {{ (minion ~ ": " ~ reason) | json }}
    - comment: {{ (minion ~ ": " ~ reason) | json }}
{%- endfor %}

{%- if not groups and not refused %}

toa-has-a-target:
  test.fail_without_changes:
    - name: {{ ("no minion answers to the target " ~ target ~ " (" ~ target_type ~ ")") | json }}
    - comment: {{ ("no minion answers to the target " ~ target ~ " (" ~ target_type ~ ")") | json }}
{%- endif %}
