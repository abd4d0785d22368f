#!/bin/sh
# Makes clients of the OpenAPI document with published generators, in Python and TypeScript; compiles them, and has the one in Python
# create a campaign at a service.
#
#   tests/clients.sh
#
# The generators are kept in ${XDG_CACHE_HOME:-~/.cache}/aftertone/clients. BINARY names another program than cargo's.
set -eu
cd "$(dirname "$0")/.."

PYTHON=0.29.1
TYPESCRIPT=7.13.0
COMPILER=5.9.3
MAKERS="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/clients"
DOCUMENT=$PWD/docs/src/reference/openapi.json

main() {
    versions="$PYTHON $TYPESCRIPT $COMPILER"
    if [ "$(cat "$MAKERS/versions" 2>/dev/null)" != "$versions" ]; then
        rm -rf "$MAKERS"
        python3 -m venv "$MAKERS"
        "$MAKERS/bin/pip" install --quiet "openapi-python-client==$PYTHON"
        npm install --silent --no-fund --no-audit --prefix "$MAKERS" \
            "openapi-typescript@$TYPESCRIPT" "typescript@$COMPILER"
        echo "$versions" >"$MAKERS/versions"
    fi
    if [ -z "${BINARY:-}" ]; then
        cargo build --locked --quiet --bin aftertone
        BINARY=target/debug/aftertone
    fi
    folder=$(mktemp -d)
    service=
    trap tidy EXIT
    trap 'exit 130' INT TERM
    typescript
    python
}

typescript() {
    "$MAKERS/node_modules/.bin/openapi-typescript" "$DOCUMENT" --output "$folder/api.d.ts" >/dev/null
    cat >"$folder/use.ts" <<'EOF'
import type { components, paths } from "./api";

type Create = paths["/campaigns"]["post"];
const campaign: Create["requestBody"]["content"]["application/json"] = {
  name: "spring", kind: "marketing", message: "sound:hello",
};
export const answer: Create["responses"][201]["content"]["application/json"]["campaign"] = campaign.name;
export type Drop = components["schemas"]["Drop"];
EOF
    "$MAKERS/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck false "$folder/use.ts"
    echo "a client of openapi-typescript compiles"
}

python() {
    (cd "$folder" && PATH="$MAKERS/bin:$PATH" "$MAKERS/bin/openapi-python-client" generate --path "$DOCUMENT" \
        --output-path client --meta none >generated 2>&1) || { cat "$folder/generated"; exit 1; }
    # It makes no calls that send or get files: lists, sound and pictures.
    if sed -n '/^WARNING/{n;n;p}' "$folder/generated" | grep -v 'Unsupported content\|^Missing schema$'; then
        die "the generator does not understand all of it"
    fi
    "$MAKERS/bin/python" -m compileall -q "$folder/client"
    configure
    token=$("$BINARY" --config "$folder/aftertone.toml" token add tester --scope admin --json |
        sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
    "$BINARY" --config "$folder/aftertone.toml" serve >>"$folder/said" 2>"$folder/log" &
    service=$!
    address=$(tail -n +1 -f --pid=$service "$folder/said" | sed -n '/^listening on /{s///p;q}')
    cd "$folder"
    "$MAKERS/bin/python" - "$address" "$token" <<'PYTHON'
import sys

from client import AuthenticatedClient
from client.api.default import create_campaign, list_campaigns
from client.models import CampaignOrder

api = AuthenticatedClient(base_url=sys.argv[1] + "/api/v1", token=sys.argv[2])
order = CampaignOrder.from_dict({"name": "spring", "kind": "marketing", "message": "sound:hello"})
made = create_campaign.sync_detailed(client=api, body=order)
assert made.status_code == 201, made
listed = list_campaigns.sync_detailed(client=api)
assert [one.campaign for one in listed.parsed.items] == ["spring"], listed
print("a client of openapi-python-client makes a campaign")
PYTHON
}

configure() {
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
EOF
    chmod 600 "$folder/aftertone.toml"
    # It is there before anybody looks into it.
    : >"$folder/said"
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

main
