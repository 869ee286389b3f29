# SPDX-License-Identifier: GPL-2.0-only
# A toa that toa-node did not install.

register_gate foreign load

gate_foreign() {
    R=open
    [ "$RUN" = yes ] && [ -z "$RUN_DIR" ] || return 0
    [ -z "$REPLACE_FOREIGN" ] || return 0
    [ -z "$NEW_DIR" ] || [ "$RUN_BUILD_ID" != "$M_build_id" ] || return 0
    first_line "$ROOT/sys/module/toa/version"
    foreign_words="build-id ${RUN_BUILD_ID:-none}, srcversion ${RUN_SRCVERSION:-none}${R:+, version $R}"
    find_foreign_file
    R="closed: another toa is loaded that toa-node did not install ($foreign_words${R:+, probably from $R}); rmmod toa, or give --replace-foreign"
}

# Where the running toa of others may have come from: the usual places, and the
# module's own build-id or srcversion.
find_foreign_file() {
    foreign_files=$(find "$ROOT/lib/modules/$N_kernel_release" -name 'toa.ko*' -type f 2>/dev/null | head -n 20)
    foreign_file=
    each_line search_foreign_file "$ROOT/root/toa/toa.ko$NL$foreign_files"
    R=${foreign_file#"$ROOT"}
}

search_foreign_file() {
    [ -z "$foreign_file" ] && [ -r "$1" ] || return 0
    if [ -n "$RUN_BUILD_ID" ]; then
        case $1 in
        *.ko) module_has_build_id "$1" "$RUN_BUILD_ID" && foreign_file=$1 && return ;;
        esac
    fi
    [ -n "$RUN_SRCVERSION" ] || return 0
    modinfo_tag "$1" srcversion
    [ "$R" != "$RUN_SRCVERSION" ] || foreign_file=$1
}
