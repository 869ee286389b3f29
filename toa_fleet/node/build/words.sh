# SPDX-License-Identifier: GPL-2.0-only
# What the words of make and the compiler mean.

# kbuild says so whenever the compiler was updated since the kernel was built;
# distributions do that all the time, and the kernel takes such modules.
BUILD_WORDS=
HARMLESS='the compiler differs from the one used to build the kernel'
# make's own, where the headers are from a clock that is ahead of this one: in a fresh
# staging all is made anew, whatever is older.
CLOCK_SKEW='^g\{0,1\}make\(\[[0-9]*\]\)\{0,1\}: [Ww]arning:  *\(File .* has modification time .* in the future\|Clock skew detected\.  *Your build may be incomplete\.\)$'

refuse_warnings() {
    R=$(grep -i 'warning' "$build_log" | grep -v -e "$HARMLESS" -e "$CLOCK_SKEW" | head -n 5)
    [ -n "$R" ] || return 0
    one_line "$R"
    BUILD_WORDS=$R
    explain_build
    fail build "the build warned: $BUILD_WORDS" "$R"
}

# A whole source, not the headers of a package.
is_kernel_tree() {
    [ -n "$KERNELDIR" ] && { [ -f "$KERNELDIR/init/main.c" ] || [ -f "$KERNELDIR/source/init/main.c" ]; }
}

# The first lines of the log that say what is wrong, in BUILD_WORDS, and what
# to do, in R.
explain_build() {
    R=$(grep -i -e error -e 'no rule to make' -e 'not found' -e 'no such' -e 'RETPOLINE' -e 'please install' -e 'no space' "$build_log" | head -n 4)
    [ -n "$R" ] || R=$(tail -n 4 "$build_log")
    one_line "$R"
    BUILD_WORDS=${BUILD_WORDS:-$R}
    build_text=$(tail -c 200000 "$build_log")
    case $build_text in
    *'error: the container has no'*)
        R="the image has to be a development container of exactly this system's release ($N_os_version_id) and kernel; --kerneldir names the headers inside of it" ;;
    *'No space left'*) fail node "the build failed: $BUILD_WORDS" "make room below ${STAGE%/*}" ;;
    *[Rr][Ee][Tt][Pp][Oo][Ll][Ii][Nn][Ee]=y*'not supported by the compiler'* | *'non-retpoline compiler'*)
        compilers_differ || { install_tool_hint gcc && R="gcc is older than the one that built this kernel: upgrade gcc ($R)"; } ;;
    *'nrecognized command'*'option'*)
        compilers_differ || { find_compiler && R="gcc is another than the one that built this kernel ($R): install or upgrade to that one"; } ;;
    *libelf*'please install'* | *'please install'*libelf* | *gelf.h*)
        R='install libelf-dev (Debian, Ubuntu), elfutils-libelf-devel (RHEL and kin) or libelf-devel (SUSE)' ;;
    *selftest/*'fatal error:'*'No such file'* | *'cannot find crt1.o'* | *'cannot find -lc'*)
        R="the C library's headers are missing, which the selftest needs: install libc6-dev (Debian, Ubuntu) or glibc-devel (RHEL and kin, SUSE); toa-node toolchain does" ;;
    *GLIBC_*'not found'*)
        R='the kernel headers here are of another release of the distribution: their tools do not run; install those of this release' ;;
    *gcc-[0-9]*'not found'* | *'not found'*gcc-[0-9]*)
        build_text=gcc-${build_text#*gcc-}
        install_tool_hint "${build_text%%[!a-z0-9-]*}" ;;
    *'Module.symvers is missing'* | *[Ss]'ymbol version dump'*)
        if is_kernel_tree; then
            R="the kernel in $KERNELDIR was built without its modules, so nobody wrote down its symbols: make modules in there (it writes Module.symvers), then run the same again"
        else
            R="the kernel headers are not complete; $headers_hint"
        fi
        ;;
    *) compilers_differ || R='see the build log above (standard error)' ;;
    esac
}
