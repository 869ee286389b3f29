# SPDX-License-Identifier: GPL-2.0-only
# The compiler that built the kernel, as its headers say, and the one that builds here.
#
#   BUILD_CC        what compiles the module: gcc, gcc-9, clang, clang-18
#   BUILD_LLVM      what the kernel's makefiles are told for clang, else empty
#   KERNEL_GCC      the major version of the gcc that built the kernel, or empty
#   KERNEL_CC_TEXT  the kernel's compiler in its own words, or empty

BUILD_CC=gcc BUILD_LLVM= KERNEL_GCC= KERNEL_CC_TEXT= KERNEL_CLANG=

# $1: the headers. Before Linux 4.18 they say it in compile.h alone.
find_kernel_compiler() {
    BUILD_CC=gcc BUILD_LLVM= KERNEL_GCC= KERNEL_CC_TEXT= KERNEL_CLANG=
    find_kernel_config "$N_kernel_release" "$1"
    KERNEL_CC_TEXT=$(sed -n 's/^CONFIG_CC_VERSION_TEXT="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$KERNEL_CONFIG" | head -n 1)
    [ -n "$KERNEL_CC_TEXT" ] || KERNEL_CC_TEXT=$(sed -n 's/^#define LINUX_COMPILER "\([^"]*\)"$/\1/p' "$1/include/generated/compile.h" 2>/dev/null | head -n 1)
    clean "$KERNEL_CC_TEXT"
    KERNEL_CC_TEXT=$R
    find_version_in "$KERNEL_CC_TEXT"
    if is_built_by_clang; then
        KERNEL_CLANG=$R
        find_clang "$1"
    else
        KERNEL_GCC=$R
        find_matching_gcc
    fi
}

is_built_by_clang() {
    grep -q '^CONFIG_CC_IS_CLANG=y' "$KERNEL_CONFIG"
}

# The major version in a compiler's own words: "gcc-12 (Debian 12.2.0-14) 12.2.0",
# "gcc version 4.8.5 20150623 (Red Hat 4.8.5-44) (GCC)", "clang version 18.1.8".
find_version_in() {
    R=$(printf '%s\n' "$1" | sed -n -e 's/.*version \([0-9]\{1,3\}\)\.[0-9].*/\1/p' -e 't' -e 's/^[^()]*([^()]*) \([0-9]\{1,3\}\)\.[0-9].*/\1/p' | head -n 1)
}

major_of_gcc() {
    R=$("$1" -dumpversion 2>/dev/null)
    R=${R%%.*}
    is_number "$R"
}

# Where gcc is of another major version than the kernel's, and that one is here as well:
# by its name, or in the directory of one of Red Hat's toolsets.
find_matching_gcc() {
    [ -n "$KERNEL_GCC" ] && ! { major_of_gcc gcc && [ "$R" = "$KERNEL_GCC" ]; } || return 0
    if have "gcc-$KERNEL_GCC"; then
        BUILD_CC=gcc-$KERNEL_GCC
        return
    fi
    for toolset in gcc-toolset devtoolset; do
        toolset=/opt/rh/$toolset-$KERNEL_GCC/root/usr/bin
        # Its assembler and linker belong to it.
        [ ! -x "$toolset/gcc" ] || { PATH=$toolset:$PATH && return; }
    done
}

# LLVM=1 (Linux 5.7) is clang with all of LLVM's tools, LLVM=-18 (5.18) those of that
# name; before it there was clang alone, and the linker that the kernel has.
find_clang() {
    BUILD_CC=clang
    have clang || ! have "clang-$KERNEL_CLANG" || BUILD_CC=clang-$KERNEL_CLANG
    clang_suffix=${BUILD_CC#clang}
    if ! grep -q '^CONFIG_LD_IS_LLD=y' "$KERNEL_CONFIG"; then
        BUILD_LLVM=-
    elif makefiles_know "$1" 'LLVM_SUFFIX'; then
        BUILD_LLVM=LLVM=${clang_suffix:-1}
    elif makefiles_know "$1" "\$(LLVM)" && [ -z "$clang_suffix" ]; then
        BUILD_LLVM=LLVM=1
    else
        BUILD_LLVM=LD=ld.lld$clang_suffix
    fi
}

# $1: the headers, whose Makefile may only lead to another one.
makefiles_know() {
    know_other=$(sed -n 's/^include  *\(\/[^ $]*Makefile\)$/\1/p' "$1/Makefile" 2>/dev/null | head -n 1)
    grep -q -F -e "$2" "$1/Makefile" "$1/source/Makefile" ${know_other:+"$know_other"} 2>/dev/null
}

# The programs that a build takes for its compiler.
compiler_programs() {
    case $BUILD_LLVM in
    '') R=$BUILD_CC ;;
    LLVM=*) R="$BUILD_CC ld.lld$clang_suffix llvm-nm$clang_suffix llvm-objcopy$clang_suffix" ;;
    LD=*) R="$BUILD_CC ${BUILD_LLVM#LD=}" ;;
    *) R=$BUILD_CC ;;
    esac
}

# Whether what compiles here is of another major version than the kernel's compiler; R
# names both, and what to install.
compilers_differ() {
    [ -z "$BUILD_LLVM" ] && [ -z "$CONTAINER" ] && [ -n "$KERNEL_GCC" ] && major_of_gcc "$BUILD_CC" && [ "$R" != "$KERNEL_GCC" ] || return 1
    differ_here=$("$BUILD_CC" --version 2>/dev/null)
    clean "${differ_here%%"$NL"*}"
    differ_here=$R
    find_package_family
    case $R/$N_os_version_id in
    debian/* | arch/*) install_tool_hint "gcc-$KERNEL_GCC" ;;
    suse/*) install_tool_hint "gcc$KERNEL_GCC" ;;
    rhel/7*) R="yum install centos-release-scl (or the repository of Red Hat's software collections), then yum install devtoolset-$KERNEL_GCC-gcc devtoolset-$KERNEL_GCC-binutils" ;;
    rhel/*) install_tool_hint "gcc-toolset-$KERNEL_GCC-gcc gcc-toolset-$KERNEL_GCC-binutils" ;;
    *) install_tool_hint "gcc $KERNEL_GCC" ;;
    esac
    R="this kernel was built with $KERNEL_CC_TEXT, and the compiler here is $differ_here: $R (toa-node takes it when it is there), or build on a node that has gcc $KERNEL_GCC"
}
