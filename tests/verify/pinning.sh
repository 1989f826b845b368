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

# What was not seen is not accepted: no platform but those of the evidence, no evidence without a nonce, no other owner's policy.
moved=$WORK/evidence.moved
trusts_moved() { "$tcbind" verify "$moved" --policy "$1" --nonce "$(cat "$WORK/nonce.moved")"; }
expect "it pins exactly what it saw" is "$WORK/alone" '[.platforms.unlisted, .freshness.nonce, .vtpms[0].owner_policy]' \
	'["refuse","required","none"]'
expect_status "so evidence without a nonce is not judged" 4 "$tcbind" verify "$one" --policy "$WORK/alone"
expect_refusal "nor is the platform trusted that the VM has moved to" platform.unlisted trusts_moved "$WORK/alone"
expect "with --allow-moves" "$tcbind" policy from-evidence "$one" -o "$WORK/moves" --allow-moves
expect "it writes the rule of custody" is "$WORK/moves" .platforms.unlisted '"custody"'
expect "evidence of both platforms" "$tcbind" policy from-evidence "$one" "$moved" -o "$WORK/both-platforms"
expect "makes both known" trusts_moved "$WORK/both-platforms"
expect "from the newest generation on" is "$WORK/both-platforms" '[.vtpms[0].min_generation, (.vtpms | length)]' '[2,1]'
jq '.vtpms[0].owner_policy = ("aa" * 32)' "$WORK/alone" >"$WORK/owners"
expect_refusal "a vTPM without its owner's policy is refused" policy.vtpm.owner_policy trusts "$WORK/owners" "$one"
expect "show tells whether there is one" is <("$tcbind" show "$one" --json) .endorsement.owner_policy '"none"'
expect "policy explain does" grep -q "without an owner's policy" <("$tcbind" policy explain "$WORK/alone")
done_testing
