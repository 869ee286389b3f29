# SPDX-License-Identifier: GPL-2.0-only
# Files from elsewhere: paths, addresses, hashes.

FETCH_SECONDS=1800

# OPTION, its value, the --sha256 that goes with it. What comes over a line on
# which anybody may change it needs a hash.
check_location() {
    case $2 in
    https://?* | file:///?*) ;;
    part:*) check_part_name "${2#part:}" || fail usage "$1 $2 names no part of the bundle" "see docs/node-protocol.md" ;;
    http://?* | ftp://?*)
        [ -n "$3" ] || fail usage "$1 $2 comes over a line without protection" "give its --sha256 HEX, or an https:// address"
        ;;
    -* | *://*) fail usage "$1 $2 is neither a file nor an address" "give a path, or https://, http:// or ftp://" ;;
    esac
}

check_sha256() {
    is_hex "$1" && [ "${#1}" -eq 64 ] || fail usage "--sha256 $1 is none" "give 64 lower-case hex digits, as sha256sum prints them"
}

# LOCATION, where to, its SHA-256 or nothing, largest size
fetch_file() {
    case $1 in
    file://*) fetch_copy "${1#file://}" "$2" ;;
    part:*) fetch_copy "$STAGE/parts/${1#part:}" "$2" ;;
    *://*) fetch_url "$1" "$2" "$3" "$4" ;;
    *) fetch_copy "$1" "$2" ;;
    esac
    file_size "$2"
    [ "${R:-0}" -le "$4" ] || too_large "$1" "$4"
    [ -n "$3" ] || return 0
    file_sha256 "$2"
    [ "$R" = "$3" ] || fail node "$1 has the SHA-256 $R, wanted is $3" \
        "it is another file than the one you meant, or it was cut or changed on its way: do not use it"
}

too_large() {
    fail node "$1 is larger than $2 bytes" "this cannot be the right file"
}

fetch_copy() {
    [ -f "$1" ] && [ -r "$1" ] || fail node "there is no readable file $1 here" "give its path on this node, or an address"
    R=$(cp "$1" "$2" 2>&1) || store_trouble "cannot copy $1"
}

# ADDRESS, where to, its SHA-256 or nothing, largest size
fetch_url() {
    progress "fetching $1"
    if have curl; then
        fetch_with "$4" curl -f -sS -L --connect-timeout 30 --retry 2 --max-filesize "$4" -w 'URL:%{url_effective}\n' -o "$2" "$1"
    elif have wget; then
        if wget --help 2>&1 | grep -q no-verbose; then
            fetch_verbosity=-nv
        else
            fetch_verbosity=-q
            [ -n "$3" ] || fail usage "the wget of this system checks no certificates, so $1 comes over a line without protection" \
                "give its --sha256 HEX"
        fi
        fetch_with "$4" wget "$fetch_verbosity" -T 30 -O "$2" "$1"
    else
        fail node "$1 cannot be fetched: neither curl nor wget is here" "copy the file to this node and give its path"
    fi || fetch_failed "$1" "$2" "$4"
    [ -n "$3" ] || ! grep -i 'URL:http://' "$STAGE/fetch.log" >/dev/null ||
        fail node "$1 leads to an http:// address, over a line without protection" "give its --sha256 HEX, or copy the file to this node"
}

# What nobody bounds by its own means is bounded by the shell, in blocks of 512
# bytes (bash: 1024).
fetch_with() {
    fetch_blocks=$(($1 / 512 + 1))
    shift
    # shellcheck disable=SC2016 # that shell's
    run_logged "$STAGE/fetch.log" "$FETCH_SECONDS" sh -c 'ulimit -f "$1" 2>/dev/null; shift; exec "$@"' sh "$fetch_blocks" "$@"
    fetch_status=$?
    fetch_words=$(grep -i -e '^curl: (' -e error -e fail -e unable "$STAGE/fetch.log" | tail -n 2)
    [ -n "$fetch_words" ] || fetch_words=$(tail -n 3 "$STAGE/fetch.log")
    one_line "$fetch_words"
    return "$fetch_status"
}

fetch_failed() {
    fetch_words=${R:-"its status is $fetch_status"}
    file_size "$2" && [ "$R" -ge "$3" ] && too_large "$1" "$3"
    case $fetch_words in
    *[Cc]ertificate*) R="the server's certificate is not trusted here: see the clock (date) and the CA certificates (package ca-certificates), or copy the file to this node and give its path" ;;
    *) R="see the address, the network and the proxy (https_proxy), or copy the file to this node and give its path" ;;
    esac
    fail node "$1 cannot be fetched: $fetch_words" "$R"
}
