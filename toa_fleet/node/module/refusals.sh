# SPDX-License-Identifier: GPL-2.0-only
# What to do about the words of insmod and the kernel.

# The denial of SELinux that is about our load, where there is one: the kernel logs it,
# or auditd keeps it. Both have older ones, too, which are about something else.
find_denial() {
    denial=
    find_selinux
    [ "$SELINUX_MODE" != enforcing ] || {
        kernel_log_since_mark
        each_line see_denial "$R"
        each_line see_denial "$(tail -n 50 "$ROOT/var/log/audit/audit.log" 2>/dev/null)"
    }
    R=$denial
}

see_denial() {
    case $1 in
    *'audit('[0-9]*'denied '*'{'*'comm="insmod"'*) ;;
    *) return 0 ;;
    esac
    denial_time=${1#*'audit('}
    denial_time=${denial_time%%[!0-9]*}
    is_number "$denial_time" && [ "$denial_time" -ge "$MARK_TIME" ] || return 0
    denial=$(printf '%s' "denied${1#*denied}" | cut -b 1-400)
}

# A denial counts where what insmod says is what a denied one says.
explain_refusal() {
    R=
    case $1 in
    *'ot permitted'* | *'ermission denied'*) find_denial ;;
    esac
    case $1${R:+avc: $R} in
    *avc:*)
        R="SELinux denies it ($R); $SELINUX_WAYS_OUT" ;;
    *'toa_stats is there already'*)
        R='another module that tells clients'"'"' addresses is loaded under a name of its own: see lsmod, and take it out (rmmod), or give --replace-foreign' ;;
    *'rejected by service'* | *'equired key not'* | *'nsigned module is rejected'*)
        R='the kernel takes only modules signed with a key it trusts: sign toa.ko (and mokutil --import the key), or turn module.sig_enforce or Secure Boot off' ;;
    *ockdown*)
        R='kernel lockdown takes only signed modules: sign toa.ko, or turn Secure Boot or lockdown= off' ;;
    *'ersion magic'* | *'disagrees about version'* | *'this_module section size'* | *'nvalid module format'* | *'xec format'*)
        R='toa.ko was built against other headers than this kernel, although its manifest matches: build it again on a node of this kind after reinstalling the kernel headers there' ;;
    *'nknown symbol'*)
        R='this kernel lacks a function that toa.ko uses or hooks: build toa.ko again on a node of this kind; if it stays so, report the kernel release' ;;
    *'ile exists'*)
        R='a toa is loaded already: see toa-node status' ;;
    *'nvalid argument'* | *'nvalid parameters'*)
        R="the module does not take its parameters${OPTIONS:+ ($OPTIONS)}: see the lines \"options toa\" in /etc/modprobe.d" ;;
    *'annot allocate'* | *'ut of memory'*)
        R='the node has no memory left for the module: free some, then run the same again' ;;
    *'ot supported'* | *'not implemented'* | *'o such device'* | *'does not support'*)
        R='this kernel does not let kprobes hook TCP: see CONFIG_KRETPROBES, kernel.ftrace_enabled and /sys/kernel/debug/kprobes/enabled' ;;
    *'ot permitted'* | *'ermission denied'*)
        R='loading is forbidden here: be root outside of containers; see kernel.modules_disabled, lockdown and SELinux (ausearch -m avc -ts recent)' ;;
    *)
        R='see dmesg on the node' ;;
    esac
}
