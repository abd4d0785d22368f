#!/bin/sh
# Fetches the voices of `make bench-screen` and the programs that it needs, from Debian packages; nothing is installed.
#
#   tools/greetings/voices.sh        fetch what is missing, print the folder on stdout
#
# The ordinary apt client downloads (apt-get download), dpkg-deb unpacks into ${XDG_CACHE_HOME:-~/.cache}/aftertone/voices
# (125 MB to load, 170 MB unpacked). What is unpacked of a package is unpacked beside its place and renamed, so that what
# looks finished is. VOICES says which version of which package is there: the same versions and the same seed give the same calls.
#
# espeak-ng is used as it is installed: it needs more libraries than a folder of our own should hold.
set -eu

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
VOICES="$CACHE/voices"
SOUNDS=./usr/share/asterisk/sounds

main() {
    command -v espeak-ng >/dev/null || die "espeak-ng is missing; install it: apt-get install espeak-ng"
    mkdir -p "$VOICES/deb"
    exec 8>"$CACHE/voices.lock"
    flock 8
    # package, then what is wanted of it; the licences are in each package's debian/copyright, unpacked with it.
    unpack asterisk-core-sounds-en-wav "$SOUNDS/en_US_f_Allison/*"
    unpack asterisk-core-sounds-es-wav "$SOUNDS/es_MX_f_Allison/*"
    unpack asterisk-core-sounds-fr-wav "$SOUNDS/fr_CA_f_June/*"
    unpack asterisk-core-sounds-it-wav "$SOUNDS/it_IT_m_Carlo/*"
    unpack asterisk-core-sounds-ru-wav "$SOUNDS/ru_RU_f_IvrvoiceRU/*"
    unpack asterisk-moh-opsound-wav "./usr/share/asterisk/moh/*.wav"
    unpack flite "./usr/bin/flite"
    unpack libflite1 "./usr/lib/*"
    unpack libgsm-tools "./usr/bin/*"
    unpack libgsm1 "./usr/lib/*"
    echo "$VOICES"
}

# unpack PACKAGE PATTERN: the files of a package that match, and its copyright, into $VOICES/PACKAGE.
unpack() {
    [ -d "$VOICES/$1" ] && return
    if ! ls "$VOICES/deb/$1"_*.deb >/dev/null 2>&1; then
        say "fetching $1"
        (cd "$VOICES/deb" && apt-get -q download "$1" >&2) ||
            die "apt-get could not download $1; is 'apt-get update' due, and are these Debian sources?"
    fi
    work="$VOICES/.unpack"
    rm -rf "$work"
    mkdir "$work"
    dpkg-deb --fsys-tarfile "$VOICES/deb/$1"_*.deb |
        tar -x -C "$work" --wildcards "$2" "./usr/share/doc/$1/copyright"
    for deb in "$VOICES/deb/$1"_*.deb; do dpkg-deb -W "$deb"; done >"$work/VERSION"
    mv "$work" "$VOICES/$1"
    rm "$VOICES/deb/$1"_*.deb
}

say() { echo "voices: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
