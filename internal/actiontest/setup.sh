#!/usr/bin/env bash
# Builds the two tools that the tests of the GitHub Action run: actionlint, which
# checks workflows, and act, which runs them. They go to the directory given, else
# to bin at the top of the repository.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
"$here/../e2e/tools.sh" "${1:-$here/../../bin}" actionlint act
