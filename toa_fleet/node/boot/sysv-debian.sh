# SPDX-License-Identifier: GPL-2.0-only
# Debian without systemd: rcS.d, and insserv's order.

register_boot_system sysv-debian
before_removal forget_init_script

boot_sysv_debian_is_here() {
    [ -d "$ROOT/etc/rcS.d" ] && [ -d "$ROOT/etc/init.d" ]
}

boot_sysv_debian_pieces() {
    launcher_text
    "$1" file /etc/init.d/toa 755 "$R"
    find_rcs_link
    "$1" link "$R" ../init.d/toa
}

# The link that is there, else one right before networking's.
find_rcs_link() {
    for rcs_link in "$ROOT"/etc/rcS.d/S[0-9][0-9]toa; do
        [ -h "$rcs_link" ] && R=${rcs_link#"$ROOT"} && return
    done
    R=/etc/rcS.d/S39toa
    for rcs_link in "$ROOT"/etc/rcS.d/S[0-9][0-9]networking; do
        rcs_link=${rcs_link##*/S}
        case $rcs_link in
        0[1-9]networking | [1-9][0-9]networking) ;;
        *) continue ;;
        esac
        rcs_number=${rcs_link%networking}
        rcs_number=$((${rcs_number#0} - 1))
        [ "$rcs_number" -gt 9 ] || rcs_number=0$rcs_number
        R=/etc/rcS.d/S${rcs_number}toa
    done
}

# Where insserv has listed the dependencies of the init scripts, only what is in
# its lists is started. It writes them in an order of its own each time: what
# they were is kept.
boot_sysv_debian_added() {
    [ -f /etc/init.d/.depend.boot ] && find_insserv || return 0
    ! grep -q '[:= ]toa\( \|:\|$\)' /etc/init.d/.depend.boot || return 0
    make_dir "$STORE/edited/insserv" || store_trouble "cannot make $STORE/edited/insserv"
    note_undo tree "$STORE/edited/insserv"
    what_insserv_sees >"$STORE/edited/insserv/seen"
    R=$(cp -p /etc/init.d/.depend.* "$STORE/edited/insserv/" 2>&1) || store_trouble "cannot keep a copy of /etc/init.d/.depend.boot"
    undo_with forget_init_script
    output_of "$insserv" toa || { R="insserv: $R" && store_trouble "cannot order the init scripts"; }
}

forget_init_script() {
    [ -z "$ROOT" ] && [ -f /etc/init.d/toa ] && [ -f /etc/init.d/.depend.boot ] && find_insserv || return 0
    output_of "$insserv" -r toa || progress "insserv -r toa: $R"
    # Made from the same, the old lists are as good as the new ones.
    [ "$(what_insserv_sees)" = "$(cat "$STORE/edited/insserv/seen" 2>/dev/null)" ] || rm -f "$STORE"/edited/insserv/.depend.*
    for depend_kept in "$STORE"/edited/insserv/.depend.*; do
        depend_now=/etc/init.d/${depend_kept##*/}
        [ -f "$depend_kept" ] && [ -f "$depend_now" ] || continue
        cp -p "$depend_kept" "$depend_now.toa-new" && mv -f "$depend_now.toa-new" "$depend_now"
    done
    rm -rf "$STORE/edited/insserv"
}

# The other init scripts, and which of them run where.
what_insserv_sees() {
    for sees in /etc/init.d/* /etc/rc[0-9S].d/*; do
        case ${sees##*/} in
        toa | [SK][0-9][0-9]toa) continue ;;
        esac
        printf '%s\n' "$sees"
        [ -h "$sees" ] || [ ! -f "$sees" ] || cat "$sees"
    done | sha256sum
}

find_insserv() {
    for insserv in /sbin/insserv /usr/sbin/insserv /usr/lib/insserv/insserv; do
        [ ! -x "$insserv" ] || return 0
    done
    return 1
}
