#!/usr/bin/env bash
# Install the Debian packages that are needed and missing; nothing else in the set-up uses sudo.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin
PYTHON=${PYTHON:-python3}

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

have() { command -v "$1" >/dev/null; }

require_recent_python() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die \
        "Python 3.11 or later is needed, and $PYTHON is $("$PYTHON" --version 2>&1)." \
        "Debian 12 and Ubuntu 24.04 bring a recent one. If you have another, name it: make PYTHON=/path/to/python3"
}

missing=()
have ip || missing+=(iproute2)
have nft || missing+=(nftables)
have sysctl || missing+=(procps)
[[ -e /etc/protocols ]] || missing+=(netbase)  # or nft would print 6 for tcp
[[ $(ldconfig -p) == *libnftables.so.1* ]] || missing+=(libnftables1)
[[ $(ldconfig -p) == *libpcap.so.* ]] || missing+=(libpcap0.8)  # for `netbuilder capture --filter`

if have "$PYTHON"; then
    require_recent_python
    # Debian keeps ensurepip, without which a virtual environment has no pip, in a package of its own.
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        missing+=("$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
elif [[ $PYTHON == python3 ]]; then
    missing+=(python3 python3-venv)
else
    die "PYTHON=$PYTHON: there is no such program."
fi

if ((${#missing[@]} == 0)); then
    exit
fi

have apt-get || die "Missing, and without apt-get not installed here; by Debian's names: ${missing[*]}"

ask_administrator() {
    die "These Debian packages are missing: ${missing[*]}" \
        "Run this as root, or have an administrator run it, then start again:" \
        "    apt-get update && apt-get install --no-install-recommends ${missing[*]}"
}

as_root=(env DEBIAN_FRONTEND=noninteractive)
if ((EUID == 0)); then
    echo "Installing Debian packages: ${missing[*]}"
elif have sudo; then
    echo "Installing Debian packages, and using sudo for these only: ${missing[*]}"
    as_root=(sudo "${as_root[@]}")
else
    ask_administrator
fi

# A machine's package lists may be missing (the dry run fails) or out of date (the download fails).
install=(apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}")
if ! "${install[@]}" --simulate >/dev/null 2>&1 || ! "${as_root[@]}" "${install[@]}" >/dev/null; then
    { "${as_root[@]}" apt-get update && "${as_root[@]}" "${install[@]}"; } >/dev/null || ask_administrator
fi

require_recent_python
