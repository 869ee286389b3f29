# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# What a minion needs to build toa.ko: a compiler and the headers of exactly the
# running kernel. Reference minions need it; the others do not.

{#- Get the `tplroot` from `tpldir` #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import mapdata as toa with context %}

{%- if toa.problem %}

toa-pillar-is-right:
  toa.misconfigured:
    - name: {{ toa.problem | json }}

{%- else %}

toa-toolchain-is-installed:
  toa.toolchain:
    - name: toa
{%-   for name, value in toa.toolchain.options.items() %}
    - {{ name }}: {{ value | json }}
{%-   endfor %}

{%- endif %}
