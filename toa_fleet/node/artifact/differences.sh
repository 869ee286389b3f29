# SPDX-License-Identifier: GPL-2.0-only
# Where an artifact differs from what it should be, field by field.

forget_differences() {
    DIFF_LINES= DIFF_WORDS=
}

# FIELD, what the artifact claims, what is found here (node, or its own file)
add_difference() {
    clean "$2"
    diff_artifact=$R
    clean "$3"
    DIFF_LINES="${DIFF_LINES}mismatch.$1.artifact=$diff_artifact${NL}mismatch.$1.node=$R$NL"
    DIFF_WORDS="$DIFF_WORDS${DIFF_WORDS:+; }$1: artifact ${diff_artifact:-(empty)}, ${4:-node} ${R:-(empty)}"
}

compare() {
    [ "$2" = "$3" ] || add_difference "$1" "$2" "$3" "$4"
}

fail_with_differences() {
    printf '%s' "$DIFF_LINES"
    fail mismatch "$1: $DIFF_WORDS" "$2"
}
