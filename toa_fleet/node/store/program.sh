# SPDX-License-Identifier: GPL-2.0-only
# This program itself, kept for the next boot.

# Whether $0 is the file of this program. Read from standard input, its name is the
# shell's, and a file of that name in this directory may be anybody's.
runs_from_file() {
    case ${0##*/} in
    sh | -sh | dash | -dash | ash | -ash | bash | -bash | ksh* | -ksh* | mksh | -mksh | busybox) return 1 ;;
    esac
    has_program_mark "$0"
}

has_program_mark() {
    [ -f "$1" ] && head -n 5 "$1" 2>/dev/null | grep -q -x -F "$PROGRAM_MARK"
}

# This program itself, for the boot unit: the part that was sent, or the file
# that is being run.
find_program() {
    R=$0
    ! runs_from_file || [ -f "$STAGE/parts/toa-node" ] || return 0
    for R in "$STAGE/parts/toa-node" "$STORE/toa-node"; do
        ! has_program_mark "$R" || return 0
    done
    fail usage "toa-node reads itself from standard input and so cannot leave a copy for the next boot" \
        "run it from a file: sh toa-node $VERB ..."
}

store_program() {
    find_program
    program=$R
    ! cmp -s "$program" "$STORE/toa-node" || return 0
    note_change "$STORE/toa-node"
    copy_file "$program" "$STAGE/new-program" 755
    sync_store
    R=$(mv -f "$STAGE/new-program" "$STORE/toa-node" 2>&1) || store_trouble "cannot store toa-node"
    label_program "$STORE/toa-node"
}
