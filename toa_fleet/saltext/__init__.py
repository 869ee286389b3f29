# SPDX-License-Identifier: GPL-2.0-only
"""Salt's view of the installed package: the entry point ``salt.loader`` names it.

An installed wheel has ``_grains/``, ``_modules/``, ``_states/`` and the like of the source
tree here without their underscores, where Salt's loader looks for them.
"""
