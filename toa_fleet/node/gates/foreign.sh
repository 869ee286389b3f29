# SPDX-License-Identifier: GPL-2.0-only
# A TOA that toa-node did not install.

register_gate foreign load

gate_foreign() {
    find_others
    # It was put in by hand, and is the very one that is to come.
    [ -z "$NEW_DIR" ] || [ "$RUN_BUILD_ID" != "$M_build_id" ] || leave_out_other toa
    R=open
    if [ -n "$OTHERS" ]; then
        [ -z "$REPLACE_FOREIGN" ] || return 0
        foreign_words=
        for foreign in $OTHERS; do
            describe_other "$foreign"
            foreign_words="$foreign_words${foreign_words:+ and }$foreign: $R"
        done
        R="closed: another toa is loaded that toa-node did not install ($foreign_words); rmmod $OTHERS, or give --replace-foreign"
    elif [ "$RUN" = no ] && [ -e "$ROOT/proc/net/toa_stats" ]; then
        R='closed: /proc/net/toa_stats is there and no toa that is known by its name; another module made it (see lsmod), take it out first'
    fi
}
