# SPDX-License-Identifier: GPL-2.0-only
register_verb toolchain 7200 'install gcc, make and the headers of exactly one kernel, with the package manager of the system'

# It is first asked what it would do, so that nothing is installed where something
# cannot be had; and what it did is believed only when the headers themselves say
# that they are of that kernel.
verb_toolchain() {
    find_uid
    gather_facts
    find_target_kernel
    check_headers_arguments
    find_package_manager
    find_wanted
    say kernel "$TARGET_KERNEL"
    say package_manager "$PM"
    if [ -n "$MISSING" ]; then
        require_package_manager
        require_headers_package
        require_root
        open_store
        resolve_suse_version
    fi
    say packages "${PACKAGES# }"
    say missing "${MISSING# }"
    [ -z "$MISSING" ] || provide_missing
    if headers_are_right; then say headers yes; else say headers no; fi
    say_tool gcc
    say_tool make
    if [ -n "$MISSING" ]; then say changed yes; else say changed no; fi
    finish 0
}

provide_missing() {
    provide_repository= provide_headers=
    for wanted in $MISSING; do
        [ "$wanted" = "$HEADERS" ] && [ -n "$HEADERS_PACKAGES" ] && provide_headers=yes ||
            provide_repository="$provide_repository $wanted"
    done
    FILES=
    [ -z "$provide_headers" ] || fetch_headers_packages
    # shellcheck disable=SC2086 # package names without blanks
    [ -z "$provide_repository" ] || ask_for $provide_repository
    [ -z "$provide_headers" ] || ask_for_files
    [ -z "$DRY_RUN" ] || return 0
    # shellcheck disable=SC2086
    [ -z "$provide_repository" ] || install_packages $provide_repository
    [ -z "$provide_headers" ] || install_files
    check_outcome
}

check_outcome() {
    what_is_there='is not there'
    headers_are_right || {
        [ -z "$HEADERS_SAY" ] || what_is_there="is that of the kernel $HEADERS_SAY"
        outcome_is_wrong
    }
    for tool in $WANTED_TOOLS; do
        has_wanted_tool "$tool" || fail node "$PM did what it was told, but there is no $tool" "see the words of $PM above (standard error)"
    done
}

outcome_is_wrong() {
    fail node \
        "$PM did what it was told, but /lib/modules/$TARGET_KERNEL/build $what_is_there" \
        "see what the package holds, and whether /lib/modules/$TARGET_KERNEL is that of the kernel's package"
}
