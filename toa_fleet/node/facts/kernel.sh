# SPDX-License-Identifier: GPL-2.0-only
# The kernel that runs: release, version, build-id, architecture, page size.

find_kernel() {
    first_line "$ROOT/proc/sys/kernel/osrelease" || R=$(uname -r)
    clean "$R"
    N_kernel_release=$R
    first_line "$ROOT/proc/sys/kernel/version" || R=$(uname -v)
    clean "$R"
    N_kernel_version=$R
    # From Linux 6.1 on; not fooled by a 32-bit personality as uname is.
    first_line "$ROOT/proc/sys/kernel/arch" || R=$(uname -m)
    clean "$R"
    N_arch=$R
    build_id_of_notes_file "$ROOT/sys/kernel/notes"
    N_kernel_build_id=$R
}

find_page_size() {
    N_page_size=
    [ -z "$ROOT" ] || page_size_from_smaps "$ROOT/proc/self/smaps" || :
    [ -n "$N_page_size" ] || N_page_size=$(getconf PAGESIZE 2>/dev/null)
    is_number "$N_page_size" || page_size_from_smaps /proc/self/smaps || N_page_size=
}

page_size_from_smaps() {
    [ -r "$1" ] || return 1
    while read -r smaps_key smaps_kb smaps_rest; do
        [ "$smaps_key" != KernelPageSize: ] || break
    done <"$1"
    [ "$smaps_key" = KernelPageSize: ] && is_number "$smaps_kb" || return 1
    : "$smaps_rest"
    N_page_size=$((smaps_kb * 1024))
}
