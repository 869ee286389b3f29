# SPDX-License-Identifier: GPL-2.0-only
# make, bounded; its log, and what its failure means.

BUILD_SECONDS=1800
! is_number "${TOA_BUILD_SECONDS:-}" || BUILD_SECONDS=$TOA_BUILD_SECONDS

make_module() {
    build_log=$STAGE/build.log
    progress "building for $N_kernel_release (fingerprint $N_fingerprint)"
    set -- "TOA_FINGERPRINT=$N_fingerprint"
    build_tag=$STAGE/fingerprint.h BUILD_FLAGS=
    # In a container the staging is at the same place each time.
    if [ -n "$CONTAINER" ]; then build_tag=/mnt/fingerprint.h; else find_build_flags; fi
    # Other sources know nothing of fingerprints: the tag comes with every C file.
    [ -z "$IS_FOREIGN" ] || BUILD_FLAGS="$BUILD_FLAGS${BUILD_FLAGS:+ }-include $build_tag"
    [ -z "$BUILD_FLAGS" ] || set -- "$@" "KCFLAGS=$BUILD_FLAGS"
    # clang is named for the selftest, too, which knows nothing of LLVM=1.
    [ "$BUILD_CC" = gcc ] || set -- "$@" "CC=$BUILD_CC"
    case $BUILD_LLVM in
    *=*) set -- "$@" "$BUILD_LLVM" ;;
    esac
    if [ -n "$CONTAINER" ]; then
        make_in_container "$@"
    else
        run_logged "$build_log" "$BUILD_SECONDS" make -C "$MAKE_DIR" "KERNELDIR=$KERNELDIR" "KDIR=$KERNELDIR" "$@"
    fi
    build_status=$?
    cat "$build_log" >&2
    if [ "$build_status" -ne 0 ]; then
        explain_build
        fail build "make failed (status $build_status): $BUILD_WORDS" "$R"
    fi
    refuse_warnings
    [ -f "$MAKE_DIR/toa.ko" ] || fail build "make succeeded but made no toa.ko" "look at the Makefile of $build_from"
    [ -n "$IS_FOREIGN" ] || [ -f "$MAKE_DIR/selftest/toa-selftest" ] ||
        fail build "make succeeded but made no selftest/toa-selftest" "look at the Makefile of $build_from"
}
