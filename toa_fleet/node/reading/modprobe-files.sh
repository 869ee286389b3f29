# SPDX-License-Identifier: GPL-2.0-only
# The files that modprobe reads.

MODPROBE_DIRS='/etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /usr/lib/modprobe.d /lib/modprobe.d'

# Calls $1 with each file that modprobe reads: one in an earlier directory masks
# those of its name in the later ones.
each_modprobe_file() {
    modprobe_seen=' '
    for modprobe_dir in $MODPROBE_DIRS; do
        for modprobe_file in "$ROOT$modprobe_dir"/*; do
            case $modprobe_seen in
            *" ${modprobe_file##*/} "*) continue ;;
            esac
            modprobe_seen="$modprobe_seen${modprobe_file##*/} "
            [ -f "$modprobe_file" ] && [ -r "$modprobe_file" ] || continue
            "$1" "$modprobe_file"
        done
    done
}
