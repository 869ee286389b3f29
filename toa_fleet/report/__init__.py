# SPDX-License-Identifier: GPL-2.0-only
"""How results are shown: progress, a table, JSON."""
