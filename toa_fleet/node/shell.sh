# SPDX-License-Identifier: GPL-2.0-only
# The shell as every part expects it: C locale, a full PATH, nothing of others'.

umask 022
LC_ALL=C
PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export LC_ALL PATH
IFS=" $TAB$NL"
# What an operator's shell, or a hook of git's, could have set for others.
unset CDPATH ENV GREP_OPTIONS POSIXLY_CORRECT TAR_OPTIONS GZIP BZIP2 XZ_OPT XZ_DEFAULTS
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEFILES ARCH CROSS_COMPILE KBUILD_OUTPUT KBUILD_EXTMOD KBUILD_VERBOSE
unset KCFLAGS KCPPFLAGS KAFLAGS CFLAGS CPPFLAGS LDFLAGS CC LLVM LLVM_IAS W C V O M
unset CPATH C_INCLUDE_PATH LIBRARY_PATH INSTALL_MOD_PATH INSTALL_PATH LOCALVERSION
CR=$(printf '\r')
CONTROLS=$(printf '\001-\037\177')
