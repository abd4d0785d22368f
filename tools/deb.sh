#!/bin/sh
# Makes the package for Debian from a program that is built: target/debian/aftertone_VERSION-1_ARCH.deb.
#
#   tools/deb.sh [PROFILE]    cargo's profile: `release` unless given; the program is built if it is not there or not current
#
# It needs cargo-deb: cargo install --locked cargo-deb. Man pages and completions come from the program itself.
set -eu

cd "$(dirname "$0")/.."
PROFILE=${1:-release}
TARGET=${CARGO_TARGET_DIR:-target}

main() {
    command -v cargo-deb >/dev/null || die "there is no cargo-deb on PATH: cargo install --locked cargo-deb"
    cargo build --locked --quiet --profile "$PROFILE" --bin aftertone
    folder=$PROFILE
    [ "$PROFILE" != dev ] || folder=debug
    program="$TARGET/$folder/aftertone"

    # Below `target` wherever cargo builds: that is what Cargo.toml names.
    rm -rf target/package
    mkdir -p target/package
    "$program" manual target/package
    version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    printf 'aftertone (%s-1) unstable; urgency=medium\n\n  * Version %s: /usr/share/doc/aftertone/README.md names the list of changes.\n\n -- The Aftertone authors <aftertone@invalid.invalid>  %s\n' \
        "$version" "$version" "$(date -R -u -d "@$(git log -1 --format=%ct 2>/dev/null || date +%s)")" >target/package/changelog
    # Only what is given to others is compressed as well as can be.
    fast=--fast
    [ "$PROFILE" != release ] || fast=
    # shellcheck disable=SC2086  # nothing, or an option
    cargo deb --locked --no-build --quiet $fast --profile "$PROFILE" --output target/debian/ >/dev/null
    ls -t target/debian/*.deb | head -n 1
}

die() {
    echo "error: $*" >&2
    exit 1
}

main
