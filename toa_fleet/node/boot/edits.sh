# SPDX-License-Identifier: GPL-2.0-only
# Files of others that are edited, and given back byte by byte.
#
# An edit of the name X is what these say of a file:
#   edit_X_is_there FILE      whether it is in there
#   edit_X_refuse PATH FILE   fails where it cannot be put in safely
#   edit_X_add FILE           prints the file with it
#   edit_X_remove FILE        prints the file without it

# Changes a file of others. What it was, and the hash of what it becomes, are
# kept first: as long as nobody else changes it, `remove` gives back every byte.
edit_file() {
    find_real_file "$1"
    edit_path=$R
    underscored "$2"
    "edit_${R}_add" "$edit_path" >"$STAGE/edited" || store_trouble "cannot prepare the change of $1"
    R=$(rm -rf "$STAGE/edit" 2>&1 && mkdir "$STAGE/edit" 2>&1 && cp -p "$edit_path" "$STAGE/edit/original" 2>&1) ||
        store_trouble "cannot keep a copy of $1"
    cmp -s "$edit_path" "$STAGE/edit/original" || { R= && store_trouble "cannot keep a copy of $1 (disk full?)"; }
    file_sha256 "$STAGE/edited"
    write_file "$STAGE/edit/sha256" "$R$NL"
    write_file "$STAGE/edit/path" "$1$NL"
    make_dir "$STORE/edited" || store_trouble "cannot make $STORE/edited"
    discard "$STORE/edited/$2"
    sync_store
    note_undo tree "$STORE/edited/$2"
    R=$(mv "$STAGE/edit" "$STORE/edited/$2" 2>&1) || store_trouble "cannot keep a copy of $1"
    keep_old "$edit_path"
    replace_content "$edit_path" "$STAGE/edited"
}

edit_is_there() {
    underscored "$1"
    "edit_${R}_is_there" "$2"
}

# With the owner and the mode that the file has.
replace_content() {
    R=$(cp -p "$1" "$1.toa-new" 2>&1 && (cat "$2" >"$1.toa-new") 2>&1) || store_trouble "cannot write $1"
    cmp -s "$2" "$1.toa-new" || { R= && store_trouble "cannot write $1 (disk full?)"; }
    label_alike "$1" "$1.toa-new"
    sync_file "$1.toa-new"
    R=$(mv -f "$1.toa-new" "$1" 2>&1) || store_trouble "cannot put $1 in its place"
}

# Back to the very bytes, or, where somebody else changed the file since, out
# with what is ours in it.
undo_edit() {
    first_line "$STORE/edited/$1/path" || return 0
    find_real_file "$R"
    edit_path=$R
    rm -f "$edit_path.toa-new"
    if [ -f "$edit_path" ]; then
        first_line "$STORE/edited/$1/sha256"
        edit_wanted=$R
        file_sha256 "$edit_path"
        if [ "$R" = "$edit_wanted" ]; then
            put_original_back "$STORE/edited/$1/original"
        elif edit_is_there "$1" "$edit_path"; then
            underscored "$1"
            "edit_${R}_remove" "$edit_path" >"$STAGE/edited" || store_trouble "cannot change $edit_path back"
            replace_content "$edit_path" "$STAGE/edited"
        fi
    fi
    R=$(rm -rf "$STORE/edited/$1" 2>&1) || store_trouble "cannot remove $STORE/edited/$1"
    rmdir "$STORE/edited" 2>/dev/null
    PIECES_GONE=yes
}

put_original_back() {
    R=$(cp -p "$1" "$edit_path.toa-new" 2>&1) && cmp -s "$1" "$edit_path.toa-new" ||
        store_trouble "cannot write $edit_path"
    label_alike "$edit_path" "$edit_path.toa-new"
    sync_file "$edit_path.toa-new"
    R=$(mv -f "$edit_path.toa-new" "$edit_path" 2>&1) || store_trouble "cannot put $edit_path in its place"
}
