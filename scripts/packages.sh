# shellcheck shell=bash
# Installing Debian packages, sourced by setup and test: only what is missing, without recommended packages, and
# without starting a service.

# Somebody else's implementations beside which ours is tested, or before which it stands. LAB_ORACLES are what
# `natlab check` measures with.
ORACLES=(python3-libtorrent conntrack curl coturn miniupnpd-nftables miniupnpc nginx-light openssl tinyproxy)
LAB_ORACLES=(natpmpc)

die() { echo "$(basename "$0"): $*" >&2; exit 1; }
as_root() { if ((EUID == 0)); then "$@"; else sudo -- "$@"; fi; }

missing_packages() { # NAME..: those that are not installed
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || echo "$name"
  done
}

update_lists() { # once a run
  [[ ! ${LISTS_ARE_FRESH-} ]] || return 0
  as_root apt-get -qq update || die "apt-get update failed; is the machine's Debian mirror reachable?"
  LISTS_ARE_FRESH=1
}

# A package's service would be started by its installation; a policy-rc.d that says 101 forbids that while we install.
install_packages() { # NAME[/SUITE]..
  local policy=/usr/sbin/policy-rc.d ours='' status=0 log
  (($#)) || return 0
  command -v apt-get >/dev/null || die "needs a Debian 12 with apt-get to install: $*"
  ((EUID == 0)) || command -v sudo >/dev/null || die "run as root, or install sudo: these are missing: $*"
  update_lists
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    ours=1
  fi
  echo "installing: $*" >&2
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
    -y --no-install-recommends install "$@" >"$log" 2>&1 || status=$?
  [[ ! $ours ]] || as_root rm -f "$policy"
  ((status == 0)) || { tail -n 20 "$log" >&2; die "apt-get could not install: $*"; }
  rm -f "$log"
}

# Adds the backports suite of the very mirror that this machine already uses for bookworm. Backports never replace a
# package unasked (they are NotAutomatic): only what is named with /bookworm-backports comes from there.
add_backports() {
  local uri list=/etc/apt/sources.list.d/turnpike-backports.list
  update_lists
  ! apt-get indextargets --format '$(CODENAME)' | grep -qx bookworm-backports || return 0
  uri=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 'Component: main' |
    sed -n 's/^bookworm //p' | head -n1)
  [[ $uri ]] || die "no apt source for Debian 12 (bookworm) main found on this machine"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri bookworm-backports main" |
    as_root tee "$list" >/dev/null
  LISTS_ARE_FRESH=
}
