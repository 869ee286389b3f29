# SPDX-License-Identifier: GPL-2.0-only
# What to do about the words of insmod and the kernel.

# The denial of SELinux that is about our load, where there is one: the kernel logs it,
# or auditd keeps it.
find_denial() {
    R=
    find_selinux
    [ "$SELINUX_MODE" = enforcing ] || return 0
    kernel_log_since_mark
    denial_log=$R
    [ ! -r /var/log/audit/audit.log ] || denial_log="$denial_log$NL$(tail -n 50 /var/log/audit/audit.log 2>/dev/null)"
    R=$(printf '%s\n' "$denial_log" | sed -n 's/^.*\(denied  *{.*comm="insmod".*\)$/\1/p' | tail -n 1 | cut -b 1-400)
}

explain_refusal() {
    find_denial
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
