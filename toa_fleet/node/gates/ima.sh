# SPDX-License-Identifier: GPL-2.0-only
# IMA appraisal: does the kernel want a signature of its own in toa.ko's attributes?

register_gate ima load unsigned

# The policy in force can be read by root where the kernel was built so; else what the
# command line asks for is all that is known. "appraise ... func=MODULE_CHECK" takes
# security.ima, and where it says so (modsig) the module's own signature.
gate_ima() {
    R=open
    [ "$NEW_IS_SIGNED" != yes ] || return 0
    first_line "$ROOT/proc/cmdline"
    ima_words=" $R "
    case $ima_words in
    *' ima_appraise=off '* | *' ima_appraise=log '* | *' ima_appraise=fix '*) R=open && return ;;
    esac
    ima_rule=$(grep '^appraise .*func=MODULE_CHECK' "$ROOT/sys/kernel/security/ima/policy" 2>/dev/null | head -n 1)
    R=open
    if [ -n "$ima_rule" ]; then
        R="closed: IMA appraises modules here ($ima_rule), and toa.ko has no signature; sign it with a key that this kernel trusts (sign-file for modsig, evmctl ima_sign for security.ima)"
        return
    fi
    case $ima_words in
    *' ima_policy='*secure_boot*) R="unknown: the kernel was started with ima_policy=secure_boot, which takes only modules that are signed for IMA, and the policy in force cannot be read here" ;;
    esac
}
