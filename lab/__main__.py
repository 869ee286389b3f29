# SPDX-License-Identifier: GPL-2.0-only
"""Runs the lab's command line."""

import sys

from .cli import main

sys.exit(main())
