# SPDX-License-Identifier: GPL-2.0-only
# The configuration that a kernel was built with.

# Sets KERNEL_CONFIG to that of the kernel of the release $1, in its headers $2 where
# those are given, else as installed beside it; fails where there is none.
find_kernel_config() {
    for config_file in ${2:+"$2/include/config/auto.conf"} ${2:+"$2/.config"} "$ROOT/boot/config-$1" "$ROOT/lib/modules/$1/config"; do
        [ -r "$config_file" ] || continue
        KERNEL_CONFIG=$config_file
        return 0
    done
    # Nothing is in it.
    KERNEL_CONFIG=/dev/null
    return 1
}
