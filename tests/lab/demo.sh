#!/bin/sh
# `make demo`: a voicemail is left and proven, and a person is left alone, on two real Asterisk servers on this machine; then the
# dashboard is up until Ctrl-C, or ends at once with DEMO_KEEP=0.
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
ROOT=$(CDPATH='' cd -- "$HERE/../.." && pwd)
LABS="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/lab"
MAILBOX=12025550101
PERSON=12025550102

main() {
    cd "$ROOT"
    tests/setup.sh build lab
    say "Building aftertone"
    cargo build --locked --quiet --bin aftertone --example find_message
    bin="${CARGO_TARGET_DIR:-$ROOT/target}/debug"

    say "Starting two Asterisk servers: your PBX, and a phone network with its subscribers"
    take_name
    trap end EXIT
    trap 'exit 130' INT TERM
    # A lab that is down is made anew, so that these are the first calls its subscribers ever get.
    tests/lab/lab.sh down --name "$lab" >/dev/null
    tests/lab/lab.sh up --name "$lab" ${PORTS:+--ports "$PORTS"}
    RUN="$LABS/$lab"

    say "Preparing a spoken message"
    espeak-ng -w "$RUN/spoken.wav" "Hello. This is the dental practice in Mill Lane. Your appointment is on Tuesday at ten. \
If that does not suit you, please call us back. Goodbye."
    show message add reminder "$RUN/spoken.wav" --replace

    say "Leaving it at +$MAILBOX, whose phone rings while the second call is diverted to its mailbox"
    show drop "+$MAILBOX" --message reminder
    prove "$MAILBOX" mailbox whole

    say "Calling +$PERSON, where a person lifts the second call"
    show drop "+$PERSON" --message reminder || [ $? -eq 1 ]
    prove "$PERSON" heard absent

    say "Done: the message is in the mailbox, whole, and the person heard nothing of it"
    dashboard
}

# Shows it all in a browser, for as long as somebody looks.
dashboard() {
    say "Starting the dashboard"
    port=${DEMO_PORT:-8090}
    last=$((port + 9))
    until serve_at "$port"; do
        [ "$port" -lt "$last" ] || die "no dashboard: see $RUN/serve.log"
        port=$((port + 1))
    done
    show user add demo --role admin || show user password demo
    if [ "${DEMO_KEEP:-1}" = 0 ]; then
        say "DEMO_KEEP=0: the dashboard and the servers end"
        return
    fi
    say "Open the link, set a password, and sign in as demo. Ctrl-C ends the dashboard and the servers"
    wait "$serving" || true
    serving=
}

# PORT: whether the dashboard answers there; it does not if somebody else is there.
serve_at() {
    export AFTERTONE__SERVE__LISTEN="127.0.0.1:$1"
    "$bin/aftertone" --config "$RUN/aftertone.toml" serve >"$RUN/serve.log" 2>&1 &
    serving=$!
    while kill -0 "$serving" 2>/dev/null; do
        if "$bin/aftertone" --config "$RUN/aftertone.toml" healthcheck >/dev/null 2>&1; then
            # The answer may be another server's, if ours has ended meanwhile.
            kill -0 "$serving" 2>/dev/null && return
        fi
        sleep 0.2
    done
    serving=
    return 1
}

end() {
    if [ -n "${serving:-}" ]; then
        kill "$serving" 2>/dev/null || true
        wait "$serving" || true
    fi
    tests/lab/lab.sh down --name "$lab"
}

# The first of the names demo, demo-2, demo-3 and so on that no other run has. The lock goes with this script.
take_name() {
    mkdir -p "$LABS"
    lab=demo
    nth=1
    until exec 9>"$LABS/$lab.in-use" && flock -n 9; do
        nth=$((nth + 1))
        lab=demo-$nth
    done
}

# Shows the command as a user would type it, and runs it.
show() {
    echo "\$ aftertone $*"
    "$bin/aftertone" --config "$RUN/aftertone.toml" "$@"
}

# NUMBER KIND EXPECTED: looks for the message in what the far end recorded of the last call.
prove() {
    recording=$(find "$RUN/recordings" -name "$1-*-$2.wav" | sort | tail -n 1)
    [ -n "$recording" ] || die "the far end recorded nothing of $1"
    echo "What the far end recorded: $recording"
    found=$("$bin/examples/find_message" "$RUN/sounds/reminder.wav" "$recording") || [ $? -eq 1 ]
    echo "The message in it: $found"
    case $found in
    "$3":*) ;;
    *) die "the message should be $3 there" ;;
    esac
}

say() {
    printf '\n== %s\n' "$*"
}

die() {
    echo "error: $*" >&2
    exit 1
}

main
