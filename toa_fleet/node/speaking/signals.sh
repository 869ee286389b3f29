# SPDX-License-Identifier: GPL-2.0-only
# Signals, and the commands that a signal or a time limit stops.
#
#   at_stop NAME      a room above has more to stop than the command itself
#   HOLDING           a signal is kept in HELD_SIGNAL until this is empty again
#   OWN_PID           of this shell; a child's /proc/self has another

AT_STOP= HOLDING= HELD_SIGNAL= OWN_PID=
bounded_pid= bounded_watch= BOUNDED_LOG=

at_stop() {
    AT_STOP="$1 $AT_STOP"
}

# A signal that finds a child right after its fork makes it run these traps in
# bash 5, and a child must not answer or take back what its parent does.
is_child() {
    [ -n "$OWN_PID" ] && read -r seen_pid _ 2>/dev/null </proc/self/stat && [ "$seen_pid" != "$OWN_PID" ]
}

on_signal() {
    ! is_child || { trap - EXIT && exit 143; }
    [ -z "$HOLDING" ] || { HELD_SIGNAL=$1 && return 0; }
    [ -z "$bounded_pid" ] || stop_bounded
    fail node "stopped by SIG$1" "run the same command again"
}

watch_for_exit() {
    read -r OWN_PID _ 2>/dev/null </proc/self/stat || OWN_PID=
    trap on_exit EXIT
}

on_exit() {
    [ -n "$FINISHED" ] || is_child || fail node "toa-node stopped unexpectedly" \
        "run it again as \`sh -x toa-node ...\` and report what it shows"
}

# From the first change on; before it a signal has nothing to take back.
catch_signals() {
    trap 'on_signal HUP' HUP
    trap 'on_signal INT' INT
    trap 'on_signal TERM' TERM
    trap 'on_signal PIPE' PIPE
}

# Runs a command, its input empty, for at most so many seconds. An own watch
# because timeout is not everywhere and wants its time in two dialects.
run_bounded() {
    bounded_seconds=$1
    shift
    # Until both are known by name, a signal could not stop them.
    HOLDING=yes
    if [ -n "$BOUNDED_LOG" ]; then
        "$@" </dev/null >"$BOUNDED_LOG" 2>&1 &
    else
        "$@" </dev/null &
    fi
    bounded_pid=$!
    (watch_over "$bounded_seconds" "$bounded_pid") </dev/null >/dev/null 2>&1 &
    bounded_watch=$!
    HOLDING=
    [ -z "$HELD_SIGNAL" ] || on_signal "$HELD_SIGNAL"
    wait "$bounded_pid"
    bounded_status=$?
    kill "$bounded_watch" 2>/dev/null
    bounded_pid= bounded_watch=
    return "$bounded_status"
}

# The same, with its words in a file. A redirection of the call itself would
# swallow the answer that a trap gives meanwhile.
run_logged() {
    BOUNDED_LOG=$1
    shift
    run_bounded "$@"
    logged_status=$?
    BOUNDED_LOG=
    return "$logged_status"
}

# In steps of a second, so that it needs no trap (a signal that arrives right
# before a wait is lost in some shells), leaves at most one short sleep, and
# ends by itself where the kill is late (mksh).
watch_over() {
    watch_left=$1
    while kill -0 "$2" && [ "$watch_left" -gt 0 ]; do
        sleep 1
        watch_left=$((watch_left - 1))
    done
    kill -TERM "$2" && sleep 2 && kill -KILL "$2"
}

# The command that runs in the background may write into the staging until it is
# gone.
stop_bounded() {
    kill "$bounded_pid" "$bounded_watch" 2>/dev/null
    for stop_room in $AT_STOP; do
        "$stop_room"
    done
    (sleep 5 && kill -KILL "$bounded_pid") </dev/null >/dev/null 2>&1 &
    wait "$bounded_pid" 2>/dev/null
    kill $! 2>/dev/null
}
