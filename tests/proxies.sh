#!/bin/sh
# The service behind Debian's nginx and Caddy, with the configurations that the book shows (ops/proxy): the name it is reached by, whose address
# the audit log has, streams without a delay, large lists, and sessions.
#
#   tests/proxies.sh                  builds the program, if need be
#   PROGRAM=FILE tests/proxies.sh     one that is built already
#
# The proxies listen on free ports of 127.0.0.1, with a certificate made for the moment.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
NAME=dialler.example.com
PASSWORD='correct horse battery'

main() {
    cd "$HERE/.."
    "$HERE/setup.sh" build proxies
    if [ -z "${PROGRAM:-}" ]; then
        cargo build --locked --quiet --bin aftertone
        PROGRAM=${CARGO_TARGET_DIR:-target}/debug/aftertone
    fi
    program=$(readlink -f "$PROGRAM")
    work=$(mktemp -d)
    pids=
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$NAME" -addext "subjectAltName=DNS:$NAME" \
        -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    chmod 600 "$work/key.pem"

    inner=$(free)
    configure
    chmod 600 "$work/aftertone.toml"
    start serve aftertone serve
    until grep -q '^listening on ' "$work/serve.out"; do alive; done
    token=$(aftertone token add proxies --scope admin --json | sed 's/.*"token":"\([^"]*\)".*/\1/')
    link=$(aftertone user add ann --role admin --json | sed 's/.*welcome?code=\([^"&]*\)".*/\1/')

    begin_nginx
    through nginx "$port"
    begin_caddy
    through caddy "$port"
    say "passed"
}

begin_nginx() {
    port=$(free)
    {
        echo "daemon off; pid $work/nginx.pid; error_log $work/nginx.log;"
        echo "events {}"
        echo "http { access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;"
        echo "uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;"
        sed -e "s|listen 443|listen 127.0.0.1:$port|" -e "s|127.0.0.1:8090|127.0.0.1:$inner|" \
            -e "s|/etc/letsencrypt/live/$NAME/fullchain.pem|$work/cert.pem|" \
            -e "s|/etc/letsencrypt/live/$NAME/privkey.pem|$work/key.pem|" ops/proxy/nginx.conf
        echo "}"
    } >"$work/nginx.conf"
    start nginx nginx -c "$work/nginx.conf" -e "$work/nginx.log"
}

begin_caddy() {
    port=$(free)
    {
        printf '{\n\tadmin off\n\tauto_https disable_redirects\n}\n'
        sed -e "s|^$NAME {|$NAME:$port {\n\tbind 127.0.0.1\n\ttls $work/cert.pem $work/key.pem|" \
            -e "s|127.0.0.1:8090|127.0.0.1:$inner|" ops/proxy/Caddyfile
    } >"$work/Caddyfile"
    start caddy env HOME="$work" XDG_DATA_HOME="$work" XDG_CONFIG_HOME="$work" caddy run --config "$work/Caddyfile" --adapter caddyfile
}

# through NAME PORT: all that a proxy can break.
through() {
    proxy=$1 at=https://$NAME:$2
    until [ "$(status "$at/healthz")" != 000 ]; do alive; done

    # Without `public_url` it is a name that somebody else may have made to mean this machine.
    configure
    aftertone reload >/dev/null
    is 421 "$(status "$at/api/v1/campaigns" -H "Authorization: Bearer $token")" "a name that is not configured"
    configure "public_url = \"$at\""
    aftertone reload >/dev/null
    is 200 "$(status "$at/api/v1/campaigns" -H "Authorization: Bearer $token")" "the name of public_url"

    # Whose address is in the audit log: the client's, whatever it says itself.
    is 201 "$(status "$at/api/v1/campaigns" -X POST --interface 127.0.0.2 -H "Authorization: Bearer $token" -H 'X-Forwarded-For: 203.0.113.9' \
        -H 'Content-Type: application/json' -d "{\"name\":\"$proxy\",\"kind\":\"marketing\",\"message\":\"sound:hello\"}")" "a campaign"
    ask "$at/api/v1/audit?limit=1" -H "Authorization: Bearer $token" >"$work/audit.json"
    grep -q '"ip":"127.0.0.2"' "$work/audit.json" || die "$proxy: the audit log has another address: $(cat "$work/audit.json")"

    # A list of 4 MB, which a proxy's own limits would refuse.
    if [ ! -e "$work/list.csv" ]; then
        awk 'BEGIN { print "phone,name"; for (n = 0; n < 100000; n++) printf "+1202%07d,somebody with a name\n", 2200000 + n }' >"$work/list.csv"
    fi
    is 202 "$(status "$at/api/v1/campaigns/$proxy/imports?name=list.csv" -X POST -H "Authorization: Bearer $token" \
        -H 'Content-Type: text/csv' -T "$work/list.csv")" "a list of 4 MB"

    # Streams come as they are written.
    ask "$at/api/v1/live" -N -H "Authorization: Bearer $token" -H 'Accept: text/event-stream' >"$work/live" 2>/dev/null &
    live=$!
    ask "$at/api/v1/events/stream" -N -H "Authorization: Bearer $token" >"$work/events" 2>/dev/null &
    events=$!
    until [ -s "$work/live" ] && [ -s "$work/events" ]; do alive; done
    before=$(date +%s%N)
    number=$((number + 1))
    aftertone dnc add "+1202555010$number" >/dev/null
    said=$(date +%s%N)
    until grep -q do_not_call.added "$work/events"; do alive; done
    took=$((($(date +%s%N) - said) / 1000000))
    [ "$took" -lt 1000 ] || die "$proxy: an event took $took ms"
    kill "$live" "$events" 2>/dev/null || true
    wait "$live" "$events" 2>/dev/null || true

    # A browser signs in by this name, and its session counts for pages of this name alone.
    if [ -n "$link" ]; then
        ask "$at/welcome" -X POST -H "Origin: $at" -H 'Sec-Fetch-Site: same-origin' --data-urlencode "code=$link" \
            --data-urlencode "password=$PASSWORD" --data-urlencode "again=$PASSWORD" >/dev/null
        link=
    fi
    is 201 "$(status "$at/api/v1/sessions" -X POST -c "$work/cookies" -H "Origin: $at" -H 'Content-Type: application/json' \
        -d "{\"user\":\"ann\",\"password\":\"$PASSWORD\"}")" "signing in"
    is 200 "$(status "$at/api/v1/sessions" -b "$work/cookies" -H "Origin: $at")" "a session of this name"
    is 401 "$(status "$at/api/v1/sessions" -b "$work/cookies" -H 'Origin: https://evil.example')" "a page of another name"
    say "$proxy: passed; an event took $took ms"
}

number=0

# configure LINE..: of [serve].
configure() {
    printf '%s\n' "state_dir = \"$work/state\"" '[serve]' "listen = \"127.0.0.1:$inner\"" 'trusted_proxies = ["127.0.0.1", "::1"]' "$@" >"$work/aftertone.toml"
}

ask() {
    url=$1
    shift
    curl --silent --show-error --max-time 60 --cacert "$work/cert.pem" --connect-to "$NAME::127.0.0.1:" "$url" "$@"
}

status() { ask "$@" -o "$work/answer" -w '%{http_code}' 2>"$work/curl.err" || true; }

# is WANTED FOUND WHAT
is() { [ "$1" = "$2" ] || die "$proxy: $3: $2 instead of $1: $(cat "$work/answer" "$work/curl.err")"; }

aftertone() { (cd "$work" && HOME=$work exec "$program" --config "$work/aftertone.toml" "$@"); }

# start NAME COMMAND..: in the background, its output in files of this name.
start() {
    name=$1
    shift
    : >"$work/$name.out"
    if [ "$1" = aftertone ]; then
        shift
        (cd "$work" && HOME=$work exec "$program" --config "$work/aftertone.toml" "$@") \
            >"$work/$name.out" 2>"$work/$name.err" &
    else
        "$@" >"$work/$name.out" 2>"$work/$name.err" &
    fi
    pids="$pids $!"
    began=$(date +%s)
}

# Waits a moment for what is to come; not for ever, and not for what is dead.
alive() {
    for pid in $pids; do
        kill -0 "$pid" 2>/dev/null || die "$name has ended: $(tail -n 5 "$work/$name.err" "$work/$name.out")"
    done
    [ $(($(date +%s) - began)) -lt 60 ] || die "nothing comes: $(tail -n 5 "$work"/*.err "$work"/answer 2>/dev/null)"
    sleep 0.05
}

free() { perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'; }

tidy() {
    status=$?
    trap - EXIT INT TERM
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
    exit "$status"
}

say() { echo "proxies: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main
