#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind policy from-evidence, of two processors under two roots, whose guests have booted different things: each value that was seen is pinned,
# and nothing else is.
. "$(dirname "$0")/evidence.sh"
mkdir "$WORK/other"
"$MAKE_EVIDENCE" "$WORK/other" other || { echo "Bail out! no second evidence could be made"; exit 1; }
is() { [ "$(jq -c "$2" "$1")" = "$3" ]; }
nonce_of() { cat "$(dirname "$1")/nonce"; }
trusts() { "$tcbind" verify "$2" --policy "$1" --nonce "$(nonce_of "$2")"; }
one=$WORK/evidence two=$WORK/other/evidence

expect "of both" "$tcbind" policy from-evidence "$one" "$two" -o "$WORK/both"
expect "it is a good policy" "$tcbind" policy check "$WORK/both"
expect "the schema holds" /usr/bin/python3 -W ignore -c 'import json, sys, jsonschema
jsonschema.Draft202012Validator(json.load(open("docs/policy.schema.json"))).validate(json.load(open(sys.argv[1])))' "$WORK/both"
expect "one has trust by it" trusts "$WORK/both" "$one"
expect "and the other" trusts "$WORK/both" "$two"
expect "two roots, two platforms, two vTPMs" is "$WORK/both" '[(.roots, .platforms.listed, .vtpms) | length]' '[2,2,2]'
expect "each root in a file of its own" sh -c "openssl x509 -noout -in '$WORK/both-root.pem' && openssl x509 -noout -in '$WORK/both-root-2.pem'"
expect "two values for the guests' PCR 0" is "$WORK/both" '.guest_pcrs["0"] | length' 2
expect "one value for what is the same" is "$WORK/both" '[.guest_pcrs["1"], .platform_pcrs["0"] | type]' '["string","string"]'
jq 'del(.guest_pcrs["0"][1])' "$WORK/both" >"$WORK/less"
expect_status "without the second value the other is refused" 1 trusts "$WORK/less" "$two"
expect "and not the first" trusts "$WORK/less" "$one"
expect "of one alone" "$tcbind" policy from-evidence "$one" -o "$WORK/alone"
expect_status "by which the other is refused" 1 trusts "$WORK/alone" "$two"
head -c 3000 "$two" >"$WORK/cut"
expect_status "of what is no evidence: refused" 1 "$tcbind" policy from-evidence "$one" "$WORK/cut" -o "$WORK/none"
expect "and nothing is written" [ ! -e "$WORK/none" ]
expect_status "without a name for it: usage" 2 "$tcbind" policy from-evidence "$one"
done_testing
