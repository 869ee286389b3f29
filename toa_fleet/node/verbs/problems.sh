# SPDX-License-Identifier: GPL-2.0-only
register_verb problems 60 'what is wrong with toa here, in words; nothing where it is not installed'

# Cheap enough for a beacon to ask each minute: no fingerprint, no images.
verb_problems() {
    first_line "$ROOT/proc/sys/kernel/osrelease" || R=$(uname -r)
    problems_release=$R
    find_kernels_with_artifact
    [ -z "$COVERED" ] || say_problems
    finish 0
}

say_problems() {
    if [ ! -e "$ROOT/sys/module/toa/initstate" ]; then
        case ", $COVERED, " in
        *", $problems_release, "*) R="toa is installed for the running kernel $problems_release, but it is not loaded" ;;
        *) R="toa is not loaded: no artifact for the running kernel $problems_release is installed, only for $COVERED" ;;
        esac
        say problem.gone "$R"
    else
        read_hooks
        [ "$R" != disarmed ] || say problem.disarmed \
            "toa is loaded but its hooks are disarmed, so applications see the balancer's address; see kernel.ftrace_enabled and /sys/kernel/debug/kprobes/enabled"
    fi
    read_kernels_record
    [ -z "$R" ] || say problem.kernel "no artifact is installed for the kernel $R"
}
