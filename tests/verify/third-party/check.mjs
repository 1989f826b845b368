// SPDX-License-Identifier: MIT
// check.mjs cmw EVIDENCE NONCE | jwt TOKEN KEY.pem NONCE STATUS [2023] | jwks JWKS TOKEN: ends 0 if libraries that are not ours agree with what tcbind wrote.
import assert from "node:assert/strict";
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import cbor from "cbor";
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, importSPKI, jwtVerify } from "jose";

const { Sign1 } = createRequire(import.meta.url)("@auth0/cose"); // its ESM build does not load with Node 18

// draft-ietf-rats-msg-wrap: a CBOR collection maps labels (integers or texts) to records [type, value, ? indicator].
function readCollection(bytes) {
  const items = cbor.decodeAllSync(bytes);
  assert.equal(items.length, 1, "one item and no bytes behind it");
  const collection = items[0];
  assert.ok(collection instanceof Map, "a collection is a map");
  assert.ok(bytes[0] >= 0xa0 && bytes[0] <= 0xbb, "what the draft's decoder takes for a CBOR collection");
  const mediaType = /^[a-z]+\/[a-z0-9!#$&^_.+-]+(; ?[a-z0-9-]+=("[^"]*"|[a-z0-9.-]+))*$/;
  for (const [label, record] of collection) {
    if (label === "__cmwc_t") continue;
    assert.ok(Number.isInteger(label) || typeof label === "string", "a label");
    assert.ok(Array.isArray(record) && (record.length === 2 || record.length === 3), `record ${label}`);
    assert.ok(Number.isInteger(record[0]) || mediaType.test(record[0]), `type of ${label}: ${record[0]}`);
    assert.ok(Buffer.isBuffer(record[1]), `value of ${label}`);
  }
  return collection;
}

const keyOf = (point) =>
  createPublicKey({
    format: "jwk",
    key: { kty: "EC", crv: "P-256", x: point.subarray(0, 32).toString("base64url"), y: point.subarray(32).toString("base64url") },
  });

async function rejects(promise, what) {
  await assert.rejects(promise, undefined, what);
}

async function cmw(evidencePath, nonce) {
  const evidence = readFileSync(evidencePath);
  assert.equal(evidence[0], 0xd2, "tag 18, COSE_Sign1");
  const message = Sign1.decode(evidence);
  assert.equal(message.protectedHeaders.get(3), "application/cmw+cbor");
  const collection = readCollection(Buffer.from(message.payload));
  const request = cbor.decodeFirstSync(collection.get(1)[1]);
  assert.equal(request.get(1).toString("hex"), nonce);
  await message.verify(keyOf(request.get(4)), { algorithms: [-7] });
  // The endorsement is a COSE_Sign1 by the PSE key that the certified AK names.
  const certified = cbor.decodeFirstSync(collection.get(2)[1]);
  const claims = cbor.decodeFirstSync(certified.get(1));
  await Sign1.decode(collection.get(6)[1]).verify(keyOf(claims.get(2)), { algorithms: [-7] });
  // The processor's quote is over the certified AK's claims: its report data, at 48 + 320 of a v3 quote.
  const digest = createHash("sha256").update("tcbind certified AK v1").update(certified.get(1)).digest();
  assert.deepEqual(Buffer.from(certified.get(2)).subarray(368, 400), digest);
  const altered = Buffer.from(evidence);
  altered[altered.length >> 1] ^= 1;
  await rejects((async () => Sign1.decode(altered).verify(keyOf(request.get(4)), { algorithms: [-7] }))(), "an altered byte");
  await rejects(message.verify(keyOf(claims.get(2)), { algorithms: [-7] }), "another key");
}

// How the two profiles name what they have.
const profiles = {
  current: {
    name: "tag:ietf.org,2026:rats/ear#04", verifier: "ear_verifier_id", status: "ear_status", vector: "ear_trustworthiness_vector",
    policy: (appraisal) => appraisal.ear_appraisal_policy_ids[0], platform: "ear_tcbind_platform", claim: /^ear_[a-z_]+$/,
  },
  2023: {
    name: "tag:github.com,2023:veraison/ear", verifier: "ear.verifier-id", status: "ear.status", vector: "ear.trustworthiness-vector",
    policy: (appraisal) => appraisal["ear.appraisal-policy-id"], platform: "ear.tcbind.platform", claim: /^ear\.[a-z.-]+$/,
  },
};

// A key is found in the set by its id, and the token checks under it.
async function jwks(setPath, tokenPath) {
  const set = JSON.parse(readFileSync(setPath, "utf8"));
  assert.equal(set.keys.length, 1);
  assert.equal("d" in set.keys[0], false, "nothing of the private key");
  const token = readFileSync(tokenPath, "utf8").trim();
  const { protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), { algorithms: ["ES256"] });
  assert.equal(protectedHeader.kid, set.keys[0].kid);
}

async function jwt(tokenPath, keyPath, nonce, status, year = "current") {
  const profile = profiles[year];
  const token = readFileSync(tokenPath, "utf8").trim();
  const spki = createPublicKey(readFileSync(keyPath)).export({ type: "spki", format: "pem" });
  const key = await importSPKI(spki, "ES256", { extractable: true });
  const { payload, protectedHeader } = await jwtVerify(token, key, { algorithms: ["ES256"], typ: "JWT", maxTokenAge: "1 hour" });
  assert.equal(protectedHeader.kid, await calculateJwkThumbprint(await exportJWK(key)));
  assert.equal(payload.eat_profile, profile.name);
  assert.deepEqual(Object.keys(payload[profile.verifier]).sort(), ["build", "developer"]);
  assert.equal(payload.eat_nonce, nonce === "-" ? undefined : Buffer.from(nonce, "hex").toString("base64url"));
  const appraisal = payload.submods.tcbind;
  for (const claim of Object.keys(appraisal)) assert.match(claim, profile.claim);
  assert.equal(appraisal[profile.status], status);
  const vector = appraisal[profile.vector];
  assert.deepEqual(Object.keys(vector).sort(), [
    "configuration", "executables", "file-system", "hardware", "instance-identity", "runtime-opaque", "sourced-data", "storage-opaque",
  ]);
  for (const value of Object.values(vector)) assert.ok(Number.isInteger(value) && value >= -128 && value <= 127);
  const tier = (value) => (value >= 96 ? "contraindicated" : value >= 32 ? "warning" : value >= 2 ? "affirming" : "none");
  const order = ["none", "affirming", "warning", "contraindicated"];
  const worst = Object.values(vector).map(tier).sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
  assert.equal(worst, status, "the status is the worst tier of the vector");
  assert.match(profile.policy(appraisal), /^ni:\/\/\/sha-256;[A-Za-z0-9_-]{43}$/);
  assert.equal(profile.platform in appraisal, status === "affirming" || status === "warning");
  const parts = token.split(".");
  parts[1] = Buffer.from(JSON.stringify({ ...payload, iat: payload.iat + 1 })).toString("base64url");
  await rejects(jwtVerify(parts.join("."), key, { algorithms: ["ES256"] }), "altered claims");
}

const [what, ...rest] = process.argv.slice(2);
await { cmw, jwt, jwks }[what](...rest);
