# SPDX-License-Identifier: GPL-2.0-only
"""How bytes reach a node. A carrier moves them and decides nothing."""
