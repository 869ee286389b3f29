# SPDX-License-Identifier: GPL-2.0-only
# Room for the store.

register_gate disk

# What is needed where no artifact is in hand.
SPARE_KB=4096
NEED_KB=$SPARE_KB

gate_disk() {
    disk_dir=$STORE
    while [ ! -d "$disk_dir" ]; do disk_dir=${disk_dir%/*}; [ -n "$disk_dir" ] || disk_dir=/; done
    free_kb "$disk_dir"
    if ! is_number "$R"; then
        R="unknown: df says nothing about $disk_dir"
    elif [ "$R" -lt "$NEED_KB" ]; then
        R="closed: $disk_dir has $R KiB free and $NEED_KB are needed; make room there"
    else
        R=open
    fi
}
