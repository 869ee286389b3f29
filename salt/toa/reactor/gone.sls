# SPDX-License-Identifier: GPL-2.0-only
# -*- coding: utf-8 -*-
# vim: ft=sls
#
# Brings toa back where the beacon says that it is gone. In the master's
# configuration:
#
#   reactor:
#     - 'salt/beacon/*/toa/gone':
#       - salt://toa/reactor/gone.sls
#
# Three times at most: what `state.apply toa` could not mend by then needs a
# person, and the beacon's count starts anew only after an hour without it.
# The id comes from the minion, so it names one minion and is no pattern.

{%- set event = data.get("data", data) %}
{%- if event.get("count", 0) is number and event.get("count", 0) <= 3 %}

toa-is-brought-back:
  local.state.apply:
    - tgt: {{ [event.get("id", "")] | json }}
    - tgt_type: list
    - arg:
      - toa

{%- endif %}
