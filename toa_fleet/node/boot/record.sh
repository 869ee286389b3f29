# SPDX-License-Identifier: GPL-2.0-only
# What boot leaves on record.

BOOTING= READONLY=
at_failure record_failure

# Where boot leaves its record as long as the store cannot be written: on RHEL 6
# it runs before the root file system is mounted writable. Only root writes here.
EARLY_RECORDS='/run/.toa-boot-record /dev/.toa-boot-record'

# The record of this boot, else the last one.
read_boot_record() {
    find_boot_id
    read_record "$STORE/boot-record"
    [ "$record_boot" != "$N_boot_id" ] || return 0
    record_last=$BOOT_RECORD record_detail=$BOOT_DETAIL
    for record_early in $EARLY_RECORDS; do
        read_record "$ROOT$record_early"
        [ "$record_boot" != "$N_boot_id" ] || return 0
    done
    BOOT_RECORD=$record_last BOOT_DETAIL=$record_detail
    [ -z "$BOOT_RECORD" ] || BOOT_DETAIL="$BOOT_DETAIL (an earlier boot)"
}

read_record() {
    BOOT_RECORD= BOOT_DETAIL= record_boot=none
    [ -f "$1" ] && [ -r "$1" ] || return 0
    while IFS= read -r record_line || [ -n "$record_line" ]; do
        case $record_line in
        boot_record=*) BOOT_RECORD=${record_line#*=} ;;
        boot_detail=*) BOOT_DETAIL=${record_line#*=} ;;
        boot_id=*) record_boot=${record_line#*=} ;;
        esac
    done <"$1"
}

record_failure() {
    [ -z "$BOOTING" ] || write_boot_record failed "$fail_class: $fail_detail"
}

# A record that cannot be written must not keep the module from loading.
write_boot_record() {
    BOOTING=
    clean "$2"
    log_event "boot: $1: $R"
    record_place=$STORE/boot-record
    [ -z "$READONLY" ] || record_place=${STAGE%/*}/.toa-boot-record
    [ -n "$STAGE" ] && printf 'boot_record=%s\nboot_detail=%s\nboot_id=%s\nkernel_release=%s\nfingerprint=%s\n' \
        "$1" "$R" "$N_boot_id" "$N_kernel_release" "$N_fingerprint" >"$STAGE/boot-record" &&
        { [ -n "$READONLY" ] || sync_store; } && mv -f "$STAGE/boot-record" "$record_place" ||
        log_event "boot: cannot write $record_place"
}
