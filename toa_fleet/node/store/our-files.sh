# SPDX-License-Identifier: GPL-2.0-only
# Files and links of ours outside the store, put and taken away.
#
# Each file says OUR_MARK in its first lines. Those whose place is the same on
# every system are registered with register_file PATH, so that `remove` finds them.

OUR_FILES=

register_file() {
    OUR_FILES="$OUR_FILES $1"
}

# PATH MODE TEXT. Beside its place, then over it: the store may be another file system.
put_file() {
    ! file_is_right "$@" || return 0
    make_noted_dir "${1%/*}"
    note_change "$1"
    R=$( (printf '%s' "$3" >"$1.toa-new") 2>&1 && chmod "$2" "$1.toa-new" 2>&1) || store_trouble "cannot write $1"
    file_size "$1.toa-new"
    [ "$R" -eq "${#3}" ] || { R= && store_trouble "cannot write $1 (disk full?)"; }
    sync_file "$1.toa-new"
    R=$(mv -f "$1.toa-new" "$1" 2>&1) || store_trouble "cannot put $1 in its place"
    label_as_the_policy_says "$1"
}

file_is_right() {
    [ -f "$1" ] && [ ! -h "$1" ] || return 1
    [ "$2" != 755 ] || [ -x "$1" ] || return 1
    right_text=$(cat "$1" && echo .)
    [ "$right_text" = "$3." ]
}

put_link() {
    [ ! -h "$1" ] || return 0
    make_noted_dir "${1%/*}"
    note_undo new "$1"
    R=$(ln -s "$2" "$1" 2>&1) || store_trouble "cannot make the link $1"
}

remove_our_file() {
    R=$(rm -f "$1.toa-new" 2>&1) || store_trouble "cannot take $1.toa-new away"
    [ -e "$1" ] || return 0
    if ! written_by_us "$1"; then
        progress "$1 was not written by toa-node and stays"
        return
    fi
    R=$(rm -f "$1" 2>&1) || store_trouble "cannot take $1 away"
    PIECES_GONE=yes
}

remove_our_link() {
    [ -h "$1" ] && [ "$(readlink "$1")" = "$2" ] || return 0
    R=$(rm -f "$1" 2>&1) || store_trouble "cannot take $1 away"
    PIECES_GONE=yes
}
