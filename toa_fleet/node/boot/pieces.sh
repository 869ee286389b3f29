# SPDX-License-Identifier: GPL-2.0-only
# Pieces: what a boot system gets of us, each KIND PATH WHAT [TEXT].
#
#   file PATH MODE TEXT   a file that says it is ours
#   link PATH TARGET      a link to one
#   edit PATH NAME        a change of a file of others, see edits.sh
#
# A piece is added by put_piece, seen by piece_is_there, and taken away by
# remove_piece, which looks at all that any system may have: so `remove` needs no
# memory of what an interrupted run had done.

# What everything that is put there runs.
PERSIST_LINE='/bin/sh /var/lib/toa/toa-node boot'

check_piece() {
    piece_is_there "$@" || PIECES_LACK=yes
}

piece_is_there() {
    case $1 in
    file) [ -f "$ROOT$2" ] && written_by_us "$ROOT$2" && { [ "$3" != 755 ] || [ -x "$ROOT$2" ]; } ;;
    link) [ -h "$ROOT$2" ] ;;
    edit) find_real_file "$2" && edit_is_there "$3" "$R" ;;
    esac
}

put_piece() {
    case $1 in
    file) put_file "$ROOT$2" "$3" "$4" ;;
    link) put_link "$ROOT$2" "$3" ;;
    edit) piece_is_there "$@" || edit_file "$2" "$3" ;;
    esac
}

remove_piece() {
    case $1 in
    file) remove_our_file "$ROOT$2" ;;
    link) remove_our_link "$ROOT$2" "$3" ;;
    edit) undo_edit "$3" ;;
    esac
}

search_piece() {
    case $1 in
    file) [ ! -e "$ROOT$2" ] || ! written_by_us "$ROOT$2" || PIECES_LEFT=yes ;;
    link) [ ! -h "$ROOT$2" ] || PIECES_LEFT=yes ;;
    esac
}

refuse_foreign_piece() {
    case $1 in
    file)
        [ ! -e "$ROOT$2" ] || written_by_us "$ROOT$2" || fail node "$ROOT$2 is there and was not written by toa-node" \
            "move it away, or give --no-persist and have \`$PERSIST_LINE\` run at boot"
        ;;
    edit)
        find_real_file "$2"
        refuse_file=$R
        underscored "$3"
        "edit_${R}_refuse" "$2" "$refuse_file"
        ;;
    esac
}
