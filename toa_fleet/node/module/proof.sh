# SPDX-License-Identifier: GPL-2.0-only
# The proof: build-id, kernel log, hooks, a live connection.

SELFTEST_SECONDS=60

prove_build_id() {
    read_running
    PROOF_BUILD_ID=no
    if [ "$RUN" != yes ]; then
        WHY="toa is not loaded"
    elif [ "$RUN_STATE" != live ]; then
        WHY="the module is $RUN_STATE, not live"
    elif [ "$RUN_BUILD_ID" != "$M_build_id" ]; then
        WHY="the running module has the build-id ${RUN_BUILD_ID:-(not shown by this kernel)}, the artifact $M_build_id"
    else
        PROOF_BUILD_ID=yes
    fi
    say proof.build_id "$PROOF_BUILD_ID"
    [ "$PROOF_BUILD_ID" = yes ]
}

# Right after our insmod the words must be there, wherever the log can be read.
# Later they may have been overwritten.
prove_dmesg() {
    PROOF_DMESG=unknown
    if [ -z "$KERNEL_TOUCHED" ]; then
        R=$(dmesg 2>/dev/null | grep 'TOA: toa' | tail -n 5)
    elif kernel_log_since_mark && [ -n "$MARK_SEEN" ]; then
        PROOF_DMESG=no
    fi
    case ${R##*TOA: toa unloaded} in
    *'TOA: toa loaded'*) PROOF_DMESG=yes ;;
    esac
    say proof.dmesg "$PROOF_DMESG"
    [ "$PROOF_DMESG" != no ] || { WHY="the kernel's log lacks \"TOA: toa loaded\"" && return 1; }
}

prove_hooks() {
    read_hooks
    case $R in
    armed) PROOF_HOOKS=yes ;;
    disarmed) PROOF_HOOKS=no ;;
    *) PROOF_HOOKS=unknown ;;
    esac
    say proof.hooks "$PROOF_HOOKS"
    [ "$PROOF_HOOKS" != no ] ||
        { WHY="its hooks are disarmed (kernel.ftrace_enabled, /sys/kernel/debug/kprobes/enabled, or a live patch)" && return 1; }
}

# What the selftest says becomes selftest.KEY lines; its failures go into WHY.
prove_selftest() {
    [ -e /dev/net/tun ] || modprobe tun 2>/dev/null || :
    selftest_said= selftest_status=126
    label_program "$1/toa-selftest"
    ! may_be_executed "$1" || run_selftest "$1/toa-selftest"
    [ "$selftest_status" != 126 ] || run_selftest_elsewhere "$1/toa-selftest"
    say_selftest_lines
    case $selftest_status in
    0) PROOF_SELFTEST=yes ;;
    77) PROOF_SELFTEST="skipped: ${selftest_skipped:-it gives no reason}" ;;
    126) PROOF_SELFTEST="skipped: it may not be executed in $STORE, nor from $RUNNABLE_PLACES (noexec mounts; fapolicyd, SELinux)" ;;
    127) PROOF_SELFTEST="skipped: it cannot be executed here (another C library than where it was built?)" ;;
    *) PROOF_SELFTEST=no ;;
    esac
    say proof.selftest "$PROOF_SELFTEST"
    [ "$PROOF_SELFTEST" != no ] ||
        { WHY="toa-selftest failed (status $selftest_status)${selftest_failed:+: $selftest_failed}" && return 1; }
}

run_selftest() {
    selftest_said=$(run_bounded "$SELFTEST_SECONDS" "$1")
    selftest_status=$?
}

# 126 is the shell's word for what may not be executed. Where the mount table is wrong,
# and where a policy denies it, another place may do as well.
run_selftest_elsewhere() {
    for selftest_place in $RUNNABLE_PLACES; do
        may_hold_runnable "$selftest_place" && make_runnable "$selftest_place" "$1" || continue
        run_selftest "$R"
        drop_runnable
        [ "$selftest_status" = 126 ] || return 0
    done
}

say_selftest_lines() {
    selftest_skipped= selftest_failed= selftest_seen= selftest_left=100
    each_line say_selftest_line "$selftest_said"
}

say_selftest_line() {
    selftest_key=${1%%=*}
    case $selftest_key in
    '' | "$1" | [!a-z]* | *[!a-z0-9_.-]*) return ;;
    esac
    [ "$selftest_left" -gt 0 ] || return 0
    selftest_left=$((selftest_left - 1))
    case " $selftest_seen " in
    *" $selftest_key "*) return ;;
    esac
    selftest_seen="$selftest_seen $selftest_key"
    say "selftest.$selftest_key" "${1#*=}"
    case $1 in
    skipped=*) selftest_skipped=$R ;;
    *=fail*) selftest_failed="$selftest_failed${selftest_failed:+; }$selftest_key $R" ;;
    esac
}

# All proofs of the artifact in hand, whose directory is $1; $2: what to think
# of a selftest that cannot run, strict or lenient.
prove() {
    WHY=
    PROOF_SELFTEST=
    prove_build_id && prove_dmesg && prove_hooks && prove_selftest "$1" || return 1
    case $PROOF_SELFTEST$2 in
    skipped*strict)
        WHY="toa-selftest could not run (${PROOF_SELFTEST#skipped: }), so nothing shows that applications get the client's address"
        return 1
        ;;
    esac
}

explain_proof() {
    case $PROOF_SELFTEST$WHY in
    skipped*) R='make it possible (modprobe tun; a kernel with network namespaces; a place that is not noexec), or accept a node without this proof with --allow-unproven' ;;
    *disarmed*) R='sysctl -w kernel.ftrace_enabled=1; echo 1 > /sys/kernel/debug/kprobes/enabled; look for live patches of tcp_v4_syn_recv_sock or inet_getname' ;;
    *'not loaded'*) R='load it: toa-node load, or deploy again' ;;
    *'build-id'*) R='another toa is in the kernel than the one that is installed: deploy again (with --replace-foreign if it is not ours)' ;;
    *) R='see dmesg and the selftest lines above; report them with the kernel release' ;;
    esac
}

require_proof() {
    prove "$1" "$2" && return 0
    explain_proof
    fail proof "the proof failed: $WHY" "$R"
}

selftest_policy() {
    if [ -n "$ALLOW_UNPROVEN" ]; then R=lenient; else R=strict; fi
}
