# SPDX-License-Identifier: GPL-2.0-only
# TOAs of others in the kernel, under whatever name.
#
# Vendors have given it many: vtoa, tcp_toa, toa_v6, hwtoa, slb_toa, ip_vs_ca. One that
# is called otherwise shows by the functions that all have that came from the first.

OTHERS= OTHERS_OUT=

# The names of those that are loaded, in OTHERS.
find_others() {
    OTHERS=
    [ "$RUN" != yes ] || [ -n "$RUN_DIR" ] || OTHERS=toa
    for others_dir in "$ROOT"/sys/module/*toa "$ROOT"/sys/module/*toa[_0-9]* "$ROOT"/sys/module/ip_vs_ca; do
        # What is built into the kernel has none.
        [ ! -e "$others_dir/initstate" ] || note_other "${others_dir##*/}"
    done
    has_modules_from_elsewhere || return 0
    each_line note_other "$(sed -n 's/^.*[[:blank:]]\(inet6*_getname_toa\|tcp_v[46]_syn_recv_sock_toa\|get_toa_data\)[[:blank:]]*\[\([A-Za-z0-9_]*\)\]$/\2/p' "$ROOT/proc/kallsyms" 2>/dev/null | sort -u)"
}

note_other() {
    case $1 in
    '' | *[!A-Za-z0-9_]*) return 0 ;;
    esac
    case " toa $OTHERS " in
    *" $1 "*) ;;
    *) OTHERS="$OTHERS${OTHERS:+ }$1" ;;
    esac
}

leave_out_other() {
    others_left=
    for other in $OTHERS; do
        [ "$other" = "$1" ] || others_left="$others_left${others_left:+ }$other"
    done
    OTHERS=$others_left
}

# Loaded ones that no kernel came with, but for ours: only they are worth a look into the
# kernel's long list of functions.
has_modules_from_elsewhere() {
    grep -v '^toa ' "$ROOT/proc/modules" 2>/dev/null | grep -q '([A-Z]*O[A-Z]*)'
}

# What the module $1 of others is, in words; OTHER_FILE is where it is probably from.
describe_other() {
    other_dir=$ROOT/sys/module/$1
    build_id_of_notes_file "$other_dir/notes/.note.gnu.build-id"
    other_build_id=$R
    first_line "$other_dir/srcversion"
    other_srcversion=$R
    first_line "$other_dir/version"
    other_version=$R
    find_file_of_other "$1"
    R=
    [ -z "$OTHER_FILE" ] || package_of_file "$OTHER_FILE"
    R="build-id ${other_build_id:-none}, srcversion ${other_srcversion:-none}${other_version:+, version $other_version}${OTHER_FILE:+, probably from ${OTHER_FILE#"$ROOT"}}${R:+ of the package $R}"
}

# The usual places, and the module's own build-id or srcversion.
find_file_of_other() {
    OTHER_FILE=
    other_files=$(find "$ROOT/lib/modules/$N_kernel_release" -name "$1.ko*" -type f 2>/dev/null | head -n 20)
    each_line search_file_of_other "$ROOT/root/toa/$1.ko$NL$other_files"
}

search_file_of_other() {
    [ -z "$OTHER_FILE" ] && [ -r "$1" ] || return 0
    if [ -n "$other_build_id" ]; then
        case $1 in
        *.ko) module_has_build_id "$1" "$other_build_id" && OTHER_FILE=$1 && return ;;
        esac
    fi
    [ -n "$other_srcversion" ] || return 0
    modinfo_tag "$1" srcversion
    [ "$R" != "$other_srcversion" ] || OTHER_FILE=$1
}

package_of_file() {
    R=
    [ -z "$ROOT" ] || return 0
    if have rpm; then
        R=$(rpm -qf --qf '%{NAME}' "$1" 2>/dev/null) || R=
    fi
    if [ -z "$R" ] && have dpkg; then
        R=$(dpkg -S "$1" 2>/dev/null) && R=${R%%:*}
    fi
    case $R in
    *[!A-Za-z0-9.+_-]*) R= ;;
    esac
}

# Takes them out. What each was is remembered: name, file, parameters; one a line.
take_others_out() {
    find_others
    for other in $OTHERS; do
        describe_other "$other"
        progress "taking out the $other of others that is loaded ($R)"
        case $OTHER_FILE in
        '' | *[!A-Za-z0-9/_.+-]*)
            OTHER_FILE=-
            progress "its file is not known here: it could not be put back"
            ;;
        esac
        parameters_of_other "$other"
        OTHERS_OUT="$OTHERS_OUT$other $OTHER_FILE $R$NL"
        remove_module "$other" || fail load "the $other that is loaded does not go: $R" \
            "see who uses it (lsmod), have it not loaded at boot, and reboot"
    done
}

parameters_of_other() {
    other_words=
    for other_parameter in "$ROOT/sys/module/$1/parameters"/*; do
        first_line "$other_parameter" || continue
        case $R in
        '' | *[!A-Za-z0-9_.,:/-]*) ;;
        *) other_words="$other_words ${other_parameter##*/}=$R" ;;
        esac
    done
    R=${other_words# }
}

put_others_back() {
    each_line put_other_back "$OTHERS_OUT"
}

put_other_back() {
    back_rest=${1#* }
    back_name=${1%% *} back_file=${back_rest%% *} back_words=${back_rest#* }
    # shellcheck disable=SC2086 # words without blanks and wildcards
    if [ -e "$ROOT/sys/module/$back_name/initstate" ]; then
        R="the $back_name that was loaded before is still there"
    elif [ "$back_file" = - ]; then
        R="NOT rolled back: the $back_name that was loaded before was not ours, and its file is not known here"
    elif output_of insmod_of "$back_file" $back_words; then
        R="rolled back: the $back_name that was loaded before is loaded again"
    else
        R="NOT rolled back: the $back_name that was loaded before does not load any more: $R"
    fi
    UNDONE="$UNDONE${UNDONE:+; }$R"
}
