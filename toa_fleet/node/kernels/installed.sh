# SPDX-License-Identifier: GPL-2.0-only
# The kernels that are installed, whether they run or not.

MAX_KERNELS=64

# Calls $1 with the release of each installed kernel. What a removed one leaves
# behind (modules of others) has no kernel/.
each_installed_kernel() {
    kernels_left=$MAX_KERNELS
    for kernel_dir in "$ROOT"/lib/modules/*/kernel "$ROOT"/usr/lib/modules/*/kernel; do
        [ -d "$kernel_dir" ] && [ "$kernels_left" -gt 0 ] || continue
        kernel_dir=${kernel_dir%/kernel}
        is_release "${kernel_dir##*/}" || continue
        # With merged /usr both are the same.
        case $kernel_dir in
        "$ROOT"/usr/*) [ ! -d "$ROOT/lib/modules/${kernel_dir##*/}" ] || continue ;;
        esac
        kernels_left=$((kernels_left - 1))
        "$1" "${kernel_dir##*/}"
    done
}
