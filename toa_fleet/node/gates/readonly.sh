# SPDX-License-Identifier: GPL-2.0-only
# File systems that cannot be written.

register_gate readonly

# By the mount table: not every shell's test -w knows read-only file systems.
gate_readonly() {
    R=open
    readonly_dirs=/var/lib/toa
    [ -n "$NO_PERSIST" ] || readonly_dirs="$readonly_dirs /etc"
    for readonly_dir in $readonly_dirs; do
        find_mount "$readonly_dir"
        case ,$mount_options, in
        *,ro,*)
            R="closed: $readonly_dir is on $mount_point, which is mounted read-only; mount -o remount,rw $mount_point (and see /etc/fstab and dmesg for why)"
            return
            ;;
        esac
    done
}
