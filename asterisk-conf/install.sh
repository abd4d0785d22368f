#!/bin/sh
# Adds to a PBX what aftertone needs on it: the files of asterisk-conf/pbx, filled in, and a line in those that include them.
#
#   install.sh DIR     DIR is the PBX's own configuration, usually /etc/asterisk
#
# It writes DIR/aftertone, adds lines at the end of DIR/extensions.conf, ari.conf and, if the HTTP server is still off, http.conf,
# and copies amd.conf if there is none. What is there already is left alone, so that it may run again; the password stays as well.
# Variables are those of render.sh.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

main() {
    [ $# = 1 ] || die "usage: install.sh DIR, where DIR is usually /etc/asterisk"
    etc=$1
    [ -d "$etc" ] || die "there is no folder $etc"
    : "${ARI_USER:=aftertone}"
    if [ -e "$etc/ari.conf" ] && grep -q "^ *\[$ARI_USER\]" "$etc/ari.conf"; then
        die "$etc/ari.conf itself has a user [$ARI_USER], and a second one would keep ARI from loading: remove it there, or set ARI_USER"
    fi
    if [ -z "${ARI_PASSWORD:-}" ] && [ -e "$etc/aftertone/ari.conf" ]; then
        ARI_PASSWORD=$(sed -n 's/^password = //p' "$etc/aftertone/ari.conf")
        export ARI_PASSWORD
    fi
    "$HERE/render.sh" pbx "$etc/aftertone"
    chown_like "$etc/aftertone"

    include extensions.conf extensions_aftertone.conf
    section_general ari.conf
    include ari.conf ari.conf
    # A server that is on stays as it is: its address may be one that others rely on.
    if ! grep -qsE '^ *enabled *=>? *(yes|true|on|1)' "$etc/http.conf"; then
        section_general http.conf
        include http.conf http.conf
    fi
    if [ ! -e "$etc/amd.conf" ]; then
        cp "$etc/aftertone/amd.conf" "$etc/amd.conf"
        chown_like "$etc/amd.conf"
    fi
}

# include FILE OURS: adds the line to FILE unless it has it.
include() {
    line="#include aftertone/$2"
    grep -qsxF "$line" "$etc/$1" || append "$1" "$line"
}

# `[general](+)` needs one to add to.
section_general() {
    grep -qs '^ *\[general\]' "$etc/$1" || append "$1" "[general]"
}

append() {
    new=
    [ -e "$etc/$1" ] || new=1
    # A last line without its end would take ours in.
    if [ -s "$etc/$1" ] && [ -n "$(tail -c 1 "$etc/$1")" ]; then
        echo >>"$etc/$1"
    fi
    echo "$2" >>"$etc/$1"
    if [ -n "$new" ]; then
        chown_like "$etc/$1"
        chmod 640 "$etc/$1"
    fi
}

# Asterisk has to read it: it gets the owner that the folder's own files have.
chown_like() {
    like=$etc
    for file in "$etc/asterisk.conf" "$etc/extensions.conf"; do
        [ ! -e "$file" ] || { like=$file && break; }
    done
    [ "$(id -u)" != 0 ] || chown -R --reference="$like" "$1"
}

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
