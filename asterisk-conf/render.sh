#!/bin/sh
# Writes finished Asterisk configuration from the templates beside it, filling in every @NAME@ from the environment.
#
#   render.sh pbx DIR           what a user adds to their own PBX (asterisk-conf/pbx)
#   render.sh lab-pbx DIR       the lab's PBX: a stock configuration, these files added to it as a user adds them (install.sh),
#                               and what is the lab's alone
#   render.sh lab-carrier DIR   the lab's phone network and its subscribers
#
# Variables (default):
#   HTTP_ADDR (127.0.0.1), HTTP_PORT (8088)                address of ARI
#   ARI_USER (aftertone), ARI_PASSWORD (generated)         its user; a generated password is found in DIR/ari.conf
#   TRUNK_NAME (trunk), TRUNK_HOST, TRUNK_PORT (5060)      the SIP trunk; TRUNK_HOST defaults to a name that never resolves
#   SIP_TRANSPORT (transport-udp)                          the transport the trunk uses
# and for the two lab servers:
#   STATE_DIR                                              run, log, spool and db folders of the server are made below it
#   SIP_ADDR (127.0.0.1), SIP_PORT (5060)                  address of SIP
#   RTP_START (10000), RTP_END (20000)                     its RTP ports
# and for the PBX of the lab:
#   STOCK_DIR                                              the configuration of Debian's package asterisk-config; without it a
#                                                          PBX that has none begins with empty files
# and for the carrier:
#   RECORDINGS_DIR, CALLS_LOG                              what subscribers hear, and the log of calls, as that server sees them
#   ITEMS_DIR                                              what is played to those who call for a benchmark; beside RECORDINGS_DIR
# In containers the addresses are 0.0.0.0 and TRUNK_HOST is the carrier's host name.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

main() {
    [ $# = 2 ] || die "usage: render.sh pbx|lab-pbx|lab-carrier DIR"
    out=$2
    : "${HTTP_ADDR:=127.0.0.1}" "${HTTP_PORT:=8088}" "${ARI_USER:=aftertone}" "${ARI_PASSWORD:=$(random_password)}"
    : "${TRUNK_NAME:=trunk}" "${TRUNK_HOST:=sip.example.invalid}" "${TRUNK_PORT:=5060}" "${SIP_TRANSPORT:=transport-udp}"
    : "${SIP_ADDR:=127.0.0.1}" "${SIP_PORT:=5060}" "${RTP_START:=10000}" "${RTP_END:=20000}"
    : "${STATE_DIR:=}" "${STOCK_DIR:=}" "${RECORDINGS_DIR:=}" "${CALLS_LOG:=}"
    : "${ITEMS_DIR:=${RECORDINGS_DIR%/*}/items}"
    # The files hold a password.
    umask 077
    mkdir -p "$out"
    case $1 in
    pbx)
        render "$HERE"/pbx/*.conf
        ;;
    lab-pbx)
        need STATE_DIR
        lab_pbx
        ;;
    lab-carrier)
        need STATE_DIR
        need RECORDINGS_DIR
        need CALLS_LOG
        render "$HERE"/pbx/amd.conf "$HERE"/carrier/shared/*.conf "$HERE"/carrier/*.conf
        leave_empty
        ;;
    *) die "unknown target $1: give pbx, lab-pbx or lab-carrier" ;;
    esac
}

# Stock first, then what a user does, then what is the lab's alone: folders, modules, ports, logs, and the trunk.
lab_pbx() {
    if [ -n "$STOCK_DIR" ]; then
        cp -R "$STOCK_DIR/." "$out"
    else
        render "$HERE"/carrier/shared/indications.conf
        : >"$out/extensions.conf"
        : >"$out/pjsip.conf"
    fi
    leave_empty
    export HTTP_ADDR HTTP_PORT ARI_USER ARI_PASSWORD TRUNK_NAME TRUNK_HOST TRUNK_PORT SIP_TRANSPORT
    "$HERE/install.sh" "$out"
    for template in "$HERE"/carrier/shared/*.conf; do
        [ "${template##*/}" = indications.conf ] || render "$template"
    done
    render "$HERE"/carrier/pbx/*.conf
    for name in extensions pjsip; do
        echo "#include ${name}_lab.conf" >>"$out/$name.conf"
    done
}

# Writes each of the templates to $out under its own name.
render() {
    script=$(for name in HTTP_ADDR HTTP_PORT ARI_USER ARI_PASSWORD TRUNK_NAME TRUNK_HOST TRUNK_PORT SIP_TRANSPORT \
        SIP_ADDR SIP_PORT RTP_START RTP_END STATE_DIR RECORDINGS_DIR CALLS_LOG ITEMS_DIR; do
        eval "value=\$$name"
        # shellcheck disable=SC2154  # assigned by the eval
        printf 's|@%s@|%s|g\n' "$name" "$(printf '%s' "$value" | sed 's/[\\&|]/\\&/g')"
    done)
    for template in "$@"; do
        sed "$script" "$template" >"$out/$(basename "$template")"
    done
}

# Files whose defaults are right, and without which Asterisk logs a warning or an error at each start.
leave_empty() {
    for name in acl ccss cel chan_websocket features geolocation manager pjproject udptl websocket_client; do
        [ -e "$out/$name.conf" ] || : >"$out/$name.conf"
    done
}

random_password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

need() {
    eval "value=\$$1"
    [ -n "$value" ] || die "$1 is not set; render.sh says what it is"
}

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
