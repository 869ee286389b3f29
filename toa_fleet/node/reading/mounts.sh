# SPDX-License-Identifier: GPL-2.0-only
# File systems: where a path lies, and how much room there is.

# The mount under which a path lies: the longest, of those the last.
find_mount() {
    mount_point= mount_options=
    mount_table=$ROOT/proc/self/mounts
    [ -r "$mount_table" ] || mount_table=$ROOT/proc/mounts
    [ -r "$mount_table" ] || return 0
    while read -r mount_device mount_at mount_type mount_words mount_rest; do
        # In the pattern itself, bash takes what is left of "/" for no empty text.
        mount_below=${mount_at%/}
        case $1/ in
        "$mount_below"/*)
            [ "${#mount_at}" -lt "${#mount_point}" ] || { mount_point=$mount_at && mount_options=$mount_words; }
            ;;
        esac
    done <"$mount_table"
    : "$mount_device $mount_type $mount_rest"
}

free_kb() {
    R=$(df -P -k "$1" 2>/dev/null)
    R=${R##*"$NL"}
    # ... blocks used available capacity% mount point
    R=${R%%%*}
    R=${R% *}
    trim "$R"
    R=${R##* }
}
