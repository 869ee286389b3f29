# SPDX-License-Identifier: GPL-2.0-only
# Files that a run changed where they stay, and how that is undone.
#
# A room that has to hear of files that are as they were registers with
# when_undone NAME.

UNDO_LIST= UNDO_COUNT=0 WHEN_UNDONE=

when_undone() {
    WHEN_UNDONE="$1 $WHEN_UNDONE"
}

# KIND PATH, before it is made; the last is undone first.
note_undo() {
    undo_with undo_files
    UNDO_LIST="$1 $2$NL$UNDO_LIST"
}

keep_old() {
    UNDO_COUNT=$((UNDO_COUNT + 1))
    R=$(cp -p "$1" "$STAGE/old.$UNDO_COUNT" 2>&1) || store_trouble "cannot keep a copy of $1"
    note_undo "old.$UNDO_COUNT" "$1"
}

# A file that is about to be written over, or to be made.
note_change() {
    if [ -e "$1" ]; then keep_old "$1"; else note_undo new "$1"; fi
}

undo_files() {
    each_line undo_file "$UNDO_LIST"
    for undone_room in $WHEN_UNDONE; do
        "$undone_room"
    done
}

undo_file() {
    undo_path=${1#* }
    case $1 in
    new' '*) rm -f "$undo_path" "$undo_path.toa-new" ;;
    tree' '*) rm -rf "$undo_path" && rmdir "${undo_path%/*}" 2>/dev/null ;;
    old.*) cp -p "$STAGE/${1%% *}" "$undo_path.toa-new" && label_alike "$undo_path" "$undo_path.toa-new" && mv -f "$undo_path.toa-new" "$undo_path" ;;
    esac
}
