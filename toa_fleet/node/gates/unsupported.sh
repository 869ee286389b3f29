# SPDX-License-Identifier: GPL-2.0-only
# SUSE's switches for modules that it does not support.

register_gate unsupported load

# SUSE's kernels and SUSE's modprobe each have a switch for modules that SUSE
# does not support.
gate_unsupported() {
    R=$(cat "$ROOT/proc/sys/kernel/unsupported" 2>/dev/null)
    if [ "$R" = 0 ]; then
        R='closed: this kernel refuses modules that SUSE does not support (kernel.unsupported=0); echo 1 > /proc/sys/kernel/unsupported, and for the next boot kernel.unsupported=1 in sysctl.d'
        return
    fi
    unsupported_file=
    each_modprobe_file search_unsupported
    R=open
    [ -z "$unsupported_file" ] ||
        R="open: modprobe refuses toa (allow_unsupported_modules 0 in ${unsupported_file#"$ROOT"}), which does not bind insmod, and so neither toa-node"
}

search_unsupported() {
    case $1 in
    *unsupported-modules*) each_modprobe_line note_unsupported "$1" ;;
    esac
}

note_unsupported() {
    case "$MODPROBE_COMMAND $MODPROBE_MODULE" in
    'allow_unsupported_modules 0'*) unsupported_file=$modprobe_file ;;
    esac
}
