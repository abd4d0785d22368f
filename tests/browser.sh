#!/bin/sh
# Tries the dashboard in a real browser: a `serve` of this checkout on a lab of its own, real calls, and Debian's Chromium.
#
#   tests/browser.sh [PART...]
#
# PARTs are those of tests/browser/run.mjs; without one, all. SHOTS=1 writes the pictures of README and book into docs/src/images.
# PROOF=1: the long form, in which the live page is looked at for ten minutes.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
ROOT=$(CDPATH='' cd -- "$HERE/.." && pwd)
LABS="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/lab"

main() {
    cd "$ROOT"
    cargo build --locked --quiet --bin aftertone
    program="${CARGO_TARGET_DIR:-$ROOT/target}/debug/aftertone"
    # From the lock: nothing is newer than what was tried. No package runs anything of its own.
    npm ci --prefix tests/browser --silent --no-fund --no-audit --ignore-scripts

    take_name
    folder=$(mktemp -d)
    trap 'tests/lab/lab.sh down --name $lab; rm -rf "$folder"' EXIT
    trap 'exit 130' INT TERM
    tests/lab/lab.sh down --name "$lab" >/dev/null
    tests/lab/lab.sh up --name "$lab"
    espeak-ng -w "$folder/spoken.wav" "Hello. This is the dental practice in Mill Lane. Your appointment is on Tuesday at ten. \
If that does not suit you, please call us back. Goodbye."
    PROGRAM="$program" CONFIG="$LABS/$lab/aftertone.toml" FOLDER="$folder" node tests/browser/run.mjs "$@"

    # The many drops come of a PBX that is played.
    [ $# -gt 0 ] || cargo test --locked --quiet ${PROOF:+--profile bench} --test it -- \
        --ignored --exact --nocapture browser::the_live_page_stays_calm
}

# The first of the names browser, browser-2 and so on that no other run has. The lock goes with this script.
take_name() {
    mkdir -p "$LABS"
    lab=browser
    nth=1
    until exec 9>"$LABS/$lab.in-use" && flock -n 9; do
        nth=$((nth + 1))
        lab=browser-$nth
    done
}

main "$@"
