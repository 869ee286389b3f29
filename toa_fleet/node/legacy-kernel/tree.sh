# SPDX-License-Identifier: GPL-2.0-only
# The kernel's source, where it lies, and make in it.
#
#   WORK      where source, tree and logs lie, below ROOT (PLACE); TREE: the source
#   RELEASE   what uname -r will say of the new kernel

LEGACY_BUILD_SECONDS=43200

check_legacy_arguments() {
    EXTRAVERSION=${EXTRAVERSION:--toa}
    case $EXTRAVERSION in
    [!.-]* | *[!A-Za-z0-9._-]*) fail usage "--extraversion $EXTRAVERSION" "give a word like -toa: a hyphen, then letters and digits" ;;
    esac
    [ -n "$JOBS" ] || JOBS=$(getconf _NPROCESSORS_ONLN 2>/dev/null) || JOBS=1
    is_number "$JOBS" && [ "$JOBS" -ge 1 ] && [ "$JOBS" -le 1024 ] || fail usage "--jobs $JOBS" "give a number"
    WORK=${WORK:-/usr/src/toa-legacy-kernel}
    case $WORK in
    /*[!A-Za-z0-9._/-]* | [!/]* | */../* | */..) fail usage "--work $WORK" "give an absolute path without blanks" ;;
    esac
    case $SHA256S in
    *"$NL"?*) fail usage "more than one --sha256" "give that of the --source" ;;
    esac
    LEGACY_SHA256=${SHA256S%"$NL"}
    [ -z "$LEGACY_SHA256" ] || check_sha256 "$LEGACY_SHA256"
    [ -z "$SOURCE" ] || check_location --source "$SOURCE" "$LEGACY_SHA256"
    PLACE=$ROOT$WORK
}

find_legacy_tree() {
    TREE=
    for R in "$PLACE/tree" "$PLACE/tree"/*; do
        [ -f "$R/Makefile" ] && grep -q '^EXTRAVERSION' "$R/Makefile" && TREE=${R#"$ROOT"} && return
    done
    return 1
}

# By the Makefile, as it will be; kernel.release is there only once it is built.
find_legacy_release() {
    RELEASE=
    if [ -n "$TREE" ]; then
        RELEASE=$(makefile_value VERSION).$(makefile_value PATCHLEVEL).$(makefile_value SUBLEVEL)$EXTRAVERSION
        RELEASE=$RELEASE$(sed -n 's/^CONFIG_LOCALVERSION="\(.*\)"$/\1/p' "$ROOT$TREE/.config" 2>/dev/null | head -n 1)
        ! is_built || { first_line "$ROOT$TREE/include/config/kernel.release" && RELEASE=$R; }
    elif first_line "$PLACE/release"; then
        RELEASE=$R
    fi
    case $RELEASE in
    *[!A-Za-z0-9._+-]*) fail build "this source makes a kernel of the strange release $RELEASE" "look at its Makefile and .config" ;;
    esac
}

makefile_value() {
    sed -n "s/^$1[[:blank:]]*=[[:blank:]]*\\([^[:blank:]]*\\).*/\\1/p" "$ROOT$TREE/Makefile" | head -n 1
}

# What decides what comes out; a build that was cut off has left no such note.
legacy_inputs() {
    R=$(cat "$ROOT$TREE/.config" "$ROOT$TREE/Makefile" "$ROOT$TREE/net/toa/toa.h" 2>/dev/null | sha256sum)
    R=${R%% *}
}

is_built() {
    legacy_inputs
    built_inputs=$R
    first_line "$PLACE/built" && [ "$R" = "$built_inputs" ] && [ -f "$ROOT$TREE/net/toa/toa.ko" ] && find_image
}

find_image() {
    for R in "$ROOT$TREE"/arch/*/boot/bzImage "$ROOT$TREE"/arch/*/boot/Image.gz "$ROOT$TREE"/arch/*/boot/Image "$ROOT$TREE/vmlinux"; do
        [ ! -f "$R" ] || return 0
    done
    return 1
}

# FILE, sed's program, lines to add. Beside it, then over it, with the mode that
# it had.
legacy_edit() {
    R=$(cp -p "$1" "$1.toa-new" 2>&1 && sed "$2" "$1" 2>&1 >"$1.toa-new") || store_trouble "cannot change $1"
    [ -z "$3" ] || printf '%s\n' "$3" >>"$1.toa-new" || { R= && store_trouble "cannot change $1"; }
    R=$(mv -f "$1.toa-new" "$1" 2>&1) || store_trouble "cannot change $1"
}

# A target of the kernel's Makefile, in the system that is worked on; its words
# are kept in WORK, for hours are long.
legacy_make() {
    legacy_log=$PLACE/$1.log
    legacy_name=$1
    shift
    progress "make $* (log: $legacy_log)"
    run_logged "$legacy_log" "$LEGACY_BUILD_SECONDS" ${ROOT:+chroot "$ROOT" env -u TMPDIR} make -C "$TREE" "$@" && return 0
    legacy_status=$?
    R=$(grep -i -e error -e 'not found' -e 'no such' -e 'no space' "$legacy_log" | head -n 4)
    [ -n "$R" ] || R=$(tail -n 4 "$legacy_log")
    one_line "$R"
    fail build "$legacy_name: make failed (status $legacy_status): $R" "see $legacy_log on the node; repair that, and run the same again: it goes on from there"
}
