#!/bin/sh
# Has messages that this program really sent verified by the published libraries of Standard Webhooks in Python and JavaScript,
# each in an environment of its own, and those of Ed25519 by Node itself; and has what was changed on the way refused.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
AFTERTONE_WEBHOOKS_RECEIVED="$folder/received.json" AFTERTONE_WEBHOOKS_RECEIVED_V1A="$folder/received-v1a.json" \
    cargo test --locked --quiet --test it -- --exact api::webhooks::a_secret_is_rotated_without_a_gap \
    api::signatures::an_endpoint_is_signed_for_by_ed25519_and_rotated_to_it
[ -s "$folder/received.json" ] && [ -s "$folder/received-v1a.json" ]

python3 -m venv "$folder/python"
"$folder/python/bin/pip" install --quiet standardwebhooks==1.1.0
"$folder/python/bin/python" - "$folder/received.json" <<'PYTHON'
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

received = json.load(open(sys.argv[1]))


def verified(secret, message, **changed):
    message = {**message, **changed}
    headers = {f"webhook-{name}": message[name] for name in ("id", "timestamp", "signature")}
    try:
        return Webhook(secret).verify(message["body"], headers)
    except WebhookVerificationError:
        return None


old, new, before, during = (received[name] for name in ("old", "new", "before", "during"))
assert verified(old, before)["type"] == "do_not_call.added"
assert verified(new, before) is None, "a secret of later"
for secret in (old, new):
    assert verified(secret, during)["id"] == during["id"]
    for name, value in (
        ("body", during["body"].replace("own", "owm")),
        ("id", during["id"] + "0"),
        ("timestamp", str(int(during["timestamp"]) + 1)),
        ("timestamp", str(int(during["timestamp"]) - 3600)),
        ("signature", "v1," + "A" * 43 + "="),
    ):
        assert verified(secret, during, **{name: value}) is None, name
print("verified by standardwebhooks of PyPI")
PYTHON

mkdir "$folder/javascript"
cp "$folder/received.json" "$folder/received-v1a.json" "$folder/javascript"
cd "$folder/javascript"
npm install --silent --no-fund --no-audit standardwebhooks@1.1.1
cat >verify.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { Webhook } = require("standardwebhooks");
const { old, new: later, before, during } = require("./received.json");

function verified(secret, message, changed = {}) {
  const sent = { ...message, ...changed };
  const headers = { "webhook-id": sent.id, "webhook-timestamp": sent.timestamp, "webhook-signature": sent.signature };
  try {
    return new Webhook(secret).verify(sent.body, headers);
  } catch {
    return null;
  }
}

assert.equal(verified(old, before).type, "do_not_call.added");
assert.equal(verified(later, before), null);
for (const secret of [old, later]) {
  assert.equal(verified(secret, during).id, during.id);
  for (const changed of [
    { body: during.body.replace("own", "owm") },
    { id: `${during.id}0` },
    { timestamp: `${Number(during.timestamp) + 1}` },
    { timestamp: `${Number(during.timestamp) - 3600}` },
    { signature: `v1,${"A".repeat(43)}=` },
  ]) {
    assert.equal(verified(secret, during, changed), null, JSON.stringify(changed));
  }
}
console.log("verified by standardwebhooks of npm");
JAVASCRIPT
node verify.js

# Those libraries know no public keys; Node's own Ed25519 does.
cat >verify-v1a.js <<'JAVASCRIPT'
const assert = require("node:assert");
const { createPublicKey, verify } = require("node:crypto");
const message = require("./received-v1a.json");

function verified(key, changed = {}) {
  const { id, timestamp, signature, body } = { ...message, ...changed };
  const x = Buffer.from(key.replace("whpk_", ""), "base64").toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const signed = Buffer.from(`${id}.${timestamp}.${body}`);
  return signature.split(" ").some((one) => {
    const [kind, base64] = one.split(",");
    return kind === "v1a" && verify(null, signed, publicKey, Buffer.from(base64, "base64"));
  });
}

for (const key of [message.old, message.new]) {
  assert(verified(key));
  for (const changed of [
    { body: message.body.replace("own", "owm") },
    { id: `${message.id}0` },
    { timestamp: `${Number(message.timestamp) + 1}` },
    { signature: `v1a,${"A".repeat(86)}==` },
  ]) {
    assert(!verified(key, changed), JSON.stringify(changed));
  }
}
console.log("v1a verified by Ed25519 of Node");
JAVASCRIPT
node verify-v1a.js
