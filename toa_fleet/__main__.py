# SPDX-License-Identifier: GPL-2.0-only
"""``python -m toa_fleet`` is the command ``toa-fleet``."""

from toa_fleet.cli import main

if __name__ == "__main__":
    main()
