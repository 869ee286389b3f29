# SPDX-License-Identifier: GPL-2.0-only
# make in a container, for systems without a compiler.

ENGINE_SECONDS=60
CONTAINER_NAME=
at_stop end_container

# An image's name for podman or docker; a root directory or disk image for
# systemd-nspawn, or for podman a root directory.
find_container_engine() {
    ENGINE=
    case $CONTAINER in
    /*)
        [ -e "$CONTAINER" ] || fail usage "--container $CONTAINER: there is no such directory or image" "give its path on this node"
        if [ -d /run/systemd/system ] && have systemd-nspawn; then
            ENGINE=systemd-nspawn
        elif [ -d "$CONTAINER" ] && have podman; then
            ENGINE=podman
        fi
        ;;
    [!A-Za-z0-9]* | *[!A-Za-z0-9._/:@-]*) fail usage "--container $CONTAINER is no image's name" "give NAME[:TAG], or the path of a root directory" ;;
    *)
        # The one that has the image; one that nobody has is left to the first to fetch.
        for engine in docker podman; do
            have "$engine" || continue
            ENGINE=$engine
        done
        for engine in podman docker; do
            have "$engine" && run_logged /dev/null "$ENGINE_SECONDS" "$engine" image inspect "$CONTAINER" || continue
            ENGINE=$engine
            break
        done
        ;;
    esac
    [ -n "$ENGINE" ] || fail node "there is nothing here that starts the container $CONTAINER (podman or docker for an image's name, systemd-nspawn for a path)" \
        "install one of them, or build on another node of exactly this kernel that has a compiler"
}

# The container sees the staging as /mnt, no network, and the system's
# /lib/modules where the headers are in there; its own stay visible otherwise.
make_in_container() {
    container_script >"$STAGE/container.sh"
    set -- /bin/sh /mnt/container.sh "$N_kernel_release" "$KERNELDIR" "build/$MAKE_IN" "${IS_FOREIGN:-no}" "$@"
    container_modules=$ROOT/lib/modules
    [ -f "$container_modules/$N_kernel_release/build/Makefile" ] || container_modules=
    CONTAINER_NAME=toa-build-$$
    case $ENGINE in
    systemd-nspawn)
        CONTAINER_NAME=
        container_root=--directory=$CONTAINER
        [ -d "$CONTAINER" ] || container_root=--image=$CONTAINER
        # It asks systemd for a unit of its own; without a bus it cannot.
        container_unit=
        [ -S /run/dbus/system_bus_socket ] || container_unit=--keep-unit
        run_logged "$build_log" "$BUILD_SECONDS" systemd-nspawn --quiet --register=no $container_unit "$container_root" --private-network \
            --bind="$STAGE:/mnt" ${container_modules:+--bind-ro="$container_modules:/lib/modules"} "$@"
        ;;
    *)
        container_rootfs=
        [ ! -d "$CONTAINER" ] || container_rootfs=--rootfs
        shift
        run_logged "$build_log" "$BUILD_SECONDS" "$ENGINE" run --rm --name "$CONTAINER_NAME" --network none --security-opt label=disable \
            --entrypoint /bin/sh -v "$STAGE:/mnt" ${container_modules:+-v "$container_modules:/lib/modules:ro"} \
            $container_rootfs "$CONTAINER" "$@"
        ;;
    esac
    container_status=$?
    end_container
    return "$container_status"
}

# The end of the program that started it is not always the end of it.
end_container() {
    [ -z "$CONTAINER_NAME" ] || "$ENGINE" rm -f "$CONTAINER_NAME" >/dev/null 2>&1
    CONTAINER_NAME=
}

# What runs in there. The selftest is linked statically where that can be done:
# the system may have another C library than the container, or none.
container_script() {
    # shellcheck disable=SC2016 # the container's
    printf '%s\n' 'release=$1 kerneldir=$2 dir=/mnt/$3 foreign=$4
shift 4
TMPDIR=/mnt LC_ALL=C
export TMPDIR LC_ALL
headers= others=
for tree in "$kerneldir" "/lib/modules/$release/build" "/usr/src/linux-headers-$release" "/usr/src/kernels/$release" "/usr/src/linux-$release" /usr/src/linux; do
    [ -n "$tree" ] && [ -f "$tree/Makefile" ] || continue
    says=$(sed -n "s/^#define UTS_RELEASE \"\(.*\)\"\$/\1/p" "$tree/include/generated/utsrelease.h" 2>/dev/null)
    [ "$says" != "$release" ] || { headers=$tree; break; }
    others="$others $tree ($says)"
done
[ -n "$headers" ] || { echo "error: the container has no headers of the kernel $release${others:+, but}$others"; exit 65; }
compiler=gcc tools=gcc
if grep -q "^CONFIG_CC_IS_CLANG=y" "$headers/include/config/auto.conf" "$headers/.config" 2>/dev/null; then
    compiler=clang tools="clang ld.lld llvm-nm"
    set -- "$@" LLVM=1 CC=clang
fi
for tool in make $tools; do
    command -v "$tool" >/dev/null || { echo "error: the container has no $tool"; exit 66; }
done
"$compiler" --version | head -n 1 >/mnt/compiler
make -C "$dir" "KERNELDIR=$headers" "KDIR=$headers" "$@" || exit
if [ "$foreign" = no ] && [ -f "$dir/selftest/toa-selftest" ]; then
    mv "$dir/selftest/toa-selftest" /mnt/toa-selftest
    make -C "$dir" selftest LDFLAGS=-static >/dev/null 2>&1
    [ -f "$dir/selftest/toa-selftest" ] || mv /mnt/toa-selftest "$dir/selftest/toa-selftest"
fi
! command -v strip >/dev/null || tail -c 28 "$dir/toa.ko" | grep -q "Module signature" || strip --strip-debug "$dir/toa.ko"
exit 0'
}
