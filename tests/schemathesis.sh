#!/bin/sh
# Sends `aftertone serve` what schemathesis, a published tester of HTTP APIs, makes up of the OpenAPI document: no answer may be an
# error of the server, nor one that the document does not have.
#
#   tests/schemathesis.sh [SECONDS]
#
# For a minute, unless told otherwise. The service has a database of its own and a PBX that never answers, so that nothing is dialled. The
# tester is kept in ${XDG_CACHE_HOME:-~/.cache}/aftertone/schemathesis; what it did is in target/schemathesis. BINARY names another
# program than cargo's.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=tests/own-service.sh
. tests/own-service.sh

VERSION=4.32.5
SECONDS_EACH=${1:-60}
TESTER="${XDG_CACHE_HOME:-$HOME/.cache}/aftertone/schemathesis"
REPORT=target/schemathesis

main() {
    if [ "$(cat "$TESTER/version" 2>/dev/null)" != $VERSION ]; then
        rm -rf "$TESTER"
        python3 -m venv "$TESTER"
        "$TESTER/bin/pip" install --quiet "schemathesis==$VERSION"
        echo $VERSION >"$TESTER/version"
    fi
    prepare_service 'requests_per_second = "any"'
    begin_service
    "$TESTER/bin/python" -c 'import sys, urllib.request as r
r.urlopen(r.Request(sys.argv[1] + "/api/v1/campaigns", headers={"Authorization": "Bearer " + sys.argv[2]}))' "$address" "$token" ||
        die "the token is not accepted"
    mkdir -p "$REPORT"
    # Streams do not end by themselves, and it makes neither sound nor the rest of a list. Its health
    # checks judge how it makes its requests, not what it is answered: it throws away each name with a slash, as clips have.
    "$TESTER/bin/st" run "$address/api/v1/openapi.json" --header "Authorization: Bearer $token" \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --exclude-path-regex '^(/api/v1)?/(events/stream|live)$' --exclude-operation-id prepare_message --exclude-operation-id resume_upload \
        --max-time "$SECONDS_EACH" --seed 1 --continue-on-failure --request-timeout 30 \
        --suppress-health-check all \
        --report junit --report-dir "$REPORT" --warnings off
    kill -0 $service || die "the service has ended"
}

main
