# SPDX-License-Identifier: GPL-2.0-only
register_verb legacy-kernel 50400 'a 2.6.32 kernel with TOA patched in, step by step'

verb_legacy_kernel() {
    find_uid
    gather_facts
    check_legacy_arguments
    require_root
    find_legacy_tree
    find_legacy_release
    if [ -n "$UNDO" ]; then
        undo_legacy_kernel
        finish 0
    fi
    require_legacy_system
    require_legacy_source
    open_store
    say alternative 'toa-fleet build --on this node and toa-fleet push: a toa.ko for the kernel that is running, without another kernel and without a reboot; try that first'
    for legacy_step in $LEGACY_STEPS; do
        do_legacy_step "$legacy_step"
    done
    say_legacy_reboot
    say_legacy_module
    say kernel_release "$RELEASE"
    say reboot "$REBOOT_IS"
    say changed "$CHANGED"
    [ "$REBOOT_IS" != now ] || reboot_soon
    finish 0
}

require_legacy_system() {
    [ -z "$FORCE" ] || return 0
    case $N_kernel_release in
    2.6.32*) ;;
    *)
        is_legacy_kernel_running || fail gate "this system runs the kernel $N_kernel_release, and the procedure is for 2.6.32 alone" \
            "build and push toa.ko instead (toa-fleet build, toa-fleet push); --force is for those who know why"
        ;;
    esac
    read_running
    [ "$RUN" = no ] || [ -z "$RUN_DIR" ] || fail gate "this node already runs the toa.ko of this project, which needs no other kernel" \
        "leave it as it is, or take it away first (toa-node remove)"
}

is_legacy_kernel_running() {
    [ -n "$RELEASE" ] && [ "$N_kernel_release" = "$RELEASE" ]
}

say_legacy_reboot() {
    REBOOT_IS=no
    if [ -n "$ROOT" ]; then
        say step.reboot "skipped: $ROOT is not running"
    elif is_legacy_kernel_running; then
        say step.reboot 'was done'
    elif [ -n "$REBOOT" ] && [ -z "$DRY_RUN" ]; then
        REBOOT_IS=now CHANGED=yes
        say step.reboot 'done'
    else
        REBOOT_IS=due
        [ -z "$REBOOT" ] || CHANGED=yes
        say step.reboot to-do
    fi
}

say_legacy_module() {
    read_running
    if [ -n "$ROOT" ]; then
        say step.module "skipped: $ROOT is not running"
    elif ! is_legacy_kernel_running; then
        say step.module to-do
    elif [ "$RUN" = yes ]; then
        say step.module 'was done'
    elif [ -n "$DRY_RUN" ]; then
        CHANGED=yes
        say step.module to-do
    else
        CHANGED=yes
        # Not busybox's own, which cannot read every system's modules.
        program_in_path modprobe && output_of "$R" toa || fail load "modprobe toa: $R" "see dmesg on the node"
        say step.module 'done'
    fi
}

# Later, so that this answer arrives.
reboot_soon() {
    progress "rebooting into $RELEASE within a minute"
    if have shutdown; then
        (trap '' HUP && exec nohup shutdown -r +1 "toa-node: into the kernel $RELEASE") </dev/null >/dev/null 2>&1 &
    else
        (trap '' HUP && sleep 30 && exec reboot) </dev/null >/dev/null 2>&1 &
    fi
}

# What would start or load it again goes; what takes room is named. The kernel may
# be the one that runs.
undo_legacy_kernel() {
    open_store
    for undo_file in "$STARTUP" "$WATCHDOG"; do
        [ -f "$ROOT$undo_file" ] && grep -q -x -F "$LEGACY_MARK" "$ROOT$undo_file" || continue
        CHANGED=yes
        [ -n "$DRY_RUN" ] && continue
        R=$(rm -f "$ROOT$undo_file" 2>&1) || store_trouble "cannot remove $undo_file"
    done
    undo_bootloader
    legacy_left=
    for R in "$ROOT/boot/"*"-$RELEASE" "$ROOT/boot/initramfs-$RELEASE.img" "$ROOT/lib/modules/$RELEASE" "$PLACE"; do
        [ -z "$RELEASE" ] || [ ! -e "$R" ] || legacy_left="$legacy_left ${R#"$ROOT"}"
    done
    say kernel_release "$RELEASE"
    say left "${legacy_left# }"
    if is_legacy_kernel_running; then say reboot due; else say reboot no; fi
    say changed "$CHANGED"
}
