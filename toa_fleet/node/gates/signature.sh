# SPDX-License-Identifier: GPL-2.0-only
# module.sig_enforce.

register_gate signature load unsigned

gate_signature() {
    first_line "$ROOT/sys/module/module/parameters/sig_enforce"
    case $R$NEW_IS_SIGNED in
    Yyes) R='unknown: this kernel takes only signed modules; whether it trusts this signer shows when it loads' ;;
    Y*) R='closed: this kernel takes only signed modules and toa.ko has no signature; sign it with a key that the kernel trusts (mokutil --import), or turn module.sig_enforce or Secure Boot off' ;;
    *) R=open ;;
    esac
}
