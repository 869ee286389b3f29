# SPDX-License-Identifier: GPL-2.0-only
# A module of the kernel's own tree: its version magic, the CRC of module_layout.

find_module_facts() {
    N_vermagic= N_module_layout=
    find_own_module || return 0
    own_module=$R
    modinfo_tag "$own_module" vermagic
    clean "$R"
    trim "$R"
    N_vermagic=$R
    case $N_vermagic in
    *modversions*) crc_of_module_layout "$own_module" && N_module_layout=$R ;;
    esac
}

# Only below kernel/: extra/, updates/ and weak-updates/ may hold modules that
# were built for another kernel.
find_own_module() {
    R=
    case $N_kernel_release in
    '' | */* | .*) return 1 ;;
    esac
    module_dir=$ROOT/lib/modules/$N_kernel_release
    [ -d "$module_dir" ] || module_dir=$ROOT/usr/lib/modules/$N_kernel_release
    [ -d "$module_dir" ] || return 1
    first_module_of_list "$module_dir/modules.dep" && return 0
    R=$(find "$module_dir/kernel" -type f \( -name '*.ko' -o -name '*.ko.?z' -o -name '*.ko.zst' \) \
        2>/dev/null | head -n 1)
    [ -n "$R" ]
}

first_module_of_list() {
    [ -r "$1" ] || return 1
    list_left=100
    while { IFS=: read -r list_name list_rest || [ -n "$list_name" ]; } && [ "$list_left" -gt 0 ]; do
        list_left=$((list_left - 1))
        case $list_name in
        kernel/*) R=$module_dir/$list_name ;;
        /*/kernel/*) R=$ROOT$list_name ;;
        *) continue ;;
        esac
        [ ! -f "$R" ] || return 0
    done <"$1"
    : "$list_rest"
    return 1
}

crc_of_module_layout() {
    program_in_path modprobe || return 1
    layout_all=$("$R" --dump-modversions "$1" 2>/dev/null)
    R=
    case $NL$layout_all$NL in
    *"${TAB}module_layout$NL"*) ;;
    *) return 1 ;;
    esac
    layout_all=${layout_all%%"${TAB}module_layout"*}
    layout_all=${layout_all##*0x}
    is_hex "$layout_all" && [ "${#layout_all}" -le 8 ] || return 1
    while [ "${#layout_all}" -lt 8 ]; do layout_all=0$layout_all; done
    R=0x$layout_all
}
