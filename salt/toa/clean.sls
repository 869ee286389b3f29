# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# The way back of init.sls. The compiler and the kernel's headers stay: whether
# something else needs them by now cannot be told from here.

{#- Get the `tplroot` from `tpldir` #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import mapdata as toa with context %}

{%- if toa.problem %}

toa-pillar-is-right:
  toa.misconfigured:
    - name: {{ toa.problem | json }}

{%- else %}

toa-is-absent:
  toa.absent:
    - name: toa
{%-   if toa.present.node_program is defined %}
    - node_program: {{ toa.present.node_program | json }}
{%-   endif %}

{%- endif %}
