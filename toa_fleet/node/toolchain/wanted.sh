# SPDX-License-Identifier: GPL-2.0-only
# What a build needs here, by the names of the system's own packages.
#
#   HEADERS    the exact headers package, as the package manager takes it
#   PACKAGES   what a build needs here; MISSING: what of it is not there

find_target_kernel() {
    if [ -z "$TARGET_KERNEL" ]; then
        [ -z "$ROOT" ] || [ -e "$ROOT/proc/sys/kernel/osrelease" ] ||
            fail usage "$ROOT runs no kernel" "say with --kernel R for which release headers are wanted (ls $ROOT/lib/modules)"
        TARGET_KERNEL=$N_kernel_release
    fi
    case $TARGET_KERNEL in
    [!0-9]* | *[!A-Za-z0-9._+~-]*) fail usage "--kernel: $TARGET_KERNEL is no kernel release" "give what uname -r says" ;;
    esac
}

find_wanted() {
    find_headers_package "$TARGET_KERNEL"
    HEADERS=$R
    PACKAGES= MISSING=
    find_wanted_tools
    for tool in $WANTED_TOOLS; do
        PACKAGES="$PACKAGES $tool"
        has_wanted_tool "$tool" || MISSING="$MISSING $tool"
    done
    find_libc
    want_library "$R" stdio.h
    PACKAGES="$PACKAGES${HEADERS:+ }$HEADERS"
    headers_are_right || MISSING="$MISSING ${HEADERS:-headers}"
    find_libelf
    want_library "$R" gelf.h
}

# By the names of their packages. (A tree's link to its headers may lead out of it.)
find_wanted_tools() {
    WANTED_TOOLS='gcc make'
    wanted_headers=/lib/modules/$TARGET_KERNEL/build
    [ -z "$ROOT" ] || wanted_headers=
    find_kernel_config "$TARGET_KERNEL" "$wanted_headers"
    ! is_built_by_clang || WANTED_TOOLS='clang lld llvm make'
}

has_wanted_tool() {
    case $1 in
    lld) in_root_have ld.lld ;;
    llvm) in_root_have llvm-nm ;;
    *) in_root_have "$1" ;;
    esac
}

# A library's package, if there is need of one, is there when this header of its is.
want_library() {
    [ -n "$1" ] || return 0
    PACKAGES="$PACKAGES $1"
    [ -f "$ROOT/usr/include/$2" ] || MISSING="$MISSING $1"
}

# toa-selftest is an ordinary program. Debian's gcc only recommends what these
# need, everybody else's brings it along.
find_libc() {
    find_package_family
    case $R in
    debian) R=libc6-dev ;;
    *) R= ;;
    esac
}

# What a module's version magic is made from: the headers' own word.
headers_are_right() {
    headers_dir=/lib/modules/$TARGET_KERNEL/build
    R=$(in_root sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$headers_dir/include/generated/utsrelease.h" \
        "$headers_dir/include/linux/utsrelease.h" 2>/dev/null | head -n 1)
    [ -n "$R" ] || R=$(in_root head -n 1 "$headers_dir/include/config/kernel.release" 2>/dev/null)
    HEADERS_SAY=$R
    [ "$HEADERS_SAY" = "$TARGET_KERNEL" ] && in_root test -f "$headers_dir/Makefile"
}

# Before Linux 5.18 a kernel with objtool lets nothing be built without libelf's
# headers. R is the package, empty where it is not needed.
find_libelf() {
    R=
    find_kernel_config "$TARGET_KERNEL"
    grep -q -e '^CONFIG_STACK_VALIDATION=y' -e '^CONFIG_UNWINDER_ORC=y' "$KERNEL_CONFIG" || return 0
    case $TARGET_KERNEL in
    [0-4].* | 5.[0-9].* | 5.1[0-7].*) ;;
    *) return 0 ;;
    esac
    find_package_family
    case $R in
    debian) R=libelf-dev ;;
    rhel) R=elfutils-libelf-devel ;;
    suse) R=libelf-devel ;;
    *) R= ;;
    esac
}

say_tool() {
    R=
    ! in_root_have "$1" || R=$(in_root "$1" --version 2>/dev/null)
    say "$1" "${R%%"$NL"*}"
}
