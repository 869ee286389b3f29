# SPDX-License-Identifier: GPL-2.0-only
"""toa-fleet: build toa.ko once, carry it to every node it fits, refuse the rest."""

__version__ = "0.1.0"
