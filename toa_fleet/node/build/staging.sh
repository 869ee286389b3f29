# SPDX-License-Identifier: GPL-2.0-only
# Where a build works, and where its products go.

open_build_staging() {
    OPENED=yes
    catch_signals
    if [ -z "$STAGE" ] && [ -n "$OUTPUT" ]; then
        R=$(mkdir -p "$OUTPUT" 2>&1) || build_place_trouble "cannot make $OUTPUT"
        STAGE=$(cd "$OUTPUT" && pwd)/.staging.$$
        STAGE_IS_OURS=yes
        R=$(mkdir -m 700 "$STAGE" 2>&1) || build_place_trouble "cannot make $STAGE"
    elif [ -z "$STAGE" ]; then
        make_dir "$STORE" || build_place_trouble "cannot make $STORE"
        STAGE=$STORE/.staging.$$
        STAGE_IS_OURS=yes
        R=$(mkdir -m 700 "$STAGE" 2>&1) || build_place_trouble "cannot make $STAGE"
    fi
    keep_out_of_tmp
    case $STAGE in
    *[\ :]*) fail usage "the kernel's makefiles cannot build below $STAGE" "give --output without blanks and colons" ;;
    esac
}

build_place_trouble() {
    fail node "$1: $R" "build as root, or give --output DIR with a place that you may write to"
}
