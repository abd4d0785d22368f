#!/bin/sh
# What the lab's Asterisk containers run: the native lab's configuration, rendered for a network of containers.
#
#   container.sh run pbx|carrier       render the configuration, then become Asterisk
#   container.sh healthy pbx|carrier   whether that server takes calls, for the health check
#
# Volumes, shared with the other containers (docker-compose.yml):
#   /run/aftertone              the PBX's ARI password, made here unless ARI_PASSWORD is given
#   /var/lib/aftertone/sounds   prepared messages
#   /var/lib/aftertone/calls    recordings and the call log of the carrier
set -eu

STATE=/var/lib/aftertone/asterisk
SECRET=/run/aftertone/ari-password
CALLS=/var/lib/aftertone/calls
CONF=/usr/share/aftertone/asterisk-conf

main() {
    [ $# = 2 ] || die "usage: container.sh run|healthy pbx|carrier"
    case $1-$2 in
    run-pbx) pbx ;;
    run-carrier) carrier ;;
    healthy-pbx) trunk_reachable ;;
    healthy-carrier) console "core waitfullybooted" | grep -q 'fully booted' ;;
    *) die "unknown: $1 $2" ;;
    esac
}

pbx() {
    umask 077
    if [ -n "${ARI_PASSWORD:-}" ]; then
        printf %s "$ARI_PASSWORD" >"$SECRET"
    elif [ ! -s "$SECRET" ]; then
        od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$SECRET"
    fi
    # The address is the container's: only what docker-compose.yml publishes leaves the lab's network.
    HTTP_ADDR=0.0.0.0 ARI_PASSWORD="$(cat "$SECRET")" SIP_ADDR=0.0.0.0 TRUNK_NAME=carrier TRUNK_HOST=carrier \
        STOCK_DIR=/usr/share/aftertone-stock STATE_DIR="$STATE" "$CONF/render.sh" lab-pbx "$STATE/etc"
    become_asterisk
}

carrier() {
    mkdir -p "$CALLS/recordings"
    SIP_ADDR=0.0.0.0 STATE_DIR="$STATE" RECORDINGS_DIR="$CALLS/recordings" CALLS_LOG="$CALLS/calls.log" \
        "$CONF/render.sh" lab-carrier "$STATE/etc"
    ln -sfn /usr/share/aftertone/sounds "$STATE/sounds"
    become_asterisk
}

become_asterisk() {
    # The password is in the rendered files; it need not be in the environment as well.
    unset ARI_PASSWORD
    mkdir -p "$STATE/run" "$STATE/log/cdr-csv" "$STATE/spool" "$STATE/db" "$STATE/keys"
    exec asterisk -f -q -C "$STATE/etc/asterisk.conf"
}

# Asks again at once if the first answer was missed; by itself the PBX would ask after half a minute.
trunk_reachable() {
    console "pjsip show contacts" | grep -q ' Avail ' && return
    console "pjsip qualify carrier" >/dev/null
    return 1
}

console() { asterisk -C "$STATE/etc/asterisk.conf" -rx "$1"; }

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
