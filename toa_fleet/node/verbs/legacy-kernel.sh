# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC1007,SC2015,SC2034,SC2154
#
# toa-node legacy-kernel - a 2.6.32 kernel with TOA patched in, step by step
#
# Read by toa-node, whose conventions hold here. For those who have to keep to the
# old procedure: this project's own toa.ko needs neither another kernel nor a
# reboot. Every step first looks whether it is done, so a run that was killed,
# anywhere, is continued by the same command.
#
#   WORK      where source, tree and logs lie (below ROOT); TREE: the kernel's source
#   RELEASE   what uname -r will say of the new kernel

LEGACY_STEPS='fetch unpack option config version build modules kernel bootloader startup watchdog'
LEGACY_MARK='# Written by toa-node legacy-kernel; taken away by toa-node legacy-kernel --undo.'
LEGACY_BUILD_SECONDS=43200
# What fits into 32 bits, as mksh counts.
MAX_KERNEL_SOURCE=2147483647
LEGACY_BUILD_KB=6291456

verb_legacy_kernel() {
    find_uid
    gather_facts
    check_legacy_arguments
    require_root
    find_legacy_tree
    find_legacy_release
    if [ -n "$UNDO" ]; then
        undo_legacy_kernel
        finish 0
    fi
    require_legacy_system
    require_legacy_source
    open_store
    say alternative 'toa-fleet build --on this node and toa-fleet push: a toa.ko for the kernel that is running, without another kernel and without a reboot; try that first'
    for legacy_step in $LEGACY_STEPS; do
        take_legacy_step "$legacy_step"
    done
    say_legacy_reboot
    say_legacy_module
    say kernel_release "$RELEASE"
    say reboot "$REBOOT_IS"
    say changed "$CHANGED"
    [ "$REBOOT_IS" != now ] || reboot_soon
    finish 0
}

# Each legacy_has_STEP says whether it is done: 0 yes, 77 skipped with the reason
# in R, anything else no. Each legacy_do_STEP does it, or fails.
take_legacy_step() {
    "legacy_has_$1"
    case $? in
    0) say "step.$1" 'was done' && return ;;
    77) say "step.$1" "skipped: $R" && return ;;
    esac
    CHANGED=yes
    if [ -n "$DRY_RUN" ]; then
        say "step.$1" to-do
        return
    fi
    progress "legacy-kernel: $1"
    "legacy_do_$1"
    "legacy_has_$1" || fail node "the step $1 of legacy-kernel ran, but what it should have made is not there" \
        "see the logs in $WORK on the node"
    say "step.$1" 'done'
}

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

require_legacy_system() {
    [ -z "$FORCE" ] || return 0
    case $N_kernel_release in
    2.6.32*) ;;
    *)
        is_legacy_kernel_running || fail gate "this system runs the kernel $N_kernel_release, and the procedure is for 2.6.32 alone" \
            "build and push toa.ko instead (toa-fleet build, toa-fleet push); --force is for those who know why"
        ;;
    esac
    look_at_running
    [ "$RUN" = no ] || [ -z "$RUN_DIR" ] || fail gate "this node already runs the toa.ko of this project, which needs no other kernel" \
        "leave it as it is, or take it away first (toa-node remove)"
}

is_legacy_kernel_running() {
    [ -n "$RELEASE" ] && [ "$N_kernel_release" = "$RELEASE" ]
}

require_legacy_source() {
    [ -z "$SOURCE" ] && ! legacy_has_fetch || return 0
    fail usage "no kernel source given" "give --source FILE|URL of a 2.6.32 source with net/toa, such as Linux-2.6.32-220.23.1.el6.x86_64.rs.src.tar.gz, and its --sha256"
}

# --- where things are ---------------------------------------------------------------

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

# --- the steps --------------------------------------------------------------------

# A tree that is unpacked needs its archive no more.
legacy_has_fetch() {
    ! legacy_has_unpack || return 0
    [ -f "$PLACE/source" ] || return 1
    [ -z "$LEGACY_SHA256" ] || { file_sha256 "$PLACE/source" && [ "$R" = "$LEGACY_SHA256" ]; }
}

legacy_do_fetch() {
    make_dir "$PLACE" || store_trouble "cannot make $PLACE"
    fetch_file "$SOURCE" "$PLACE/source.part" "$LEGACY_SHA256" "$MAX_KERNEL_SOURCE"
    R=$(mv -f "$PLACE/source.part" "$PLACE/source" 2>&1) || store_trouble "cannot keep $PLACE/source"
}

legacy_has_unpack() {
    [ -n "$TREE" ] || return 1
    [ -z "$LEGACY_SHA256" ] || { first_line "$PLACE/tree/.toa-source" && [ "$R" = "$LEGACY_SHA256" ]; }
}

legacy_do_unpack() {
    R=$(rm -rf "$PLACE/tree.part" "$PLACE/tree" "$PLACE/built" 2>&1 && mkdir "$PLACE/tree.part" 2>&1) ||
        store_trouble "cannot make $PLACE/tree.part"
    unpack_archive "$PLACE/source" "$PLACE/tree.part"
    file_sha256 "$PLACE/source"
    R=$( (printf '%s\n' "$R" >"$PLACE/tree.part/.toa-source") 2>&1 && mv "$PLACE/tree.part" "$PLACE/tree" 2>&1) ||
        store_trouble "cannot make $PLACE/tree"
    find_legacy_tree || fail build "there is no kernel in $SOURCE: no Makefile with EXTRAVERSION" "look for the source of a whole kernel with net/toa in it"
    find_legacy_release
    # The archive may be fetched again; the room is needed.
    rm -f "$PLACE/source"
}

TOA_OPTION='^[[:blank:]]*#[[:blank:]]*define[[:blank:]]\{1,\}TCPOPT_TOA[[:blank:]]\{1,\}'

legacy_has_option() {
    [ -n "$TREE" ] && grep -q "${TOA_OPTION}254\\([^0-9]\\|\$\\)" "$ROOT$TREE/net/toa/toa.h" 2>/dev/null
}

legacy_do_option() {
    legacy_header=$ROOT$TREE/net/toa/toa.h
    [ -f "$legacy_header" ] || fail build "this kernel source has no TOA: there is no net/toa/toa.h" "look for a source with TOA patched in"
    grep -q "${TOA_OPTION}200\\([^0-9]\\|\$\\)" "$legacy_header" || fail build "net/toa/toa.h does not define TCPOPT_TOA as 200 or 254" \
        "see what this source makes of TCPOPT_TOA: grep TCPOPT_TOA $legacy_header"
    legacy_edit "$legacy_header" "s/\\(${TOA_OPTION}\\)200/\\1254/"
}

legacy_has_config() {
    [ -n "$TREE" ] && grep -q '^CONFIG_IPV6=y$' "$ROOT$TREE/.config" 2>/dev/null && grep -q '^CONFIG_TOA=m$' "$ROOT$TREE/.config"
}

legacy_do_config() {
    legacy_config=$ROOT$TREE/.config
    if [ ! -f "$legacy_config" ]; then
        [ -f "$ROOT/boot/config-$N_kernel_release" ] || fail build "the source has no .config, nor has this system /boot/config-$N_kernel_release" \
            "put the configuration wanted into $legacy_config"
        progress "the source has no .config: taking that of the running kernel"
        copy_file "$ROOT/boot/config-$N_kernel_release" "$legacy_config.toa-new" 644
        R=$(mv "$legacy_config.toa-new" "$legacy_config" 2>&1) || store_trouble "cannot make $legacy_config"
    fi
    legacy_edit "$legacy_config" '/^CONFIG_IPV6=/d; /^# CONFIG_IPV6 /d; /^CONFIG_TOA=/d; /^# CONFIG_TOA /d' \
        "${NL}# toa${NL}CONFIG_IPV6=y${NL}CONFIG_TOA=m"
}

legacy_has_version() {
    [ -n "$TREE" ] && [ "$(makefile_value EXTRAVERSION)" = "$EXTRAVERSION" ]
}

legacy_do_version() {
    legacy_edit "$ROOT$TREE/Makefile" "s/^EXTRAVERSION[[:blank:]]*=.*/EXTRAVERSION = $EXTRAVERSION/"
    find_legacy_release
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

legacy_has_build() {
    [ -n "$TREE" ] && is_built
}

legacy_do_build() {
    require_legacy_tools
    free_kb "$PLACE"
    [ -n "$FORCE" ] || ! is_number "$R" || [ "$R" -ge "$LEGACY_BUILD_KB" ] || fail node \
        "$WORK has $R KiB free, and a kernel with all modules takes some $LEGACY_BUILD_KB" "give --work with a place that has them, or --force"
    rm -f "$PLACE/built"
    # Asks about what IPv6 in the kernel makes possible: the defaults.
    progress 'make oldconfig'
    (yes '' 2>/dev/null | head -n 20000 | in_tree make -C "$TREE" oldconfig) >"$PLACE/oldconfig.log" 2>&1 ||
        { one_line "$(tail -n 3 "$PLACE/oldconfig.log")" && fail build "make oldconfig failed: $R" "see $PLACE/oldconfig.log on the node"; }
    legacy_has_config || fail build "make oldconfig dropped CONFIG_TOA=m or CONFIG_IPV6=y" "this source's Kconfig lacks them, or what they depend on: grep -n TOA $TREE/net/toa/Kconfig"
    legacy_make build -j "$JOBS"
    legacy_inputs
    write_file "$PLACE/built" "$R$NL"
    find_legacy_release
    write_file "$PLACE/release" "$RELEASE$NL"
}

require_legacy_tools() {
    for tool in make gcc perl; do
        in_tree sh -c "command -v $tool" >/dev/null 2>&1 && continue
        install_tool_hint "$tool"
        fail build "$tool is not installed here" "$R; toa-node toolchain installs gcc and make"
    done
}

# All that the build made, the module itself the same, and depmod after them.
legacy_has_modules() {
    [ -n "$TREE" ] && is_built || return 1
    legacy_modules=$ROOT/lib/modules/$RELEASE
    cmp -s "$ROOT$TREE/net/toa/toa.ko" "$legacy_modules/kernel/net/toa/toa.ko" || return 1
    grep -q 'net/toa/toa.ko:' "$legacy_modules/modules.dep" 2>/dev/null || return 1
    [ -f "$ROOT$TREE/modules.order" ] || return 0
    while read -r legacy_module; do
        [ -f "$legacy_modules/$legacy_module" ] || return 1
    done <"$ROOT$TREE/modules.order"
}

legacy_do_modules() {
    legacy_make modules_install modules_install
}

# With an initramfs, where other kernels of this system have one.
legacy_has_kernel() {
    [ -n "$TREE" ] && is_built && find_image && cmp -s "$R" "$ROOT/boot/vmlinuz-$RELEASE" || return 1
    legacy_initramfs=
    for R in "$ROOT"/boot/initramfs-*.img "$ROOT"/boot/initrd-*; do
        [ ! -f "$R" ] || legacy_initramfs=yes
    done
    [ -z "$legacy_initramfs" ] || [ -s "$ROOT/boot/initramfs-$RELEASE.img" ] || [ -s "$ROOT/boot/initrd-$RELEASE" ] ||
        [ -s "$ROOT/boot/initrd-$RELEASE.img" ] || return 1
    find_grub_conf || return 0
    grub_entry_of "$RELEASE" >/dev/null
}

legacy_do_kernel() {
    legacy_make install install
}

# --- the boot loader -----------------------------------------------------------------

find_grub_conf() {
    for R in boot/grub/grub.conf boot/grub/menu.lst boot/efi/EFI/redhat/grub.conf boot/efi/EFI/centos/grub.conf etc/grub.conf; do
        [ -f "$ROOT/$R" ] && [ ! -h "$ROOT/$R" ] && GRUB_CONF=$ROOT/$R && return
    done
    GRUB_CONF=
    return 1
}

# An entry of legacy grub is a title and what follows; entries count from 0. Each
# program reads its file twice: first it finds the entry, then it does its work.
# shellcheck disable=SC2016 # awk's
GRUB_AWK='
    function is_kernel(line,  words) {
        return split(line, words, /[ \t]+/) > 1 && words[words[1] == "" ? 2 : 1] == "kernel" && ends_with(words[words[1] == "" ? 3 : 2], "/vmlinuz-" release)
    }
    function ends_with(text, end) {
        return length(text) >= length(end) && substr(text, length(text) - length(end) + 1) == end
    }
    NR == FNR {
        if ($0 ~ /^[ \t]*title/) entries++
        if (entry == "" && is_kernel($0)) entry = entries - 1
        if ($0 ~ /^[ \t]*default[ \t=]/) { was = $0; sub(/^[ \t]*default[ \t=]+/, "", was); sub(/[ \t].*/, "", was) }
        next
    }
    FNR == 1 { if (entry == "") exit 1 }
'

# Prints the number of the entry of the kernel $1; fails when there is none.
grub_entry_of() {
    awk -v release="$1" "$GRUB_AWK"'FNR == 1 { print entry; exit 0 }' "$GRUB_CONF" "$GRUB_CONF"
}

legacy_has_bootloader() {
    if [ -n "$RELEASE" ] && find_grub_conf; then
        # shellcheck disable=SC2016 # awk's
        awk -v release="$RELEASE" "$GRUB_AWK"'
            FNR == 1 && was != entry { exit 1 }
            is_kernel($0) { found = 1; if ($0 !~ /[ \t]nohz=off([ \t]|$)/) exit 1 }
        ' "$GRUB_CONF" "$GRUB_CONF"
    else
        in_tree grubby --default-kernel 2>/dev/null | grep -q -x "/boot/vmlinuz-$RELEASE" &&
            in_tree grubby --info="/boot/vmlinuz-$RELEASE" 2>/dev/null | grep -q 'nohz=off'
    fi
}

legacy_do_bootloader() {
    if find_grub_conf && [ ! -e "$GRUB_CONF.toa-backup" ]; then
        R=$(cp -p "$GRUB_CONF" "$GRUB_CONF.toa-new" 2>&1 && mv "$GRUB_CONF.toa-new" "$GRUB_CONF.toa-backup" 2>&1) ||
            store_trouble "cannot keep a copy of $GRUB_CONF"
    fi
    if in_tree sh -c 'command -v grubby' >/dev/null 2>&1 &&
        words_of in_tree grubby --set-default="/boot/vmlinuz-$RELEASE" &&
        words_of in_tree grubby --update-kernel="/boot/vmlinuz-$RELEASE" --args=nohz=off && legacy_has_bootloader; then
        return 0
    fi
    [ -n "$GRUB_CONF" ] || fail node "there is neither a grub.conf nor a grubby that makes vmlinuz-$RELEASE the default${R:+: $R}" \
        "make it the default entry of this system's boot loader by hand, with nohz=off on its line"
    # shellcheck disable=SC2016 # awk's
    write_grub_conf "$RELEASE" '
        FNR == 1 && was == "" { print "default=" entry }
        /^[ \t]*default[ \t=]/ { print "default=" entry; next }
        is_kernel($0) && $0 !~ /[ \t]nohz=off([ \t]|$)/ { sub(/[ \t]*$/, ""); print $0 " nohz=off"; next }
        { print }'
}

# RELEASE, an awk program behind GRUB_AWK
write_grub_conf() {
    R=$(cp -p "$GRUB_CONF" "$GRUB_CONF.toa-new" 2>&1 && awk -v release="$1" "$GRUB_AWK$2" "$GRUB_CONF" "$GRUB_CONF" 2>&1 >"$GRUB_CONF.toa-new") ||
        { rm -f "$GRUB_CONF.toa-new" && fail node "$GRUB_CONF has no entry for vmlinuz-$1${R:+ ($R)}" \
            "make install should have added one: see $PLACE/install.log and installkernel on the node"; }
    [ -s "$GRUB_CONF.toa-new" ] || { R= && store_trouble "cannot write $GRUB_CONF.toa-new (disk full?)"; }
    sync_store
    R=$(mv -f "$GRUB_CONF.toa-new" "$GRUB_CONF" 2>&1) || store_trouble "cannot change $GRUB_CONF"
    sync
}

# --- at boot, and when it is gone -----------------------------------------------------

startup_text() {
    R="#!/bin/sh
$LEGACY_MARK
[ \"\$(uname -r)\" = '$RELEASE' ] && [ ! -d /sys/module/toa ] && /sbin/modprobe toa
:
"
}

watchdog_text() {
    R="$LEGACY_MARK
SHELL=/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
* * * * * root [ \"\$(uname -r)\" = '$RELEASE' ] && [ ! -d /sys/module/toa ] && { logger -t toa 'toa was gone, loading it'; /sbin/modprobe toa; }
"
}

STARTUP=/etc/sysconfig/modules/toa-legacy.modules
WATCHDOG=/etc/cron.d/toa-legacy

legacy_has_startup() {
    [ -e "$ROOT/etc/rc.d/rc.sysinit" ] || [ -d "$ROOT/etc/sysconfig/modules" ] ||
        { R='no /etc/sysconfig/modules is read here; the watchdog loads it within a minute, or add modprobe toa to a start script' && return 77; }
    [ -n "$RELEASE" ] && startup_text && is_text "$ROOT$STARTUP" "$R" && [ -x "$ROOT$STARTUP" ]
}

legacy_do_startup() {
    make_dir "$ROOT${STARTUP%/*}" || store_trouble "cannot make $ROOT${STARTUP%/*}"
    startup_text
    legacy_put "$ROOT$STARTUP" "$R" 755
}

legacy_has_watchdog() {
    [ -d "$ROOT/etc/cron.d" ] || { R='there is no /etc/cron.d; have your monitoring run modprobe toa' && return 77; }
    [ -n "$RELEASE" ] && watchdog_text && is_text "$ROOT$WATCHDOG" "$R"
}

legacy_do_watchdog() {
    watchdog_text
    legacy_put "$ROOT$WATCHDOG" "$R" 644
}

is_text() {
    [ -f "$1" ] && [ "$(cat "$1")$NL" = "$2" ]
}

# cron and rc.sysinit read whatever lies in their directories: made elsewhere.
legacy_put() {
    put_made=$STAGE/made
    write_file "$put_made" "$2" "$3"
    # Within one file system a rename, else a copy: then under a name that both skip.
    R=$(cp -p "$put_made" "$1.toa-new~" 2>&1 && mv -f "$1.toa-new~" "$1" 2>&1) || store_trouble "cannot write $1"
}

# --- the new kernel -------------------------------------------------------------------

say_legacy_reboot() {
    REBOOT_IS=no
    if [ -n "$ROOT" ]; then
        say step.reboot "skipped: $ROOT is not running"
    elif is_legacy_kernel_running; then
        say step.reboot 'was done'
    elif [ -n "$REBOOT" ] && [ -z "$DRY_RUN" ]; then
        REBOOT_IS=now CHANGED=yes
        say step.reboot 'done'
    else
        REBOOT_IS=due
        [ -z "$REBOOT" ] || CHANGED=yes
        say step.reboot to-do
    fi
}

say_legacy_module() {
    look_at_running
    if [ -n "$ROOT" ]; then
        say step.module "skipped: $ROOT is not running"
    elif ! is_legacy_kernel_running; then
        say step.module to-do
    elif [ "$RUN" = yes ]; then
        say step.module 'was done'
    elif [ -n "$DRY_RUN" ]; then
        CHANGED=yes
        say step.module to-do
    else
        CHANGED=yes
        # Not busybox's own, which cannot read every system's modules.
        program_in_path modprobe && words_of "$R" toa || fail load "modprobe toa: $R" "see dmesg on the node"
        say step.module 'done'
    fi
}

# Later, so that this answer arrives.
reboot_soon() {
    progress "rebooting into $RELEASE within a minute"
    if have shutdown; then
        (trap '' HUP && exec nohup shutdown -r +1 "toa-node: into the kernel $RELEASE") </dev/null >/dev/null 2>&1 &
    else
        (trap '' HUP && sleep 30 && exec reboot) </dev/null >/dev/null 2>&1 &
    fi
}

# --- the way back ---------------------------------------------------------------------

# What would start or load it again goes; what takes room is named. The kernel may
# be the one that runs.
undo_legacy_kernel() {
    open_store
    for undo_file in "$STARTUP" "$WATCHDOG"; do
        [ -f "$ROOT$undo_file" ] && grep -q -x -F "$LEGACY_MARK" "$ROOT$undo_file" || continue
        CHANGED=yes
        [ -n "$DRY_RUN" ] && continue
        R=$(rm -f "$ROOT$undo_file" 2>&1) || store_trouble "cannot remove $undo_file"
    done
    undo_bootloader
    legacy_left=
    for R in "$ROOT/boot/"*"-$RELEASE" "$ROOT/boot/initramfs-$RELEASE.img" "$ROOT/lib/modules/$RELEASE" "$PLACE"; do
        [ -z "$RELEASE" ] || [ ! -e "$R" ] || legacy_left="$legacy_left ${R#"$ROOT"}"
    done
    say kernel_release "$RELEASE"
    say left "${legacy_left# }"
    if is_legacy_kernel_running; then say reboot due; else say reboot no; fi
    say changed "$CHANGED"
}

# Back to the kernel that was the default before, where that is still there.
undo_bootloader() {
    [ -n "$RELEASE" ] && find_grub_conf && [ -f "$GRUB_CONF.toa-backup" ] && legacy_has_bootloader || return 0
    CHANGED=yes
    [ -z "$DRY_RUN" ] || return 0
    undo_release=$(awk '
        /^[ \t]*default[ \t=]/ && was == "" { was = $0; sub(/^[ \t]*default[ \t=]+/, "", was); sub(/[ \t].*/, "", was) }
        /^[ \t]*title/ { entries++ }
        $1 == "kernel" && entries - 1 == was + 0 { sub(/.*\/vmlinuz-/, "", $2); print $2; exit }
    ' "$GRUB_CONF.toa-backup")
    [ -n "$undo_release" ] && [ "$undo_release" != "$RELEASE" ] && grub_entry_of "$undo_release" >/dev/null || fail node \
        "the kernel that was the default before ($undo_release) has no entry in $GRUB_CONF any more" "choose the default there by hand"
    # shellcheck disable=SC2016 # awk's
    write_grub_conf "$undo_release" '/^[ \t]*default[ \t=]/ { print "default=" entry; next } { print }'
}

LOADED_VERB='legacy-kernel 0.1.0'
