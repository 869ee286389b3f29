# SPDX-License-Identifier: GPL-2.0-only
# One toa-node at a time changes a node.

#
# The lock is a symbolic link to its owner's name (process:start time:boot): made
# and removed by one system call, so it is never there without its owner.

# How long to wait for another one.
LOCK_SECONDS=0 LOCKED=

process_start() {
    first_line "/proc/$1/stat" || return 1
    # The second field, the name in parentheses, may hold blanks.
    R=${R##*') '}
    for start_skip in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
        R=${R#* }
    done
    : "$start_skip"
    R=${R%% *}
}

lock_store() {
    first_line /proc/sys/kernel/random/boot_id
    lock_boot=${R:-unknown}
    process_start $$
    lock_me="$$:$R:$lock_boot"
    lock_tries=6
    while [ "$lock_tries" -gt 0 ]; do
        lock_tries=$((lock_tries - 1))
        # Whoever leaves an empty store takes it away: it may just have gone.
        make_dir "$STORE" || store_trouble "cannot make $STORE"
        if R=$(ln -s "$lock_me" "$STORE/.lock" 2>&1); then
            LOCKED=yes
            # Of a run that was killed while it removed the lock of another.
            rmdir "$STORE"/.lock.dead.* 2>/dev/null
            return
        fi
        lock_owner=$(readlink "$STORE/.lock" 2>/dev/null) || continue
        if owner_lives "$lock_owner"; then
            [ "$LOCK_SECONDS" -gt 0 ] || lock_is_held "process ${lock_owner%%:*}"
            LOCK_SECONDS=$((LOCK_SECONDS - 1))
            lock_tries=6
            sleep 1
            continue
        fi
        remove_dead_lock "$lock_owner"
    done
    [ ! -h "$STORE/.lock" ] || lock_is_held "another process"
    store_trouble "cannot lock $STORE"
}

unlock_store() {
    rm -f "$STORE/.lock"
    LOCKED=
}

owner_lives() {
    process_start "${1%%:*}" && [ "$1" = "${1%%:*}:$R:$lock_boot" ]
}

# A dead owner's name is never used again, so making a directory of that name
# lets exactly one process remove its lock. It looks again once it is alone:
# another may have removed it and a third one have locked in between. A directory
# that a power cut left there must not bar the next boot.
remove_dead_lock() {
    lock_marker="$STORE/.lock.dead.$(printf '%s' "$1-$lock_boot" | tr -c 'a-z0-9' '-' | cut -b 1-160)"
    mkdir "$lock_marker" 2>/dev/null || return
    if [ "$(readlink "$STORE/.lock")" = "$1" ]; then
        progress "removing the lock of a run that was killed ($1)"
        rm -f "$STORE/.lock"
    fi
    rmdir "$lock_marker"
}

lock_is_held() {
    fail node "another toa-node is at work here ($1 holds $STORE/.lock)" \
        "wait until it is done and run the same again; if none is running, rm -rf $STORE/.lock*"
}
