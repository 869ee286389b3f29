# SPDX-License-Identifier: GPL-2.0-only
# The toa in the kernel, and which stored artifact it is.

RUN=no RUN_STATE= RUN_BUILD_ID= RUN_SRCVERSION= RUN_DIR=

read_running() {
    RUN=no RUN_STATE= RUN_BUILD_ID= RUN_SRCVERSION= RUN_DIR=
    first_line "$ROOT/sys/module/toa/initstate" || return 0
    RUN=yes
    RUN_STATE=$R
    build_id_of_notes_file "$ROOT/sys/module/toa/notes/.note.gnu.build-id"
    RUN_BUILD_ID=$R
    first_line "$ROOT/sys/module/toa/srcversion"
    RUN_SRCVERSION=$R
    find_stored "$RUN_BUILD_ID" && RUN_DIR=$R
}

# The stored artifact with this build-id.
find_stored() {
    R=
    is_hex "$1" || return 1
    R=$(grep -l "^build_id=$1\$" "$STORE"/*/*/manifest 2>/dev/null)
    R=${R%%"$NL"*}
    R=${R%/manifest}
    [ -n "$R" ]
}

read_hooks() {
    first_line "$ROOT/sys/module/toa/parameters/hooks"
    case $R in
    armed | disarmed) ;;
    *) R=unknown ;;
    esac
}
