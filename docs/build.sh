#!/bin/sh
# Builds the book into target/book. A warning is an error. Links are checked by `cargo test --test docs`, which needs no book.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# Where .ci/run keeps the tools that it builds.
PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/tools/bin"

command -v mdbook >/dev/null || {
    echo "error: there is no mdbook on PATH; install it: cargo install --locked mdbook@0.5.4" >&2
    exit 1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
status=0
mdbook build "$HERE" >"$log" 2>&1 || status=$?
cat "$log" >&2
[ $status = 0 ] || exit $status
if grep -Eq '^ *(WARN|ERROR)' "$log"; then
    echo "error: the book has warnings" >&2
    exit 1
fi
