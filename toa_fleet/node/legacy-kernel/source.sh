# SPDX-License-Identifier: GPL-2.0-only
# The source: fetched, unpacked, made ours.

# What fits into 32 bits, as mksh counts.
MAX_KERNEL_SOURCE=2147483647

register_legacy_step fetch

require_legacy_source() {
    [ -z "$SOURCE" ] && ! legacy_has_fetch || return 0
    fail usage "no kernel source given" "give --source FILE|URL of a 2.6.32 source with net/toa, such as Linux-2.6.32-220.23.1.el6.x86_64.rs.src.tar.gz, and its --sha256"
}

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

register_legacy_step unpack

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

register_legacy_step option

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

register_legacy_step config

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

register_legacy_step version

legacy_has_version() {
    [ -n "$TREE" ] && [ "$(makefile_value EXTRAVERSION)" = "$EXTRAVERSION" ]
}

legacy_do_version() {
    legacy_edit "$ROOT$TREE/Makefile" "s/^EXTRAVERSION[[:blank:]]*=.*/EXTRAVERSION = $EXTRAVERSION/"
    find_legacy_release
}
