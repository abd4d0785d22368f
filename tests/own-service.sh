# To be sourced: a service with a database of its own and a PBX that never answers, so that nothing is dialled, for programs that judge it.
# BINARY names another program than cargo's.
#
#   . tests/own-service.sh
#   prepare_service [LINE]    builds the program and makes $folder; LINE is one more of [serve]
#   begin_service             starts it: $address, and $token with every scope
#
# It ends, and the folder goes, when the script does.

prepare_service() {
    if [ -z "${BINARY:-}" ]; then
        cargo build --locked --quiet --bin aftertone
        BINARY=${CARGO_TARGET_DIR:-$PWD/target}/debug/aftertone
    fi
    folder=$(mktemp -d)
    service=
    trap tidy EXIT
    trap 'exit 130' INT TERM
    mkdir "$folder/sounds"
    cat >"$folder/aftertone.toml" <<EOF
state_dir = "$folder/state"
[pbx]
url = "http://127.0.0.1:9"
username = "aftertone"
password = "nobody"
endpoint = "PJSIP/{number}@carrier"
caller_id = "+12025550100"
sounds_dir = "$folder/sounds"
[store]
url = "sqlite:$folder/aftertone.db"
[serve]
listen = "127.0.0.1:0"
${1:-}
EOF
    chmod 600 "$folder/aftertone.toml"
}

begin_service() {
    # It is there before anybody looks into it.
    : >"$folder/said"
    token=$("$BINARY" --config "$folder/aftertone.toml" token add tester --scope admin --json |
        sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
    "$BINARY" --config "$folder/aftertone.toml" serve >>"$folder/said" 2>"$folder/log" &
    service=$!
    # The line that says where it listens.
    address=$(tail -n +1 -f --pid=$service "$folder/said" | sed -n '/^listening on /{s///p;q}')
}

tidy() {
    [ -z "$service" ] || kill "$service" 2>/dev/null || true
    [ -z "$service" ] || wait "$service" 2>/dev/null || true
    rm -rf "$folder"
}

die() {
    echo "error: $*" >&2
    exit 1
}
