#!/bin/sh
# Builds the images of docker-compose.yml, leaves one voicemail in their lab, and checks what the mailbox recorded.
#
#   tests/lab/docker.sh
#
# Uses the Docker engine that answers (DOCKER_HOST is heeded). Where none does it installs Debian's docker.io and
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
export AFTERTONE_ARI_PORT=''

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

# --- engine ---

find_engine() {
    if answers; then
        say "using the engine that runs"
        return
    fi
    [ "$(id -u)" = 0 ] || die "no Docker engine answers; start one, or run this as root to have one started"
    if ! command -v dockerd >/dev/null; then
        install docker.io
        # Where an init runs, the package has started its engine.
        if answers; then
            return
        fi
    fi
    start_engine
}

answers() { command -v docker >/dev/null && docker version >/dev/null 2>&1; }

# A data folder and a socket of its own, so that it disturbs no other. Sockets have short names: not below $CACHE.
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

compose() { $compose_command -p "$PROJECT" "$@" 9>&-; }

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
