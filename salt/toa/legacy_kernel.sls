# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# A 2.6.32 kernel with TOA patched in, for systems that can have no toa.ko. The
# pillar says where its sources are, see pillar.example.

{#- Get the `tplroot` from `tpldir` #}
{%- set tplroot = tpldir.split("/")[0] %}
{%- from tplroot ~ "/map.jinja" import mapdata as toa with context %}

{%- if toa.problem or not toa.legacy_kernel %}

toa-pillar-is-right:
  toa.misconfigured:
    - name: {{ (toa.problem or "the pillar has no `toa:legacy_kernel`, see pillar.example") | json }}

{%- else %}

toa-legacy-kernel-is-there:
  toa.legacy_kernel:
{%-   for name, value in toa.legacy_kernel.items() %}
    - {{ name }}: {{ value | json }}
{%-   endfor %}

{%- endif %}
