# SPDX-License-Identifier: GPL-2.0-only
# Blacklists, of the kernel and of modprobe.

register_gate blacklist load

# module_blacklist= binds the kernel, and so insmod; the others bind modprobe.
gate_blacklist() {
    first_line "$ROOT/proc/cmdline"
    blacklist_modprobe=
    set -f
    for blacklist_word in $R; do
        case $blacklist_word in
        module_blacklist=*) names_toa "${blacklist_word#*=}" && kernel_knows module_blacklist && break ;;
        modprobe.blacklist=*) ! names_toa "${blacklist_word#*=}" || blacklist_modprobe="$blacklist_word of the kernel's command line" ;;
        esac
        blacklist_word=
    done
    set +f
    if [ -n "${blacklist_word:-}" ]; then
        R="closed: the kernel was started with $blacklist_word and takes no toa, not from insmod either; take toa out of the boot loader's command line and reboot"
        return
    fi
    [ -n "$blacklist_modprobe" ] || find_modprobe_ban && blacklist_modprobe=${blacklist_modprobe:-$R}
    R=open
    [ -z "$blacklist_modprobe" ] ||
        R="open: modprobe toa is barred by $blacklist_modprobe, which does not bind insmod, and so neither toa-node"
}

names_toa() {
    case ,$1, in
    *,toa,*) return 0 ;;
    esac
    return 1
}

# The kernel ignores a parameter that it does not know; those that it knows show.
kernel_knows() {
    [ ! -d "$ROOT/sys/module/kernel/parameters" ] || [ -e "$ROOT/sys/module/kernel/parameters/$1" ]
}

# "blacklist toa" or "install toa ..." for modprobe; R names line and file.
find_modprobe_ban() {
    modprobe_ban=
    each_modprobe_file search_modprobe_ban
    R=$modprobe_ban
    [ -n "$R" ]
}

search_modprobe_ban() {
    [ -z "$modprobe_ban" ] && ! written_by_us "$1" || return 0
    modprobe_ban_file=${1#"$ROOT"}
    each_modprobe_line note_modprobe_ban "$1"
}

note_modprobe_ban() {
    [ -z "$modprobe_ban" ] || return 0
    case $MODPROBE_COMMAND in
    blacklist) [ "$MODPROBE_MODULE" = toa ] || return 0 ;;
    install) [ -n "$MODPROBE_REST" ] && is_pattern_of_toa "$MODPROBE_MODULE" || return 0 ;;
    *) return 0 ;;
    esac
    one_line "$MODPROBE_LINE"
    modprobe_ban="\"$R\" in $modprobe_ban_file"
}

# Modules behind install may be a pattern.
is_pattern_of_toa() {
    # shellcheck disable=SC2194,SC2254 # a pattern that the word fits
    case toa in
    $1) return 0 ;;
    esac
    return 1
}
