# SPDX-License-Identifier: GPL-2.0-only
# grub.conf, the configuration of legacy grub.

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
