# SPDX-License-Identifier: GPL-2.0-only
"""Salt's view of the installed package: the entry point ``salt.loader`` names it.

An installed wheel has ``_grains/``, ``_modules/`` and ``_states/`` of the source
tree here without their underscores, where Salt's loader looks for them.
"""
