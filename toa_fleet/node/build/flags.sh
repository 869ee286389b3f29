# SPDX-License-Identifier: GPL-2.0-only
# Flags for the compiler of a module: the same sources, kernel and compiler make the
# same toa.ko, wherever the staging lies.
#
# Its path, a process id in it, would come into the debug information, and by the hash
# of that into the build-id, also where the debug information is stripped.

MAPPED_STAGE=/toa

# BUILD_FLAGS: what the compilers that may be used all know. (gcc 4.4 has a map for
# debug information alone, and old ones note the map's own words beside it.)
find_build_flags() {
    BUILD_FLAGS=
    for flag in "-ffile-prefix-map=$STAGE=$MAPPED_STAGE" "-fdebug-prefix-map=$STAGE=$MAPPED_STAGE"; do
        compilers_take "$flag" || continue
        BUILD_FLAGS=$flag
        break
    done
    ! compilers_take -gno-record-gcc-switches || BUILD_FLAGS="$BUILD_FLAGS -gno-record-gcc-switches"
    BUILD_FLAGS=${BUILD_FLAGS# }
}

# Debian's headers name a compiler of their own.
compilers_take() {
    take_named=$(sed -n 's/^CC.*[[:blank:])]\(gcc-[0-9][0-9.]*\)[[:blank:]]*$/\1/p' "$KERNELDIR/.kernelvariables" 2>/dev/null | head -n 1)
    [ -z "$BUILD_LLVM" ] && [ "$BUILD_CC" = gcc ] || take_named=
    for take_compiler in $BUILD_CC $take_named; do
        have "$take_compiler" || continue
        "$take_compiler" -Werror "$1" -S -x c -o "$STAGE/flag.s" /dev/null >/dev/null 2>&1 || return 1
    done
    rm -f "$STAGE/flag.s"
}
