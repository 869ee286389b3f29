# SPDX-License-Identifier: GPL-2.0-only
# Compiler and headers.

require_compiler() {
    find_kernel_compiler "${KERNELDIR:-$ROOT/lib/modules/$N_kernel_release/build}"
    compiler_programs
    for tool in make $R; do
        have "$tool" && continue
        case $BUILD_LLVM:$tool in
        :* | *:make) install_tool_hint "$tool" ;;
        *) install_tool_hint 'clang lld llvm' && R="this kernel was built with ${KERNEL_CC_TEXT:-clang}: $R" ;;
        esac
        fail build "$tool is not installed here" "$R"
    done
}

# The headers must be those of this very kernel: a module that was built against
# others may even load.
require_headers() {
    install_headers_hint
    headers_hint=$R
    KERNELDIR=${KERNELDIR:-$ROOT/lib/modules/$N_kernel_release/build}
    [ -f "$KERNELDIR/Makefile" ] || fail build \
        "the headers of the kernel $N_kernel_release are not installed (no $KERNELDIR/Makefile)" "$headers_hint"
    release_of_headers
    [ -z "$R" ] || [ "$R" = "$N_kernel_release" ] || fail build \
        "the headers in $KERNELDIR are of the kernel $R, not of $N_kernel_release" "$headers_hint"
}

# utsrelease.h is what a module gets its version magic from; Debian's
# kernel.release names the upstream version.
release_of_headers() {
    R=$(sed -n 's/^#define UTS_RELEASE "\(.*\)"$/\1/p' "$KERNELDIR/include/generated/utsrelease.h" \
        "$KERNELDIR/include/linux/utsrelease.h" 2>/dev/null | head -n 1)
    [ -n "$R" ] || first_line "$KERNELDIR/include/config/kernel.release"
}
