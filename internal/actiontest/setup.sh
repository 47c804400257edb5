#!/usr/bin/env bash
# Builds the two tools that the tests of the GitHub Action run: actionlint, which
# checks workflows, and act, which runs them. They go to the directory given, else
# to bin at the top of the repository. It does nothing, and needs no network, where
# they are there already in the right version.
set -euo pipefail

bin=${1:-$(cd "$(dirname "$0")/../.." && pwd)/bin}
mkdir -p "$bin"

# The machine's own settings of the go command don't matter here; where a build is
# for another platform, it is not for these tools.
export GOENV=off GOFLAGS= GOWORK=off GOBIN=$bin
unset GOOS GOARCH

install() {
  local package=$1 module=$2 version=$3 file=$bin/${1##*/}
  if go version -m "$file" 2>/dev/null | awk -F '\t' -v m="$module" -v v="$version" \
    '$2 == "mod" && $3 == m && $4 == v { found = 1 } END { exit !found }'; then
    return
  fi
  echo "setup: building ${package##*/} $version, which takes a few minutes the first time" >&2
  # Reproducible and small; niced, since it takes every core for a while.
  nice go install -trimpath -ldflags '-s -w' "$package@$version"
}

install github.com/rhysd/actionlint/cmd/actionlint github.com/rhysd/actionlint v1.7.12
install github.com/nektos/act github.com/nektos/act v0.2.89
