# SPDX-License-Identifier: GPL-2.0-only
# An installed kernel as it will describe itself once it runs.
#
# RUNNING_<field> are the facts of the running kernel, while those of another one
# are in N_<field>.

# What that kernel will say of itself once it runs, from its files, in N_*; what
# they do not tell is empty. The running kernel, unless its image was replaced by
# another build of the same release, tells itself.
read_kernel() {
    find_kernel_image "$1"
    if [ -n "$R" ]; then version_in_image "$R" "$1"; fi
    if [ "$1" = "$RUNNING_kernel_release" ] && { [ -z "$R" ] || [ "$R" = "$RUNNING_kernel_version" ]; }; then
        recall_running_kernel
        return
    fi
    N_kernel_release=$1 N_kernel_version=$R N_kernel_build_id=
    find_module_facts
    find_machine
    page_size_of_kernel
}

remember_running_kernel() {
    for running_field in $HARD_FIELDS fingerprint; do
        eval "RUNNING_$running_field=\$N_$running_field"
    done
}

recall_running_kernel() {
    for running_field in $HARD_FIELDS fingerprint; do
        eval "N_$running_field=\$RUNNING_$running_field"
    done
}

# Class, byte order and machine of its modules; where nothing here unpacks those
# (kmod does without xz), what the boot header of an x86 image says.
find_machine() {
    machine_of_module
    [ -n "$N_arch" ] || machine_of_image
}

machine_of_module() {
    N_arch=
    find_own_module || return 0
    machine=$(module_bytes "$R" 2>/dev/null | head -c 20 | od -A n -v -t x1 | tr -d '\n')
    case $machine in
    *' 7f 45 4c 46 02 01 '*' 3e 00') N_arch=x86_64 ;;
    *' 7f 45 4c 46 02 01 '*' b7 00') N_arch=aarch64 ;;
    *' 7f 45 4c 46 02 01 '*' 15 00') N_arch=ppc64le ;;
    *' 7f 45 4c 46 02 02 '*' 00 16') N_arch=s390x ;;
    *' 7f 45 4c 46 01 01 '*' 03 00') N_arch=i686 ;;
    esac
}

page_size_of_kernel() {
    N_page_size=
    case $N_arch in
    x86_64 | i686 | s390x) N_page_size=4096 && return ;;
    esac
    find_kernel_config "$N_kernel_release" || return 0
    R=$(sed -n 's/^CONFIG_\(ARM64\|PPC\)_\([0-9]*\)K_PAGES=y$/\2/p' "$KERNEL_CONFIG" | head -n 1)
    ! is_number "$R" || N_page_size=$((R * 1024))
}

# The artifact's manifest must tell the kernel apart from any other, so what may
# not be empty has to be in its files.
require_target_kernel() {
    is_release "$TARGET_KERNEL" || fail usage "--kernel: $TARGET_KERNEL is no kernel release" "give what uname -r says"
    remember_running_kernel
    read_kernel "$TARGET_KERNEL"
    unknown_fields=
    for target_field in $HARD_FIELDS; do
        node_field "$target_field"
        [ -n "$R" ] || may_be_empty "$target_field" || unknown_fields="$unknown_fields${unknown_fields:+, }$target_field"
    done
    [ -z "$unknown_fields" ] || fail build \
        "what the kernel $TARGET_KERNEL will say of itself cannot be read from its files ($unknown_fields)" \
        "see that its image (/boot/vmlinuz-$TARGET_KERNEL) and its modules are installed, or build once it runs"
    fingerprint_of node_field
    N_fingerprint=$R
}
