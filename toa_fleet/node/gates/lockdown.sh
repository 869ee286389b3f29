# SPDX-License-Identifier: GPL-2.0-only
# Kernel lockdown.

register_gate lockdown load unsigned

gate_lockdown() {
    first_line "$ROOT/sys/kernel/security/lockdown"
    case $R$NEW_IS_SIGNED in
    *'[none]'* | *']yes') R=open ;;
    *'['*']'*) R="closed: kernel lockdown ($R) takes only signed modules; sign toa.ko with a key that the kernel trusts, or turn Secure Boot or lockdown= off" ;;
    *) lockdown_is_not_shown ;;
    esac
}

lockdown_is_not_shown() {
    R=open
    [ -d "$ROOT/sys/kernel/security" ] || return 0
    for lockdown_entry in "$ROOT/sys/kernel/security"/*; do
        [ ! -e "$lockdown_entry" ] || return 0
    done
    R='unknown: securityfs is not mounted'
}
