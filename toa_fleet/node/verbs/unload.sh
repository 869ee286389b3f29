# SPDX-License-Identifier: GPL-2.0-only
register_verb unload 120 'take toa out of the kernel'

verb_unload() {
    require_live_system
    require_root
    open_store
    gather_facts
    unload_ours
    finish 0
}

unload_ours() {
    if [ "$RUN" = no ]; then
        say changed no
        return
    fi
    # Another toa beside it is no reason to keep ours.
    [ -n "$RUN_DIR" ] || pass_gates foreign
    say previous_build_id "$RUN_BUILD_ID"
    remove_module || fail load "toa does not go: $R" "see who uses it (lsmod), or reboot"
    say changed yes
}
