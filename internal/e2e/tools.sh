#!/usr/bin/env bash
# Builds tools that Debian doesn't have, in the versions below, into a directory:
# tools.sh DIR NAME... It does nothing, and needs no network, where they are there
# already. This is the place to raise the versions.
set -euo pipefail

# The machine's own settings of the go command don't matter here; where a build is
# for another platform, it is not for these tools.
export GOENV=off GOFLAGS= GOWORK=off CGO_ENABLED=0
unset GOOS GOARCH GOBIN

# install FILE PACKAGE VERSION
install() {
  local file=$1 package=$2 version=$3 scratch
  if go version -m "$file" 2>/dev/null | awk -F '\t' -v p="$package" -v v="$version" \
    '$2 == "path" && $3 == p { path = 1 } $2 == "mod" && $4 == v { mod = 1 } END { exit !(path && mod) }'; then
    return
  fi
  echo "setup: building ${file##*/} $version, which takes a few minutes the first time" >&2
  scratch=$(mktemp -d "$file.XXXXXX")
  # Reproducible and small; niced, since it takes every core for a while.
  if ! GOBIN=$scratch nice go install -trimpath -ldflags '-s -w' "$package@$version"; then
    rm -rf "$scratch"
    return 1
  fi
  mv "$scratch"/* "$file"
  rmdir "$scratch"
}

mkdir -p "$1"
bin=$(cd "$1" && pwd)
shift
for name; do
  case $name in
  actionlint) install "$bin/$name" github.com/rhysd/actionlint/cmd/actionlint v1.7.12 ;;
  act) install "$bin/$name" github.com/nektos/act v0.2.89 ;;
  cosign-2) install "$bin/$name" github.com/sigstore/cosign/v2/cmd/cosign v2.6.5 ;;
  cosign-3) install "$bin/$name" github.com/sigstore/cosign/v3/cmd/cosign v3.1.3 ;;
  syft) install "$bin/$name" github.com/anchore/syft/cmd/syft v1.57.0 ;;
  fulcio) install "$bin/$name" github.com/sigstore/fulcio v1.8.8 ;;
  *)
    echo "setup: there is no tool $name" >&2
    exit 2
    ;;
  esac
done
