# SPDX-License-Identifier: GPL-2.0-only
# The module into the kernel, and out of it.

# insmod; R is what it and the kernel said.
insert_module() {
    read_options_lines
    [ -z "$PARAMETERS" ] || [ -n "$ROLLING" ] || OPTIONS=$WANTED_PARAMETERS
    label_module "$1"
    mark_kernel_log "$1"
    # shellcheck disable=SC2086 # words without blanks and wildcards
    output_of insmod_of "$1" $OPTIONS && return 0
    insert_said=$R
    kernel_words
    R="$insert_said${R:+ (kernel: $R)}"
    return 1
}

# A policy of SELinux lets insmod read what has the type of modules, and may yet not
# let it look into the directories above: it gets the open file.
insmod_of() {
    insmod_file=$1
    shift
    find_selinux
    if [ "$SELINUX_MODE" = disabled ]; then
        insmod "$insmod_file" "$@"
    else
        insmod /dev/stdin "$@" <"$insmod_file"
    fi
}

# rmmod, of toa or of $1; waits a little for users that are just leaving.
remove_module() {
    for remove_try in 1 2 3 4 5; do
        output_of rmmod "${1:-toa}" && return 0
        case $R in
        *'in use'* | *emporarily* | *busy*) ;;
        *) return 1 ;;
        esac
        [ "$remove_try" = 5 ] || sleep 1
    done
    return 1
}
