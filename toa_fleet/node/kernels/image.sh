# SPDX-License-Identifier: GPL-2.0-only
# What a kernel's image tells of it.

find_kernel_image() {
    for R in "$ROOT/boot/vmlinuz-$1" "$ROOT/lib/modules/$1/vmlinuz" "$ROOT/usr/lib/modules/$1/vmlinuz" \
        "$ROOT/boot/vmlinux-$1" "$ROOT/boot/Image-$1" "$ROOT/lib/modules/$1/Image"; do
        [ ! -f "$R" ] || [ ! -r "$R" ] || return 0
    done
    R=
}

# $2 bytes of a file from its $1th on. systemd ignores SIGPIPE, so that tail complains.
bytes_at() {
    tail -c "+$1" "$3" 2>/dev/null | head -c "$2"
}

# What uname -v will say: the image of x86 has "RELEASE (who) VERSION" where its
# header points to; others have the banner "Linux version RELEASE (who) (compiler)
# VERSION" in the open, or compressed by gzip.
version_in_image() {
    image_words=
    if [ "$(bytes_at 515 4 "$1")" = HdrS ]; then
        # shellcheck disable=SC2046 # two numbers
        set -- "$1" "$2" $(od -A n -t u1 -j 526 -N 2 "$1" 2>/dev/null)
        [ $# -eq 4 ] || { R= && return; }
        image_words=$(bytes_at "$(($3 + $4 * 256 + 513))" 512 "$1" | tr '\000' '\n' | head -n 1)
        case $image_words in
        "$2 ("*') #'*) R="#${image_words#*') #'}" ;;
        *) R= ;;
        esac
    else
        image_words=$(plain_image "$1" 2>/dev/null | tr -c '\040-\176' '\n' | grep -F "Linux version $2 (" | head -n 1)
        case $image_words in
        *"Linux version $2 ("*') #'*) R="#${image_words##*') #'}" ;;
        *) R= ;;
        esac
    fi
    clean "$R"
    trim "$R"
}

plain_image() {
    case $(od -A n -t x1 -N 2 "$1" | tr -d ' ') in
    1f8b) gzip -dc <"$1" ;;
    *) cat "$1" ;;
    esac
}

machine_of_image() {
    find_kernel_image "$N_kernel_release"
    [ -n "$R" ] && [ "$(bytes_at 515 4 "$R")" = HdrS ] || return 0
    # From version 2.12 of that header on, a bit tells of a 64-bit entry.
    # shellcheck disable=SC2046 # three numbers
    set -- $(od -A n -t u1 -j 518 -N 2 "$R" 2>/dev/null) $(od -A n -t u1 -j 566 -N 1 "$R" 2>/dev/null)
    [ $# -eq 3 ] && [ $(($2 * 256 + $1)) -ge 524 ] || return 0
    if [ $(($3 % 2)) -eq 1 ]; then N_arch=x86_64; else N_arch=i686; fi
}
