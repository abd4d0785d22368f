#!/bin/sh
# Tries what tools/release.sh has made in target/release-VERSION: every file of it.
#
#   tests/release.sh [PROFILE]    cargo's profile for the source that is unpacked: `release` unless given
#
# Needs root, or sudo without a password: the static program runs in a root of its own.
set -eu

cd "$(dirname "$0")/.."
TOP=$(pwd)
PROFILE=${1:-release}

main() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || die "this needs root (chroot); run as root or allow passwordless sudo"
        sudo='sudo -n'
    fi
    tests/setup.sh build package release
    version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    out=$TOP/target/release-$version
    [ -d "$out" ] || die "there is no $out: make release"
    work=$(mktemp -d)
    child=
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    checksums
    static_program
    package
    book
    bill_of_materials
    source_archive
    say "passed: $version"
}

# Of every file, and of no other.
checksums() {
    (cd "$out" && sha256sum --quiet --strict -c SHA256SUMS) || die "the checksums do not fit"
    [ "$(cd "$out" && ls | grep -vx SHA256SUMS | sort)" = "$(sed 's/^[0-9a-f]* [ *]//' "$out/SHA256SUMS" | sort)" ] ||
        die "SHA256SUMS does not name every file"
    say "the checksums fit"
}

# In a root where nothing else is, not even a folder.
static_program() {
    for archive in "$out"/aftertone-"$version"-*-musl.tar.gz; do
        [ -e "$archive" ] || die "there is no static program"
    done
    root=$work/root
    mkdir "$root"
    tar -xzf "$archive" -C "$root"
    alone --version | grep -qx "aftertone $version" || die "the static program does not say its version"
    $sudo env -i AFTERTONE__SERVE__LISTEN=127.0.0.1:0 AFTERTONE__STORE__URL=sqlite:/aftertone.db \
        PATH="$PATH:/usr/sbin" chroot "$root" /aftertone serve >"$work/out" 2>"$work/err" &
    child=$!
    began=$(date +%s)
    until url=$(sed -n 's/^listening on //p' "$work/out") && [ -n "$url" ]; do
        kill -0 "$child" 2>/dev/null && [ $(($(date +%s) - began)) -lt 60 ] || die "it does not listen: $(cat "$work/err")"
        sleep 0.1
    done
    curl -sf "$url/readyz" | grep -q '"ready":true' || die "it is not ready: $(curl -s "$url/readyz")"
    $sudo pkill -TERM -P "$child" -x aftertone 2>/dev/null || $sudo kill -TERM "$child"
    status=0
    wait "$child" || status=$?
    child=
    [ "$status" = 0 ] || die "it ends with status $status: $(cat "$work/err")"
    say "the static program serves in an empty root"
}

alone() { $sudo env -i PATH="$PATH:/usr/sbin" chroot "$root" /aftertone "$@"; }

package() {
    for deb in "$out"/aftertone_"$version"-1_*.deb; do [ -e "$deb" ] || die "there is no package"; done
    LC_ALL=C.UTF-8 lintian --allow-root --fail-on error,warning "$deb" >&2 || die "lintian has found something"
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work" ./usr/bin/aftertone
    "$work/usr/bin/aftertone" --version | grep -qx "aftertone $version" || die "the package's program is of another version"
    say "the package is as lintian wants it"
}

book() {
    mkdir "$work/unpacked"
    tar -xzf "$out/aftertone-$version-book.tar.gz" -C "$work/unpacked"
    [ -s "$work/unpacked/book/index.html" ] && [ -s "$work/unpacked/book/reference/cli.html" ] || die "the book has no pages"
    say "the book has $(find "$work/unpacked/book" -name '*.html' | wc -l) pages"
}

# Whole, and as cargo says what is built; the crates of databases that are not used are not.
bill_of_materials() {
    python3 - "$out/aftertone-$version.cdx.json" "$version" >"$work/named" <<'PYTHON'
import json, sys
bill = json.load(open(sys.argv[1]))
assert bill["bomFormat"] == "CycloneDX" and bill["metadata"]["component"]["version"] == sys.argv[2]
for part in bill["components"]:
    # What is in this repository has no checksum in the lock.
    is_own = part["name"].startswith("aftertone-")
    assert part["purl"] and (is_own or part["hashes"]) and part["licenses"], part
    print(part["name"], "v" + part["version"])
PYTHON
    cargo tree --locked --edges normal --prefix none --package aftertone | sed 's/ (.*//' | grep -v '^aftertone ' | sort -u >"$work/linked"
    ! grep -q '^sqlx-mysql ' "$work/named" || die "the bill of materials names what is not built"
    sort -u "$work/named" | diff - "$work/linked" >&2 || die "the bill of materials does not name what is linked"
    say "the bill of materials names $(wc -l <"$work/linked") crates"
}

source_archive() {
    tar -xzf "$out/aftertone-$version-source.tar.gz" -C "$work"
    (cd "$work/aftertone-$version" && CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$TOP/target}" \
        cargo build --locked --quiet --profile "$PROFILE" --bin aftertone) || die "the source does not build"
    say "the source builds"
}

tidy() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$child" ] || $sudo kill "$child" 2>/dev/null || true
    $sudo rm -rf --one-file-system "$work"
    [ "$status" = 0 ] || say "failed"
    exit "$status"
}

say() { echo "release: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main
