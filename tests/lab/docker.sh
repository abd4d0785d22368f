#!/bin/sh
# Builds the images of docker-compose.yml, leaves one voicemail in their lab, and checks what the mailbox recorded; then has the service
# itself, and two of them on PostgreSQL with a PBX each (docker-compose.postgres.yml), work through a campaign.
#
#   tests/lab/docker.sh
#
# Uses the Docker engine that answers (DOCKER_HOST is heeded). If none does it installs Debian's docker.io and
# docker-compose if need be, starts an engine of its own and stops it at the end; that needs root, and no init. That
# engine's data stays in ${XDG_CACHE_HOME:-~/.cache}/aftertone/docker, so that the next run finds its layers.
# The base image is the native lab's root imported (base-image.sh), and aftertone is built without link-time optimisation.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
TOP=$(CDPATH='' cd -- "$HERE/../.." && pwd)
CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone"
PROJECT=aftertone-test
NUMBER=12025550101
MESSAGE=/usr/share/aftertone/hello.wav
# Seconds an engine has to start or to stop.
PATIENCE=60

export AFTERTONE_CARGO_PROFILE=ci
# Empty: any free port, so that a lab of the user's own is not in the way.
export AFTERTONE_ARI_PORT='' AFTERTONE_PORT=''

main() {
    cd "$TOP"
    mkdir -p "$CACHE"
    exec 9>"$CACHE/docker.lock"
    flock -n 9 || say "another run is under way; waiting for it"
    flock 9
    work=$(mktemp -d)
    engine_pid=
    up=
    trap tidy EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM

    find_engine
    find_compose
    take_certificates
    base=$("$HERE/base-image.sh" --made aftertone-base)
    export AFTERTONE_BASE_IMAGE="$base"

    say "building the images"
    compose build >"$work/build.log" 2>&1 || {
        tail -n 40 "$work/build.log" >&2
        die "the images could not be built; the end of the log is above"
    }
    up=1
    compose down -v >/dev/null 2>&1 || true
    compose up -d >"$work/up.log" 2>&1 || {
        cat "$work/up.log" >&2
        die "the containers did not start, or are not healthy"
    }
    say "the lab is up; leaving a message at +$NUMBER"
    compose exec -T aftertone aftertone drop "+$NUMBER" --message "$MESSAGE" --json >"$work/drop.json" ||
        die "the drop was not delivered: $(cat "$work/drop.json")"
    check
    service
    two_controllers
    say "passed"
}

# The second call reached the mailbox; its recording holds the message, prepared as the drop prepared it.
check() {
    cargo build --locked --quiet --example find_message
    compose exec -T aftertone aftertone message add hello "$MESSAGE" >/dev/null
    compose exec -T aftertone cat /var/lib/aftertone/sounds/hello.wav >"$work/message.wav"
    compose exec -T carrier cat "/var/lib/aftertone/calls/recordings/$NUMBER-2-mailbox.wav" >"$work/mailbox.wav" ||
        die "the carrier has no recording of the second call to $NUMBER"
    found=$("${CARGO_TARGET_DIR:-target}/debug/examples/find_message" "$work/message.wav" "$work/mailbox.wav") ||
        die "the message in the mailbox: $found"
    say "the message in the mailbox: $found"
}

# The service is healthy, closed where it need not be open, and ends in an orderly way; the number that it has barred is there afterwards.
service() {
    id=$(compose ps -q aftertone)
    [ "$(docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.State.Health.Status}} {{.Config.User}}' "$id")" = "true healthy aftertone" ] ||
        die "the service is not as it should be: $(docker inspect "$id")"
    port=$(docker port "$id" 8090 | sed -n 's/^127.0.0.1://p')
    [ -n "$port" ] || die "the service is not published on 127.0.0.1: $(docker port "$id")"
    fetch "http://127.0.0.1:$port/healthz" || die "the service does not answer on port $port"
    compose exec -T aftertone sh -c 'touch /usr/x 2>/dev/null' && die "its root can be written"
    compose exec -T aftertone sh -c 'id -u' | grep -qx 10001 || die "it does not run as 10001"
    compose exec -T aftertone aftertone dnc add +12025550999 >/dev/null
    before=$(date +%s)
    compose stop aftertone >/dev/null 2>&1
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$id")" = 0 ] || die "the service did not end as ordered"
    say "the service has ended within $(($(date +%s) - before)) s"
    compose up -d >"$work/up.log" 2>&1 || die "the service did not come back: $(cat "$work/up.log")"
    compose exec -T aftertone aftertone dnc check +12025550999 >/dev/null && die "what was stored is gone"
    return 0
}

# Each of nine subscribers has one message, and both controllers have dialled.
two_controllers() {
    say "PostgreSQL, two controllers, two PBXes"
    files="-f docker-compose.yml -f docker-compose.postgres.yml"
    compose build postgres >"$work/build.log" 2>&1 || die "the image of PostgreSQL could not be built: $(tail -n 20 "$work/build.log")"
    compose up -d >"$work/up.log" 2>&1 || {
        cat "$work/up.log" >&2
        die "the two controllers did not start, or are not healthy"
    }
    until [ "$(compose ps -q aftertone aftertone2 | xargs docker inspect -f '{{.State.Health.Status}}' | sort -u)" = healthy ]; do
        sleep 0.5
        [ $(($(date +%s) - before)) -lt 300 ] || die "a controller is not healthy"
    done
    {
        echo phone
        for area in 202 203 205 206 207 208 209 210 212; do echo "+1${area}5550101"; done
    } | compose exec -T aftertone sh -c 'cat >/tmp/leads.csv'
    compose exec -T aftertone aftertone campaign create spring /tmp/leads.csv --message hello --kind informational >/dev/null
    compose exec -T aftertone2 aftertone campaign start spring >/dev/null
    deadline=$(($(date +%s) + 180))
    until compose exec -T aftertone2 aftertone campaign status spring --json | grep -q '"standing":"complete"'; do
        [ "$(date +%s)" -lt "$deadline" ] ||
            die "the campaign does not end: $(compose exec -T aftertone aftertone campaign status spring)"
        sleep 1
    done
    found=$(compose exec -T postgres psql -h 127.0.0.1 -U aftertone -At -F ' ' \
        -c "SELECT count(*), count(DISTINCT number), count(DISTINCT pbx) FROM drops WHERE outcome = 'delivered'" aftertone)
    [ "$found" = "9 9 2" ] || die "delivered, numbers and PBXes are $found instead of 9 9 2"
    say "9 messages by two controllers"
}

fetch() { perl -MIO::Socket::INET -e '
    my ($host, $port, $path) = $ARGV[0] =~ m{^http://([^:]+):(\d+)(/.*)$} or die;
    my $socket = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 10) or exit 1;
    print $socket "GET $path HTTP/1.0\r\nHost: $host:$port\r\n\r\n";
    exit(<$socket> =~ / 200 / ? 0 : 1)' "$1"; }

# --- engine ---

find_engine() {
    if answers; then
        say "using the engine that runs"
        return
    fi
    [ "$(id -u)" = 0 ] || die "no Docker engine answers; start one, or run this as root to have one started"
    if ! command -v dockerd >/dev/null; then
        install docker.io
        # If an init runs, the package has started its engine.
        if answers; then
            return
        fi
    fi
    start_engine
}

answers() { command -v docker >/dev/null && docker version >/dev/null 2>&1; }

# A data folder and a socket of its own, so that it disturbs no other engine. Sockets have short names: not below $CACHE.
start_engine() {
    say "starting dockerd; its log is $CACHE/dockerd.log"
    engine_run=$(mktemp -d /tmp/aftertone-docker.XXXXXX)
    export DOCKER_HOST="unix://$engine_run/docker.sock"
    unset DOCKER_CONTEXT
    # Its own session: an interrupt at the terminal must not end it before the containers are down.
    setsid dockerd -H "$DOCKER_HOST" --data-root "$CACHE/docker" --exec-root "$engine_run/exec" \
        --pidfile "$engine_run/docker.pid" >"$CACHE/dockerd.log" 2>&1 9>&- &
    engine_pid=$!
    deadline=$(($(date +%s) + PATIENCE))
    until answers; do
        if ! kill -0 "$engine_pid" 2>/dev/null || [ "$(date +%s)" -ge "$deadline" ]; then
            tail -n 20 "$CACHE/dockerd.log" >&2
            die "dockerd did not start; the end of its log is above"
        fi
        sleep 0.2
    done
}

find_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_command="docker compose"
    else
        command -v docker-compose >/dev/null || install docker-compose
        compose_command=docker-compose
    fi
    say "using $($compose_command version | head -n 1)"
}

# Both files once the second is used.
files='-f docker-compose.yml'

# shellcheck disable=SC2086  # options
compose() { $compose_command $files -p "$PROJECT" "$@" 9>&-; }

# Without recommended packages: docker-compose works with whichever client there is.
install() {
    say "installing $1"
    apt="apt-get -o DPkg::Lock::Timeout=300 -y --no-install-recommends install"
    export DEBIAN_FRONTEND=noninteractive
    {
        [ "$(id -u)" = 0 ] && { $apt "$1" || { apt-get update && $apt "$1"; }; }
    } >"$work/apt.log" 2>&1 || {
        tail -n 20 "$work/apt.log" >&2
        die "$1 is missing and could not be installed; install it: apt-get install $1"
    }
}

# --- certificates ---

# Certificates that this machine trusts beyond Debian's own: cargo in the image build meets the same proxies.
take_certificates() {
    rm -f "$HERE"/ca-certificates/host-*.crt
    find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null | while read -r file; do
        cp "$file" "$HERE/ca-certificates/host-$(basename "$file")"
    done
    case ${SSL_CERT_FILE:-} in
    "" | /etc/ssl/certs/ca-certificates.crt) ;;
    *) cp "$SSL_CERT_FILE" "$HERE/ca-certificates/host-bundle.crt" ;;
    esac
}

# --- the end ---

tidy() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$up" ]; then
        [ "$status" = 0 ] || compose logs --tail 50 >&2 || true
        compose down -v >/dev/null 2>&1 || say "the containers could not be removed"
    fi
    [ -z "$engine_pid" ] || stop_engine
    rm -rf "$work"
    exit "$status"
}

stop_engine() {
    kill "$engine_pid" 2>/dev/null || true
    deadline=$(($(date +%s) + PATIENCE))
    while kill -0 "$engine_pid" 2>/dev/null; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            say "dockerd does not stop; its pid is $engine_pid"
            return
        fi
        sleep 0.2
    done
    # Should it have left something mounted, that is not emptied.
    rm -rf --one-file-system "$engine_run"
}

say() { echo "docker: $*" >&2; }

die() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
