# SPDX-License-Identifier: GPL-2.0-only
# The operator's own start script (--start-script): a marked block in it. Once it
# was named, it is how this system loads toa, whatever else starts it.

BLOCK_BEGIN='# >>> toa-node: taken away by toa-node remove >>>'
BLOCK_END='# <<< toa-node <<<'

find_start_script() {
    [ -z "$START_SCRIPT" ] || return 0
    ! first_line "$STORE/edited/start-script/path" || START_SCRIPT=$R
}

boot_start_script_pieces() {
    [ -z "$START_SCRIPT" ] || "$1" edit "$START_SCRIPT" start-script
}

edit_start_script_is_there() {
    [ -r "$1" ] && grep -q -x -F -- "$BLOCK_BEGIN" "$1" && grep -q -x -F -- "$BLOCK_END" "$1"
}

# First of all: what follows may end early.
edit_start_script_add() {
    add_first=0
    first_line "$1"
    case $R in
    '#!'*) add_first=1 ;;
    esac
    head -n "$add_first" "$1"
    printf '%s\n' "$BLOCK_BEGIN" "[ ! -r /var/lib/toa/toa-node ] || $PERSIST_LINE </dev/null || :" "$BLOCK_END"
    tail -n "+$((add_first + 1))" "$1"
}

edit_start_script_remove() {
    sed -e "/^$BLOCK_BEGIN\$/,/^$BLOCK_END\$/d" "$1"
}

edit_start_script_refuse() {
    [ -f "$2" ] && [ -r "$2" ] || fail node "there is no start script $1" \
        "name a shell script that this system runs at boot, before its network services"
    first_line "$2"
    case $R in
    '#!'*sh | '#!'*sh' '* | '#!'*/openrc-run | [!#]* | '# '* | '#' | '') ;;
    *) fail node "$1 is no shell script: it begins with $R" \
        "add the line \`$PERSIST_LINE\` to it in its own language, and give --no-persist" ;;
    esac
}
