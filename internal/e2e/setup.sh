#!/usr/bin/env bash
# Installs the components of the end-to-end tests: Debian's packages, and cosign's
# command in two versions, which is built into the directory given, else into bin at
# the top of the repository. It does nothing, and needs no network, where they are
# there already.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=${1:-$here/../../bin}

packages=(
  # Registry, engines and image tools that the tests run.
  docker-registry # the registry
  apache2-utils   # htpasswd: its users
  docker.io       # dockerd and docker; brings containerd
  podman          # brings conmon
  runc            # runs the containers of both, and a bundle by itself
  skopeo          # reads and copies every kind of archive
  umoci           # unpacks an image into a bundle
  # What the bases of the tests are made of.
  base-files base-passwd busybox-static ca-certificates tzdata
  # The go command: go test -race needs a C compiler, the tests a repository.
  gcc git libc6-dev
  # The tests look for processes that were left behind.
  procps
)

fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "the end-to-end tests run on Debian, this system has no dpkg and apt-get" \
    "to run the other tests: make unit"

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
tools() { "$here/tools.sh" "$bin" cosign-2 cosign-3; }
if [ ${#missing[@]} = 0 ]; then
  tools
  exit
fi

. /etc/os-release
[ "${ID:-}" = debian ] && [ "${VERSION_ID:-0}" -ge 12 ] ||
  fail "the end-to-end tests are made for Debian 12 and newer, this is ${PRETTY_NAME:-an unknown system}" \
    "install what corresponds to: ${missing[*]}"
[ "$(id -u)" = 0 ] ||
  fail "these packages are missing, and only root can install them: ${missing[*]}" \
    "run as root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"

# The tests start daemons of their own: no service is to start on installation.
# /usr/sbin/policy-rc.d is where Debian's packages ask for that.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -q -y --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}"
tools
