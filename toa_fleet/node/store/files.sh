# SPDX-License-Identifier: GPL-2.0-only
# Files of the store: whole or not at all, also after a power cut.

DISCARDED=0

# Only the file system of the store where sync can do that: a plain sync may
# wait for somebody else's hanging NFS mount.
sync_store() {
    sync -f "$STORE" 2>/dev/null || sync
}

sync_file() {
    sync -f "$1" 2>/dev/null || sync
}

store_trouble() {
    fail node "$1${R:+: $R}" \
        "see that $STORE can be written (df -h $STORE; df -i $STORE; mount; be root), then run the same again"
}

# Whole or not at all, also after a power cut. The size is looked at because
# not every shell's printf tells of a full disk.
write_file() {
    write_temporary=$STAGE/write
    R=$( (printf '%s' "$2" >"$write_temporary") 2>&1 && chmod "${3:-644}" "$write_temporary" 2>&1) ||
        store_trouble "cannot write $1"
    file_size "$write_temporary"
    [ "$R" -eq "${#2}" ] || { R= && store_trouble "cannot write $1 (disk full?)"; }
    sync_store
    R=$(mv -f "$write_temporary" "$1" 2>&1) || store_trouble "cannot put $1 in its place"
}

copy_file() {
    R=$(cp "$1" "$2" 2>&1 && chmod "$3" "$2" 2>&1) || store_trouble "cannot copy $1"
}

# Out of sight by one rename; gone with the staging.
discard() {
    [ -e "$1" ] || return 0
    DISCARDED=$((DISCARDED + 1))
    mv "$1" "$STAGE/discarded.$DISCARDED" && rm -rf "$STAGE/discarded.$DISCARDED"
}

# Some shells keep here-documents in temporary files, compilers too.
keep_out_of_tmp() {
    TMPDIR=$STAGE
    export TMPDIR
}
