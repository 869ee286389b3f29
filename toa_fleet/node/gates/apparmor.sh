# SPDX-License-Identifier: GPL-2.0-only
# AppArmor: a profile around this shell.

register_gate apparmor load

# Profiles bind what they are written for; insmod has none, and inherits the shell's.
gate_apparmor() {
    R=open
    first_line "$ROOT/sys/module/apparmor/parameters/enabled" && [ "$R" = Y ] || { R=open && return; }
    R=open
    apparmor_file=/proc/self/attr/apparmor/current
    [ -e "$ROOT$apparmor_file" ] || apparmor_file=/proc/self/attr/current
    first_line "$ROOT$apparmor_file" && apparmor_profile=$R || { R=open && return; }
    case $apparmor_profile in
    *' (enforce)')
        R=${apparmor_profile%' (enforce)'}
        R="closed: this shell is confined by AppArmor's profile $R, and what a profile does not name it denies; run it from a shell outside (ssh, not a snap or a container), or take the profile off this one (aa-complain)"
        ;;
    *) R=open ;;
    esac
}
