# SPDX-License-Identifier: GPL-2.0-only
# SLES 11: the word toa in MODULES_LOADED_ON_BOOT, and what modprobe makes of it.

register_boot_system sysv-suse

boot_sysv_suse_is_here() {
    [ -e "$ROOT/etc/init.d/boot" ] && [ -f "$ROOT/etc/sysconfig/kernel" ]
}

boot_sysv_suse_pieces() {
    launcher_text
    "$1" file /etc/init.d/toa 755 "$R"
    modprobe_text
    "$1" file /etc/modprobe.d/toa-node.conf 644 "$R"
    "$1" edit /etc/sysconfig/kernel modules-loaded-on-boot
}

# What modprobe does for the name toa: the guarded load, never a file of that name.
modprobe_text() {
    R="$OUR_MARK; taken away by toa-node remove.
install toa /bin/sh /etc/init.d/toa start
"
}

QUOTE="[\"']"

# The last such line counts, as the scripts that source the file see it.
edit_modules_loaded_on_boot_is_there() {
    [ -r "$1" ] || return 1
    R=$(sed -n 's/^[[:blank:]]*MODULES_LOADED_ON_BOOT=//p' "$1" | tail -n 1 | tr "\"'" '  ')
    case " ${R%%#*} " in
    *' toa '*) return 0 ;;
    esac
    return 1
}

edit_modules_loaded_on_boot_refuse() {
    boot_list_can_be_edited "$2" || fail node "the line MODULES_LOADED_ON_BOOT of $1 cannot be edited safely: $boot_list_line" \
        "write it as MODULES_LOADED_ON_BOOT=\"...\" on one line, or add toa to it yourself"
}

boot_list_can_be_edited() {
    ! edit_modules_loaded_on_boot_is_there "$1" || return 0
    boot_list_line=$(grep '^[[:blank:]]*MODULES_LOADED_ON_BOOT=' "$1" | tail -n 1)
    case ${boot_list_line#*=} in
    *\\* | *\$* | *\`* | *'#'*) return 1 ;;
    \"*\"* | \'*\'*) [ "$(printf '%s' "${boot_list_line#*=}" | tr -cd "\"'" | wc -c)" -eq 2 ] ;;
    *[\"\'\ ]*) return 1 ;;
    esac
}

edit_modules_loaded_on_boot_add() {
    add_number=$(grep -n '^[[:blank:]]*MODULES_LOADED_ON_BOOT=' "$1" | tail -n 1)
    add_number=${add_number%%:*}
    if [ -z "$add_number" ]; then
        cat "$1"
        [ -z "$(tail -c 1 "$1")" ] || echo
        echo 'MODULES_LOADED_ON_BOOT="toa"'
        return
    fi
    sed -e "$add_number{
        s/=\($QUOTE\)[[:blank:]]*\(${QUOTE}[[:blank:]]*\)\$/=\1toa\2/
        t
        s/=\(${QUOTE}[^\"']*[^\"'[:blank:]]\)[[:blank:]]*\(${QUOTE}[[:blank:]]*\)\$/=\1 toa\2/
        t
        s/=\([^\"'[:blank:]][^\"'[:blank:]]*\)[[:blank:]]*\$/=\"\1 toa\"/
        t
        s/=[[:blank:]]*\$/=\"toa\"/
        }" "$1"
}

edit_modules_loaded_on_boot_remove() {
    sed -e "/^[[:blank:]]*MODULES_LOADED_ON_BOOT=/{
        s/[[:blank:]]toa\([\"'[:blank:]]\)/\1/
        t
        s/\($QUOTE\)toa[[:blank:]]*/\1/
        }" "$1"
}
