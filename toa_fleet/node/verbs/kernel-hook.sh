# SPDX-License-Identifier: GPL-2.0-only
register_verb kernel-hook 2400 'what the hooks of the package managers call: notes which kernels have no artifact, and builds for RELEASE after install --rebuild' RELEASE

# Another toa-node, a build say, is waited for.
HOOK_LOCK_SECONDS=120

# What the hooks of the package managers call, while the old kernel still runs.
verb_kernel_hook() {
    HOOK_KERNEL=$VERB_ARGUMENT
    is_release "$HOOK_KERNEL" || fail usage "kernel-hook needs the release of the kernel that was installed or removed" \
        "see toa-node help"
    [ -n "$ROOT" ] || require_root
    find_uid
    say kernel "$HOOK_KERNEL"
    if [ -f "$STORE/toa-node" ]; then
        LOCK_SECONDS=$HOOK_LOCK_SECONDS
        open_store
        gather_facts
        rebuild_for_kernel
        record_kernels
    else
        UNCOVERED=
    fi
    say kernels_without_artifact "$UNCOVERED"
    say changed "$CHANGED"
    finish 0
}

# A kernel for which nothing can be built now is tried again when it boots.
rebuild_for_kernel() {
    rebuilds && [ -d "$ROOT/lib/modules/$HOOK_KERNEL/kernel" ] || return 0
    remember_running_kernel
    read_kernel "$HOOK_KERNEL"
    if ! kernel_has_artifact; then
        progress "building for $HOOK_KERNEL"
        if build_here --kernel "$HOOK_KERNEL"; then
            place_artifact
            say_artifact
            make_current
            CHANGED=yes
        else
            clean "$R"
            say rebuild_failed "$R"
            log_event "no toa for the kernel $HOOK_KERNEL: $R"
        fi
    fi
    recall_running_kernel
}
