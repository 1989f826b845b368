#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Evidence and attestation results read by libraries of others: npm's jose (JWT), @auth0/cose (COSE_Sign1), cbor (the CMW collection).
# They are installed into the build directory, once; without a way to them, these tests are skipped and say so.
. "$(dirname "$0")/evidence.sh"
source=$PWD/tests/verify/third-party
modules=$BUILD/third-party

skip_all() {
	skip "evidence is a CMW collection in a COSE_Sign1 to others" "$1"
	skip "an EAR is a JWT to others" "$1"
	done_testing
	exit 0
}
command -v node >/dev/null && command -v npm >/dev/null || skip_all "no nodejs and npm here"
[ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] || skip_all "nodejs is older than 18"
mkdir -p "$modules"
if ! cmp -s "$source/package.json" "$modules/package.json" || [ ! -f "$modules/installed" ]; then
	rm -f "$modules/installed"
	cp "$source/package.json" "$modules/"
	(cd "$modules" && timeout 120 npm install --no-package-lock --no-audit --no-fund --ignore-scripts >npm.log 2>&1) ||
		skip_all "npm could not install jose, cose and cbor (third-party/npm.log in the build directory)"
	touch "$modules/installed"
fi
cp "$source/check.mjs" "$modules/"
check() { node "$modules/check.mjs" "$@"; }

expect "evidence is a CMW collection in a COSE_Sign1 to others" check cmw "$WORK/evidence" "$nonce"
expect "and that of another request, too" check cmw "$WORK/evidence.2" "$(cat "$WORK/nonce.2")"
expect_status "the check notices another nonce" 1 check cmw "$WORK/evidence" "$(cat "$WORK/nonce.2")"

openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/key" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$WORK/other.key" 2>/dev/null
jq '.roots[0].spki_sha256 = ("00" * 32)' "$WORK/policy" >"$WORK/other.policy"
ear() { "$tcbind" verify "$1" --policy "$2" --ear "$WORK/key" "${@:3}" >"$WORK/token"; }
expect_status "verify --ear of good evidence" 0 ear "$WORK/evidence" "$WORK/policy" --nonce "$nonce"
expect "its EAR is a JWT to others, affirming" check jwt "$WORK/token" "$WORK/key" "$nonce" affirming
expect_status "but not under another key" 1 check jwt "$WORK/token" "$WORK/other.key" "$nonce" affirming
expect_status "nor with another nonce" 1 check jwt "$WORK/token" "$WORK/key" "$(cat "$WORK/nonce.2")" affirming
expect "the policy's digest is its name there" [ "$(cut -d . -f 2 <"$WORK/token" | tr '_-' '/+' | base64 -d 2>/dev/null |
	jq -r '.submods.tcbind.ear_appraisal_policy_ids[0]')" = \
	"ni:///sha-256;$(openssl dgst -sha256 -binary "$WORK/policy" | base64 | tr '/+' '_-' | tr -d '=')" ]
expect "tcbind ear jwks" sh -c '"$1" ear jwks "$2" >"$3"' - "$tcbind" "$WORK/key" "$WORK/jwks"
expect "others find the key in it" check jwks "$WORK/jwks" "$WORK/token"
"$tcbind" ear jwks "$WORK/other.key" >"$WORK/other.jwks"
expect_status "but not in another's" 1 check jwks "$WORK/other.jwks" "$WORK/token"
expect_status "verify --ear --ear-profile 2023" 0 ear "$WORK/evidence" "$WORK/policy" --nonce "$nonce" --ear-profile 2023
expect "its EAR has the names of 2023" check jwt "$WORK/token" "$WORK/key" "$nonce" affirming 2023
expect_status "and not the current ones" 1 check jwt "$WORK/token" "$WORK/key" "$nonce" affirming
expect_status "verify --ear without a nonce" 4 ear "$WORK/evidence" "$WORK/policy"
expect "its EAR claims nothing" check jwt "$WORK/token" "$WORK/key" - none
jq '.freshness.nonce = "optional"' "$WORK/policy" >"$WORK/optional.policy"
expect_status "verify --ear without a nonce, where the policy requires none" 0 ear "$WORK/evidence" "$WORK/optional.policy"
expect "its EAR has no eat_nonce" check jwt "$WORK/token" "$WORK/key" - affirming
expect_status "verify --ear of what is not trusted" 1 ear "$WORK/evidence" "$WORK/other.policy"
expect "its EAR is contraindicated, and names no platform" check jwt "$WORK/token" "$WORK/key" - contraindicated
expect_status "verify --ear of what is no evidence" 3 ear "$WORK/policy" "$WORK/policy"
expect "its EAR claims nothing" check jwt "$WORK/token" "$WORK/key" - none
done_testing
