#!/bin/sh
# Makes all that a release consists of, into target/release-VERSION: the source as an archive, the package for Debian, the program as one
# static file, the book, the bill of materials, and checksums of them all.
#
#   tools/release.sh [--draft [PROFILE]]    --draft: from a work tree with changes, and without the tag. PROFILE: cargo's, of the programs;
#                                           `release` unless given, and only a draft may have another
#
# The version is that of Cargo.toml, and of nothing else. ADVISORIES=DIR has `cargo deny` look advisories up in a copy of their database that
# was fetched before (its git repository, or a folder that holds it); without it that step is left out, and says so.
# It needs cargo-deb, cargo-deny and mdbook on PATH, and for the static program the target x86_64-unknown-linux-musl (or of this machine)
# and musl-tools.
set -eu

cd "$(dirname "$0")/.."
TARGET=${CARGO_TARGET_DIR:-target}

main() {
    draft=
    profile=release
    if [ "${1:-}" = --draft ]; then
        draft=1
        profile=${2:-release}
    elif [ $# != 0 ]; then
        die "usage: tools/release.sh [--draft [PROFILE]]"
    fi
    version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    check
    out=target/release-$version
    rm -rf "$out"
    mkdir -p "$out"
    # What is made has the time of the commit, so that two makings are the same.
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH

    advisories
    source_archive
    static_program
    package
    book
    bill_of_materials
    (cd "$out" && sha256sum -- * >SHA256SUMS && sha256sum --quiet -c SHA256SUMS)
    say "made $(ls "$out" | wc -l) files in $out"
    ls -l "$out" >&2
}

# One version, one state of the source.
check() {
    grep -q "^name = \"aftertone\"$" Cargo.lock &&
        sed -n '/^name = "aftertone"$/{n;p;}' Cargo.lock | grep -qx "version = \"$version\"" ||
        die "Cargo.lock has another version than Cargo.toml ($version): cargo update --workspace"
    grep -q "^## $version" CHANGELOG.md || die "CHANGELOG.md says nothing of $version"
    [ -z "$draft" ] || return 0
    [ -z "$(git status --porcelain)" ] || die "the work tree has changes; --draft goes on with what is committed"
    ! grep -q "^## $version, not released yet" CHANGELOG.md || die "CHANGELOG.md: the date of $version is missing"
    [ "$(git tag --points-at HEAD)" = "v$version" ] || die "this commit is not tagged v$version"
}

advisories() {
    if [ -z "${ADVISORIES:-}" ]; then
        say "advisories are not looked up: ADVISORIES=DIR names a copy of their database"
        return
    fi
    [ -d "$ADVISORIES" ] || die "there is no folder $ADVISORIES"
    # cargo-deny looks below `db-path` for a folder that is named after the database's own address.
    home=$(mktemp -d)
    trap 'rm -rf "$home"' EXIT
    mkdir "$home/db"
    if [ -d "$ADVISORIES/crates" ]; then
        ln -s "$(readlink -f "$ADVISORIES")" "$home/db/advisory-db-3157b0e258782691"
    else
        rmdir "$home/db"
        ln -s "$(readlink -f "$ADVISORIES")" "$home/db"
    fi
    cp .deny.toml "$home/deny.toml"
    printf '\n[advisories]\ndb-path = "%s"\n' "$home/db" >>"$home/deny.toml"
    cargo deny --locked --offline --config "$home/deny.toml" check --hide-inclusion-graph advisories
    say "no advisory of $ADVISORIES is about what is used"
}

source_archive() {
    name=aftertone-$version
    git archive --format=tar --prefix="$name/" HEAD | gzip -9n >"$out/$name-source.tar.gz"
}

# Without a target for musl there is no static program; the package and the source are a release all the same.
static_program() {
    musl=$(rustc -vV | sed -n 's/^host: \(.*\)-gnu$/\1-musl/p')
    if ! rustc --print target-libdir --target "$musl" 2>/dev/null | xargs -r ls >/dev/null 2>&1; then
        [ -n "$draft" ] || die "the target $musl is not installed: rustup target add $musl"
        say "no static program: the target $musl is not installed (rustup target add $musl)"
        return
    fi
    command -v musl-gcc >/dev/null || die "there is no musl-gcc on PATH: apt-get install musl-tools"
    cargo build --locked --quiet --profile "$profile" --target "$musl" --bin aftertone
    folder=$profile
    [ "$profile" != dev ] || folder=debug
    program=$TARGET/$musl/$folder/aftertone
    ! ldd "$program" 2>/dev/null | grep -q '=>' || die "$program is not static"
    "$program" --version | grep -qx "aftertone $version" || die "$program is of another version"
    tar -c --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$TARGET/$musl/$folder" aftertone |
        gzip -9n >"$out/aftertone-$version-$musl.tar.gz"
}

package() {
    deb=$(tools/deb.sh "$profile")
    dpkg-deb -f "$deb" Version | grep -qx "$version-1" || die "$deb is of another version"
    cp "$deb" "$out/"
}

book() {
    make book >/dev/null
    tar -c --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C target book |
        gzip -9n >"$out/aftertone-$version-book.tar.gz"
}

bill_of_materials() {
    tools/sbom.py >"$out/aftertone-$version.cdx.json"
}

say() { echo "release: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
