# SPDX-License-Identifier: GPL-2.0-only
register_verb stats 60 'the counters of the running module, a number a CPU'

# CPUs a line: what is said is bounded, and machines have hundreds of them. No sum:
# a shell may count in 32 bits.
STATS_CPUS=128
STATS_FILE=/proc/net/toa_stats

# The first line names the CPUs; the others are "name   :  12  0 ".
verb_stats() {
    [ -r "$ROOT$STATS_FILE" ] || fail not-installed "there are no counters ($STATS_FILE); is toa loaded?" \
        "see toa-node status"
    stats_line_number=0
    while IFS= read -r stats_line; do
        stats_line_number=$((stats_line_number + 1))
        [ "$stats_line_number" -eq 1 ] || say_counter "$stats_line"
    done <"$ROOT$STATS_FILE"
    finish 0
}

say_counter() {
    trim "${1%%:*}"
    stats_name=$R
    case $1 in
    *:*[!0-9\ ]* | *:*:*) stats_name= ;;
    *:*) ;;
    *) stats_name= ;;
    esac
    case $stats_name in
    '' | [!a-z]* | *[!a-z0-9_]*) fail node "$STATS_FILE has a line that is no counter: $1" "is the loaded toa another one than ours?" ;;
    esac
    stats_first=0 stats_count=0 stats_numbers=
    for stats_number in ${1#*:}; do
        [ "$stats_count" -lt "$STATS_CPUS" ] || say_counters_of_some
        stats_numbers="$stats_numbers${stats_numbers:+ }$stats_number"
        stats_count=$((stats_count + 1))
    done
    say_counters_of_some
}

say_counters_of_some() {
    say "counter.$stats_name.$stats_first" "$stats_numbers"
    stats_first=$((stats_first + stats_count))
    stats_count=0 stats_numbers=
}
