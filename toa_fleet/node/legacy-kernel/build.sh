# SPDX-License-Identifier: GPL-2.0-only
# The kernel: built, its modules and itself installed.

LEGACY_BUILD_KB=6291456

register_legacy_step build

require_legacy_tools() {
    for tool in make gcc perl; do
        in_root sh -c "command -v $tool" >/dev/null 2>&1 && continue
        install_tool_hint "$tool"
        fail build "$tool is not installed here" "$R; toa-node toolchain installs gcc and make"
    done
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
    (yes '' 2>/dev/null | head -n 20000 | in_root make -C "$TREE" oldconfig) >"$PLACE/oldconfig.log" 2>&1 ||
        { one_line "$(tail -n 3 "$PLACE/oldconfig.log")" && fail build "make oldconfig failed: $R" "see $PLACE/oldconfig.log on the node"; }
    legacy_has_config || fail build "make oldconfig dropped CONFIG_TOA=m or CONFIG_IPV6=y" "this source's Kconfig lacks them, or what they depend on: grep -n TOA $TREE/net/toa/Kconfig"
    legacy_make build -j "$JOBS"
    legacy_inputs
    write_file "$PLACE/built" "$R$NL"
    find_legacy_release
    write_file "$PLACE/release" "$RELEASE$NL"
}

register_legacy_step modules

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

register_legacy_step kernel

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
