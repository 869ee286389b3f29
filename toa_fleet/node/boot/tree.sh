# SPDX-License-Identifier: GPL-2.0-only
# Trees whose links lead out of them are refused.

# A tree is as a chroot would see it; here, an absolute link in it leads to the
# files of the system that we run on, and those are not ours to change.
refuse_links_out_of_tree() {
    TREE=$(cd -P "$ROOT/" && pwd -P)
    TREE=${TREE%/}
    for link_to in /etc/cron.d/ /boot/grub/ "${WORK:-/usr/src}/" "$STORE/"; do
        refuse_link_out dir "${link_to#"$ROOT"}"
    done
    [ -z "$START_SCRIPT" ] || refuse_link_out edit "$START_SCRIPT"
    link_script=$START_SCRIPT
    each_possible_piece refuse_link_out
    START_SCRIPT=$link_script
}

refuse_link_out() {
    R=$ROOT$2
    [ "$1" != edit ] || find_real_file "$2"
    link_out=${R%/*}
    until [ -d "$link_out/" ]; do
        link_out=${link_out%/*}
    done
    R=$(cd -P "$link_out/" && pwd -P)
    case $R/ in
    "$TREE"/*) ;;
    *) fail node "$link_out leads out of the tree, to $R" \
        "make the link in that path a relative one, or run toa-node within the tree (chroot)" ;;
    esac
}
