# SPDX-License-Identifier: GPL-2.0-only
# The boot loader: by grubby where it is there, else by grub.conf itself.

register_legacy_step bootloader

legacy_has_bootloader() {
    if [ -n "$RELEASE" ] && find_grub_conf; then
        # shellcheck disable=SC2016 # awk's
        awk -v release="$RELEASE" "$GRUB_AWK"'
            FNR == 1 && was != entry { exit 1 }
            is_kernel($0) { found = 1; if ($0 !~ /[ \t]nohz=off([ \t]|$)/) exit 1 }
        ' "$GRUB_CONF" "$GRUB_CONF"
    else
        in_root grubby --default-kernel 2>/dev/null | grep -q -x "/boot/vmlinuz-$RELEASE" &&
            in_root grubby --info="/boot/vmlinuz-$RELEASE" 2>/dev/null | grep -q 'nohz=off'
    fi
}

legacy_do_bootloader() {
    if find_grub_conf && [ ! -e "$GRUB_CONF.toa-backup" ]; then
        R=$(cp -p "$GRUB_CONF" "$GRUB_CONF.toa-new" 2>&1 && mv "$GRUB_CONF.toa-new" "$GRUB_CONF.toa-backup" 2>&1) ||
            store_trouble "cannot keep a copy of $GRUB_CONF"
    fi
    if in_root sh -c 'command -v grubby' >/dev/null 2>&1 &&
        output_of in_root grubby --set-default="/boot/vmlinuz-$RELEASE" &&
        output_of in_root grubby --update-kernel="/boot/vmlinuz-$RELEASE" --args=nohz=off && legacy_has_bootloader; then
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
