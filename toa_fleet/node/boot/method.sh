# SPDX-License-Identifier: GPL-2.0-only
# Loading at boot: set up, seen, taken away again.

# Every piece that any version on any system may have put anywhere.
each_possible_piece() {
    for possible in $BOOT_SYSTEMS; do
        each_boot_piece "$possible" "$1"
    done
    for possible in $OUR_FILES; do
        "$1" file "$possible" 755 ''
    done
    START_SCRIPT=
    find_start_script
    each_boot_piece start-script "$1"
}

is_persistent() {
    [ -f "$STORE/toa-node" ] && [ -n "$CUR_DIR" ] || return 1
    find_boot_method
    [ "$BOOT_METHOD" != none ] || return 1
    PIECES_LACK=
    each_boot_piece "$BOOT_METHOD" check_piece
    [ -z "$PIECES_LACK" ]
}

say_persistence() {
    if is_persistent; then
        say persistent yes
    else
        say persistent no
        say persist_line "$PERSIST_LINE"
    fi
}

# Where each piece of this system stands, or would stand: whoever keeps an answer
# sees by them whether it still holds.
say_boot_pieces() {
    BOOT_PIECES=
    find_boot_method
    [ "$BOOT_METHOD" = none ] || each_boot_piece "$BOOT_METHOD" list_piece
    say boot_pieces "$BOOT_PIECES"
}

list_piece() {
    BOOT_PIECES="$BOOT_PIECES${BOOT_PIECES:+ }$2"
}

# Before anything is changed.
require_way_to_persist() {
    [ -z "$NO_PERSIST" ] || return 0
    find_boot_method
    if [ "$BOOT_METHOD" = none ]; then
        say persist_line "$PERSIST_LINE"
        fail node "this system starts in a way that toa-node does not know" \
            "have the line \`$PERSIST_LINE\` run at boot before network services: name your start script with --start-script FILE, or add the line yourself and give --no-persist"
    fi
    each_boot_piece "$BOOT_METHOD" refuse_foreign_piece
    each_kernel_hook refuse_foreign_piece
}

persist() {
    [ -z "$NO_PERSIST" ] || return 0
    find_boot_method
    each_boot_piece "$BOOT_METHOD" put_piece
    each_kernel_hook put_piece
    [ -z "$ROOT" ] || return 0
    underscored "$BOOT_METHOD"
    ! command -v "boot_${R}_added" >/dev/null || "boot_${R}_added"
}

remove_pieces() {
    for removal_room in $BEFORE_REMOVAL; do
        "$removal_room"
    done
    PIECES_GONE=
    each_possible_piece remove_piece
    [ -n "$PIECES_GONE" ] || return 1
    for removal_room in $AFTER_REMOVAL; do
        "$removal_room"
    done
}
