# SPDX-License-Identifier: GPL-2.0-only
# Loading takes root.

register_gate root

gate_root() {
    R=open
    [ "$N_uid" = 0 ] || R="closed: this is user id ${N_uid:-unknown}; run as root or through sudo"
}
