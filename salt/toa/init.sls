# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# The right toa.ko for the running kernel: installed, loaded, proven, and loaded
# at every boot. What is right comes from the pillar, see pillar.example.

{#- Get the `tplroot` from `tpldir` #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import mapdata as toa with context %}

{%- if toa.problem %}

toa-pillar-is-right:
  toa.misconfigured:
    - name: {{ toa.problem | json }}

{%- else %}
{%-   if toa.toolchain.wanted %}

include:
  - .toolchain
{%-   endif %}

toa-is-present:
  toa.present:
    - name: toa
{%-   for name, value in toa.present.items() %}
    - {{ name }}: {{ value | json }}
{%-   endfor %}
{%-   if toa.toolchain.wanted %}
    - require:
      - sls: {{ tplroot }}.toolchain
{%-   endif %}

{%- endif %}
