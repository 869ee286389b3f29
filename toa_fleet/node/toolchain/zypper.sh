# SPDX-License-Identifier: GPL-2.0-only
# zypper, and the version numbers of SUSE's kernels.

register_package_manager zypper zypper suse

ask_zypper() {
    manager "$PM_ASK_SECONDS" zypper --non-interactive --no-refresh install --dry-run --no-recommends "$@"
}

refresh_zypper() {
    manager "$PM_ASK_SECONDS" zypper --non-interactive refresh
}

install_zypper() {
    manager_uninterrupted zypper --non-interactive --no-refresh install --no-recommends "$@"
}

# A kernel release lacks the rebuild count of its package. Where rpm does not know
# the kernel's package, the repositories may know one, and only one, that fits.
resolve_suse_version() {
    case "$PM $HEADERS" in
    zypper\ *=*.N) ;;
    *) return 0 ;;
    esac
    case " $MISSING " in
    *" $HEADERS "*) ;;
    *) return 0 ;;
    esac
    [ -z "$HEADERS_PACKAGES" ] || return 0
    suse_name=${HEADERS%%=*}
    suse_prefix=${HEADERS#*=}
    suse_prefix=${suse_prefix%N}
    manager "$PM_ASK_SECONDS" zypper --non-interactive --no-refresh search -s -t package --match-exact "$suse_name" || :
    # "| kernel-default-devel | package | 5.14.21-150400.24.81.1 | x86_64 | repo"
    suse_found=$(printf '%s\n' "$PM_SAID" | tr -d ' ' | awk -F '|' -v prefix="$suse_prefix" \
        'index($4, prefix) == 1 && substr($4, length(prefix) + 1) !~ /[^0-9]/ { print $4 }' | sort -u)
    case $suse_found in
    '') return 0 ;;
    *"$NL"*) one_line "$suse_found" && fail node "the repositories have several $suse_name for $TARGET_KERNEL: $R" \
        "install the one of the kernel's package (rpm -q kernel-${suse_name#kernel-}), or give its file with --headers-package" ;;
    esac
    suse_wanted=$suse_name=$suse_found
    replace_word "$PACKAGES" "$HEADERS" "$suse_wanted" && PACKAGES=$R
    replace_word "$MISSING" "$HEADERS" "$suse_wanted" && MISSING=$R
    HEADERS=$suse_wanted
}

replace_word() {
    R=
    for replace_item in $1; do
        [ "$replace_item" != "$2" ] || replace_item=$3
        R="$R $replace_item"
    done
}
