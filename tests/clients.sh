#!/bin/sh
# Makes clients of the OpenAPI document with published generators, in Python and TypeScript; compiles them, and has the one in Python
# create a campaign at a service.
#
#   tests/clients.sh
#
# The generators are kept in ${XDG_CACHE_HOME:-~/.cache}/aftertone/clients. BINARY names another program than cargo's.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tests/own-service.sh
. tests/own-service.sh

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
    prepare_service
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
    begin_service
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

main
