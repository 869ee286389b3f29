# SPDX-License-Identifier: GPL-2.0-only
# Directories that were made, and are taken away again.

# The directories that this run made: outside the store noted in it; all of them
# are taken away again at the end where they are empty.
MADE_DIRS=

# Makes a directory and its parents, and remembers which were not there.
# On failure R is what mkdir said. ($1 survives the recursion, names would not.)
make_dir() {
    [ ! -d "$1" ] && [ -n "$1" ] || return 0
    make_dir "${1%/*}" || return 1
    R=$(mkdir "$1" 2>&1) || [ -d "$1" ] || return 1
    MADE_DIRS="$1$NL$MADE_DIRS"
}

# What of MADE_DIRS lies outside the store is noted in it, for `remove`.
note_made_dirs() {
    note_text=
    each_line note_made_dir "$MADE_DIRS"
    MADE_DIRS=
    keep_note_of_dirs
}

note_made_dir() {
    case $1 in
    "$STORE" | "$STORE"/*) return ;;
    esac
    ! grep -q -x -F -- "${1#"$ROOT"}" "$STORE/made-dirs" 2>/dev/null || return 0
    note_text="$note_text${1#"$ROOT"}$NL"
}

keep_note_of_dirs() {
    [ -n "$note_text" ] || return 0
    [ ! -f "$STORE/made-dirs" ] || note_text="$note_text$(cat "$STORE/made-dirs")$NL"
    note_change "$STORE/made-dirs"
    write_file "$STORE/made-dirs" "$note_text"
}

# A directory outside the store: first the note, so that after a kill between
# the two `remove` knows of it.
make_noted_dir() {
    note_text=
    noted_dir=$1
    until [ -d "$noted_dir" ] || [ -z "$noted_dir" ]; do
        note_made_dir "$noted_dir"
        noted_dir=${noted_dir%/*}
    done
    keep_note_of_dirs
    make_dir "$1" || store_trouble "cannot make $1"
}

# Those that hold the store go last of all, when it is gone.
remove_made_dirs() {
    [ -f "$STORE/made-dirs" ] || return 0
    each_line remove_noted_dir "$(cat "$STORE/made-dirs")"
    rm -f "$STORE/made-dirs"
}

remove_noted_dir() {
    case $1 in
    /?*) rmdir "$ROOT$1" 2>/dev/null || MADE_DIRS="$MADE_DIRS$ROOT$1$NL" ;;
    esac
}

remove_empty_dir() {
    rmdir "$1" 2>/dev/null
}
