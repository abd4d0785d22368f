#!/bin/sh
# Validates the OpenAPI document of the book with the published validator, in an environment of its own.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet openapi-spec-validator==0.9.0
"$folder/bin/openapi-spec-validator" docs/src/reference/openapi.json
