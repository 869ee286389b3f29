# SPDX-License-Identifier: GPL-2.0-only
# The artifact that was built, handed over.

say_manifest() {
    while IFS= read -r manifest_line; do
        say "manifest.${manifest_line%%=*}" "${manifest_line#*=}"
    done <"$1"
}

emit_product() {
    file_size "$1/$2"
    [ "$R" -le 12582912 ] || fail build "$2 is too large to be sent ($R bytes)" "use --output and copy it"
    have base64 || fail node "cannot encode $2: base64 is missing" "install coreutils, or use --output"
    printf 'base64.%s=' "$2"
    base64 <"$1/$2" | tr -d '\n'
    printf '\n'
}

# The manifest last: where it is, the other two are.
deliver_products() {
    R=$(mkdir -p "$OUTPUT" 2>&1) || build_place_trouble "cannot make $OUTPUT"
    for deliver_name in toa.ko toa-selftest manifest; do
        R=$(mv -f "$NEW_DIR/$deliver_name" "$OUTPUT/$deliver_name" 2>&1 ||
            cp "$NEW_DIR/$deliver_name" "$OUTPUT/$deliver_name" 2>&1) || build_place_trouble "cannot write to $OUTPUT"
    done
}
