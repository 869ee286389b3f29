# SPDX-License-Identifier: GPL-2.0-only
# Another toa that is loaded at boot: it would be there first, and ours refused.

register_gate loaders

gate_loaders() {
    find_other_loaders
    R=open
    if [ -n "$OTHER_LOADER" ]; then
        R="closed: another toa is loaded at boot, and would be there before ours ($OTHER_LOADER); take that line out, toa-node loads ours at boot by itself"
    elif [ -n "$IDLE_LOADER" ]; then
        R="open: another toa would be loaded at boot if it were there ($IDLE_LOADER)"
    fi
}
