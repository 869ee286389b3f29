# SPDX-License-Identifier: GPL-2.0-only
# The system's package manager, asked and told; on a tree (--root) inside of it.
#
# A package manager is a file of its own that says register_package_manager NAME
# COMMAND FAMILY, and has
#   ask_NAME PACKAGES       would it install these? With what it knows already
#   refresh_NAME            gets fresh lists
#   install_NAME PACKAGES   installs them
#   PM        the one of this system, or empty; PM_SAID: its words

PM_ASK_SECONDS=600
PM_INSTALL_SECONDS=3600
PACKAGE_MANAGERS=

# FAMILY: whose systems have it, as find_package_family says.
register_package_manager() {
    PACKAGE_MANAGERS="$PACKAGE_MANAGERS $1:$2:$3"
}

# The first in the list of contents that this family has, and that is here; of all
# where nothing is known of the family.
find_package_manager() {
    PM=
    find_package_family
    manager_family=$R
    for manager_entry in $PACKAGE_MANAGERS; do
        manager_command=${manager_entry#*:}
        case $manager_family in
        "${manager_entry##*:}" | unknown) ;;
        *) continue ;;
        esac
        in_root_have "${manager_command%%:*}" && PM=${manager_entry%%:*} && return
    done
}

# Runs it for at most $1 seconds, in the tree; its words go to PM_SAID.
manager() {
    manager_seconds=$1
    shift
    # Stops needrestart from restarting services and debconf from asking; apt's
    # helpers are no root and cannot write to our directory for temporary files.
    # (Not just empty: dnf5 takes that for a path.)
    run_logged "$STAGE/manager.log" "$manager_seconds" ${ROOT:+chroot "$ROOT"} env -u TMPDIR LC_ALL=C LANG=C \
        DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 ZYPP_LOCK_TIMEOUT=0 "$@"
    manager_status=$?
    cat "$STAGE/manager.log" >&2
    PM_SAID=$(tail -c 100000 "$STAGE/manager.log")
    return "$manager_status"
}

# The same for what must not be cut off in its middle: a package manager that is
# killed leaves half-installed packages behind.
manager_uninterrupted() {
    trap '' HUP INT TERM PIPE
    manager "$PM_INSTALL_SECONDS" "$@"
    uninterrupted_status=$?
    catch_signals
    return "$uninterrupted_status"
}

# The paths of the staging as a command in the tree sees them.
staged() {
    R=${STAGE#"$ROOT"}/$1
}

is_busy() {
    case $PM_SAID in
    *'ould not get lock'* | *'nable to lock'* | *'nother app is currently holding'* | *'nother copy is running'* | \
        *'already running as pid'* | *'aiting for process with pid'* | *'ystem management is locked'* | \
        *'already locked by'* | *'btain the transaction lock'* | *'ransaction lock. Another'* | *"create transaction lock"* | *'is another process using it'*) return 0 ;;
    esac
    return 1
}

is_not_found() {
    case $PM_SAID in
    *'nable to locate package'* | *'no installation candidate'* | *'No package '*' available'* | \
        *'nable to find a match'* | *'o match for argument'* | *'ouldn'?'t find any package'* | \
        *"No provider of"* | *"' not found."* | *'ersion '*' for '*' was not found'* | *'Nothing to do'*) return 0 ;;
    esac
    return 1
}
