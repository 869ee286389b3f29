# SPDX-License-Identifier: GPL-2.0-only
# Boot systems: what each is to this program.
#
# A boot system is a file of its own that says register_boot_system NAME, and has
#   boot_NAME_is_here       whether it starts what runs at boot here
#   boot_NAME_pieces CALL   calls CALL with each of its pieces (pieces.sh)
#   boot_NAME_added         (only where something has to hear of new pieces)
# with underscores for hyphens. The first in the list of contents that is here
# counts.

BOOT_SYSTEMS= BEFORE_REMOVAL= AFTER_REMOVAL=

register_boot_system() {
    BOOT_SYSTEMS="$BOOT_SYSTEMS $1"
}

# What has to be done before pieces are taken away, and when some were.
before_removal() {
    BEFORE_REMOVAL="$BEFORE_REMOVAL $1"
}

after_removal() {
    AFTER_REMOVAL="$AFTER_REMOVAL $1"
}

# How this system starts what runs at boot; or none of those that are known.
find_boot_system() {
    for boot_name in $BOOT_SYSTEMS; do
        underscored "$boot_name"
        "boot_${R}_is_here" && R=$boot_name && return
    done
    R=none
}

# Calls $2 with each piece of the boot method $1.
each_boot_piece() {
    underscored "$1"
    "boot_${R}_pieces" "$2"
}

# The operator's own script, once it was named, is how this system loads toa.
find_boot_method() {
    find_start_script
    if [ -n "$START_SCRIPT" ]; then R=start-script; else find_boot_system; fi
    BOOT_METHOD=$R
}
