# SPDX-License-Identifier: GPL-2.0-only
# The source, wherever it is from: a private copy of it, and its hash.

ORIGIN= IS_FOREIGN=

# A private copy: the source may be read-only, shared, or be built elsewhere
# at the same time. Products of earlier builds stay behind.
stage_source() {
    find_source
    find_layout
    BUILD_DIR=$STAGE/build
    R=$(mkdir "$BUILD_DIR" 2>&1 && cp -R "$build_from/." "$BUILD_DIR/" 2>&1) || store_trouble "cannot copy the source"
    find "$BUILD_DIR" \( -name '.*' -o -name '*.o' -o -name '*.a' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
        -o -name '*.cmd' -o -name '*.d' -o -name '*.symvers' -o -name modules.order -o -name '*~' -o -name '*.py' \
        -o -name '*.pyc' -o -name __pycache__ -o -name toa-selftest -o -name have.h -o -name have.log \) \
        -exec rm -rf {} + 2>/dev/null
    MAKE_DIR=$BUILD_DIR/$MAKE_IN
    MAKE_DIR=${MAKE_DIR%/}
    hash_source
    [ -z "$IS_FOREIGN" ] || write_file "$STAGE/fingerprint.h" "static const char toa_node_fingerprint[]
    __attribute__((section(\".modinfo\"), used, aligned(1))) = \"toa_fingerprint=$N_fingerprint\";
"
}

# Where the source lies once it is here: build_from. ORIGIN says what it was.
find_source() {
    unpack_parts
    ORIGIN=
    source_sha256=${SHA256S%"$NL"}
    if [ -z "$SOURCE" ]; then
        build_from=$STAGE/parts/kmod
        [ -d "$build_from" ] || fail usage "no source given" "give --source DIR with toa's Makefile in it"
    elif [ -n "$REVISION" ] || is_git_address "$SOURCE"; then
        clone_source
    elif [ -d "$SOURCE" ]; then
        build_from=$SOURCE
        [ -z "$source_sha256" ] || fail usage "--sha256 is for an archive, and $SOURCE is a directory" "leave it away"
    else
        unpack_source
    fi
}

is_git_address() {
    case $1 in
    git://* | ssh://* | git@*:* | *.git | *.git/) return 0 ;;
    esac
    return 1
}

unpack_source() {
    case $source_sha256 in
    *"$NL"*) fail usage "more than one --sha256" "give that of the --source" ;;
    '') ;;
    *) check_sha256 "$source_sha256" ;;
    esac
    check_location --source "$SOURCE" "$source_sha256"
    case $SOURCE in
    *.tar | *.tar.* | *.tgz | *.tbz2 | *.txz) ;;
    *://*) fail usage "--source $SOURCE is neither an archive (.tar.gz, .tar.xz, ...) nor known to be git" \
        "give the address of an archive, or --revision for git" ;;
    *) [ -f "$SOURCE" ] || fail build "there is no Makefile in $SOURCE: there is no such directory" "give --source DIR with toa's Makefile in it" ;;
    esac
    fetch_file "$SOURCE" "$STAGE/source" "$source_sha256" "$MAX_BUNDLE"
    file_sha256 "$STAGE/source"
    ORIGIN="archive $SOURCE sha256 $R"
    build_from=$STAGE/unpacked
    R=$(mkdir "$build_from" 2>&1) || store_trouble "cannot make $build_from"
    unpack_archive "$STAGE/source" "$build_from"
    # Archives have all in one directory, mostly.
    for unpacked in "$build_from"/*; do
        [ ! -d "$unpacked" ] || [ "$(ls "$build_from")" != "${unpacked##*/}" ] || build_from=$unpacked
    done
}

clone_source() {
    case $REVISION in
    -* | *[!A-Za-z0-9._/-]*) fail usage "--revision $REVISION" "give a commit, a tag or a branch" ;;
    esac
    [ -z "$source_sha256" ] || fail usage "--sha256 is for an archive" "name a commit with --revision"
    case $SOURCE in
    -* | ext::*) fail usage "--source $SOURCE" "give the address of a git repository" ;;
    http://* | git://*)
        is_hex "$REVISION" && [ "${#REVISION}" -eq 40 ] ||
            fail usage "--source $SOURCE comes over a line without protection" "give a whole commit (40 hex digits) with --revision, or an https:// address"
        ;;
    esac
    have git || fail node "git is not installed here" "give the address of an archive (.tar.gz) with its --sha256, or a directory"
    build_from=$STAGE/clone
    # A redirection from https to http is none that git should follow.
    clone_protocols=https
    case $SOURCE in
    https://*) ;;
    *) clone_protocols=http:https:git:ssh:file ;;
    esac
    progress "cloning $SOURCE"
    GIT_ALLOW_PROTOCOL=$clone_protocols GIT_TERMINAL_PROMPT=0 GIT_ASKPASS=/bin/false GIT_SSH_COMMAND='ssh -o BatchMode=yes' \
        run_logged "$STAGE/fetch.log" "$FETCH_SECONDS" git clone -q --no-checkout "$SOURCE" "$build_from" ||
        { one_line "$(tail -n 4 "$STAGE/fetch.log")" && fail node "$SOURCE cannot be cloned: $R" "see the address, the network and the proxy, or give an archive"; }
    for clone_name in "${REVISION:-HEAD}" "origin/$REVISION"; do
        R=$(cd "$build_from" && git rev-parse -q --verify "$clone_name^{commit}" 2>/dev/null) && break
    done
    [ -n "$R" ] || fail node "$SOURCE has no revision $REVISION" "name a commit, a tag or a branch of it"
    ORIGIN="git $SOURCE commit $R"
    R=$(cd "$build_from" && git checkout -q --detach "$R" 2>&1) || fail node "cannot check out $ORIGIN: $R" "see df"
}

# This project's source passes the fingerprint on. Any other source of TOA is
# built as its manual says: cd src, make.
find_layout() {
    MAKE_IN= IS_FOREIGN=
    [ -f "$build_from/Makefile" ] || [ ! -f "$build_from/kmod/Makefile" ] || build_from=$build_from/kmod
    if grep -q TOA_FINGERPRINT "$build_from/Makefile" "$build_from/Kbuild" 2>/dev/null; then
        return 0
    elif [ -f "$build_from/src/Makefile" ]; then
        MAKE_IN=src
    else
        [ -f "$build_from/Makefile" ] || fail build "there is no Makefile in $build_from" "give --source with toa's Makefile in it, or in its src/"
    fi
    IS_FOREIGN=yes
    ORIGIN=${ORIGIN:-"directory ${SOURCE:-of the sender}"}
}

# SHA-256 of the sorted "sha256  path" lines.
hash_source() {
    source_lines=$(cd "$BUILD_DIR" && find . -type f -exec sha256sum {} + | sed 's|  \./|  |' | sort)
    text_sha256 "$source_lines$NL"
    SOURCE_HASH=$R
}
