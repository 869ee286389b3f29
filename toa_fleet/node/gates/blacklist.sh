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
    R=$(sed -n -e '/^[[:blank:]]*blacklist[[:blank:]][[:blank:]]*toa[[:blank:]]*$/p' \
        -e '/^[[:blank:]]*install[[:blank:]][[:blank:]]*toa[[:blank:]]/p' "$1" | head -n 1)
    [ -n "$R" ] || return 0
    one_line "$R"
    modprobe_ban="\"$R\" in ${1#"$ROOT"}"
}
