# SPDX-License-Identifier: GPL-2.0-only
# Secure Boot, and whose keys are enrolled.

register_gate secure_boot load unsigned

# With Secure Boot most kernels lock themselves down, but not all: where neither
# lockdown nor sig_enforce says so, an unsigned module loads.
gate_secure_boot() {
    find_secure_boot
    secure_boot=$R
    [ "$secure_boot" != off ] || { R=open && return; }
    if ! signatures_are_enforced; then
        R=open
        [ "$secure_boot" != on ] ||
            R='open: Secure Boot is on, but this kernel takes unsigned modules (no lockdown, no sig_enforce)'
    elif [ "$secure_boot" = unknown ]; then
        R='unknown: whether Secure Boot is on cannot be read (efivarfs is not mounted)'
    elif [ "$NEW_IS_SIGNED" = yes ]; then
        own_keys_are_enrolled &&
            R='unknown: Secure Boot is on and own keys are enrolled; whether this signer is one of them shows when it loads' ||
            R='unknown: Secure Boot is on and no enrolled key of your own is to be seen (mokutil --list-enrolled); it loads only if the kernel itself trusts the signer'
    elif own_keys_are_enrolled; then
        R='closed: Secure Boot is on and toa.ko has no signature; sign it with the key that is enrolled here (mokutil --list-enrolled)'
    else
        R='closed: Secure Boot is on and no key of your own is enrolled; make one, enroll it (mokutil --import, reboot, confirm) and sign toa.ko with it, or turn Secure Boot off in the firmware'
    fi
}

# on, off or unknown. The variable has four bytes of attributes and one of value.
find_secure_boot() {
    R=off
    [ -d "$ROOT/sys/firmware/efi" ] || return 0
    R=unknown
    for efivar in "$ROOT/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c" \
        "$ROOT/sys/firmware/efi/vars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c/data"; do
        [ -r "$efivar" ] || continue
        hex_of "$efivar"
        case $R in
        *' 01') R=on ;;
        *' 00') R=off ;;
        *) R=unknown ;;
        esac
        return
    done
}

signatures_are_enforced() {
    first_line "$ROOT/sys/module/module/parameters/sig_enforce" && [ "$R" = Y ] && return 0
    first_line "$ROOT/sys/kernel/security/lockdown"
    case $R in
    *'[none]'* | '') return 1 ;;
    esac
}

# As far as it shows: shim's copy of its list, or what the kernel made of it.
own_keys_are_enrolled() {
    [ ! -e "$ROOT/sys/firmware/efi/efivars/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23" ] || return 0
    [ -r "$ROOT/proc/keys" ] && grep -q 'keyring  *\.machine: [1-9]' "$ROOT/proc/keys"
}
