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
  pkg.installed:
    - pkgs: {{ toa.toolchain.pkgs | json }}

# Packages can be there and the headers of this very kernel not.
toa-toolchain-is-complete:
  toa.toolchain:
    - name: toa
{%-   if toa.present.node_program is defined %}
    - node_program: {{ toa.present.node_program | json }}
{%-   endif %}
    - require:
      - pkg: toa-toolchain-is-installed

{%- endif %}
