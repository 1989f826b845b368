#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the sources again, clean, in another directory, and compares: the enclaves have the same measurements. The second build opens the first one's
# platform, and gives its vTPM to a platform of the first, live. Then the same images signed by another: same measurements, and refused by both.
. "$(dirname "$0")/../../tools/harness.sh"
SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
FIRST=$TCBIND SECOND=$WORK/second/cli/tcbind

option_of() { meson introspect "$BUILD" --buildoptions | jq -r --arg name "$1" '.[] | select(.name == $name).value'; }
# build_again: the sources and the build directory have other names and another depth, and no object comes from a cache
build_again() {
	export CCACHE_DISABLE=1
	mkdir -p "$WORK/else/where/sources"
	tar -C "$SOURCE" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$WORK/else/where/sources" -xf - &&
		CC=$COMPILER meson setup -Dtests=false -Dbuildtype="$(option_of buildtype)" -Denclave_signer="$(option_of enclave_signer)" \
			"$WORK/second" "$WORK/else/where/sources" && ninja -C "$WORK/second"
}
version() { "$1" version >"$2"; }
measurements() { sed '/^signer/d' "$1"; }

expect "a clean build elsewhere" build_again
expect "the first build's version" version "$FIRST" "$WORK/first.version"
expect "the second build's version" version "$SECOND" "$WORK/second.version"
expect "version names four enclaves and their signer" [ "$(grep -c -E '^(signer|acm|pse|mige|vtpm) +[0-9a-f]{64}' "$WORK/first.version")" = 5 ]
expect "both builds have the same measurements and signer" diff "$WORK/first.version" "$WORK/second.version"
expect "version --json says the same" [ "$("$SECOND" version --json | jq -r '"\(.mrsigner) \(.enclaves.acm.mrenclave)"')" = \
	"$(awk '$1 == "signer" { s = $2 } $1 == "acm" { a = $2 } END { print s, a }' "$WORK/second.version")" ]

# The first build's platform, with a guest that has left something in its vTPM.
"$FIRST" pki init "$WORK/P"
for name in A B; do "$FIRST" platform init "$WORK/$name" --pki "$WORK/P" --name $name; done
expect "A runs by the first build" platform_start A
id=$("$FIRST" vtpm create --platform "$WORK/A" --json | jq -r .id)
guest_start a "$(vtpm_socket A "$id")" tpm-crb
expect "a guest boots" guest_wait a
expect "it writes to its vTPM" guest_run a 'tpm2_nvdefine -Q 0x1500001 -s 4 && printf kept >w && tpm2_nvwrite 0x1500001 -i w'
expect "evidence by the first build" "$FIRST" attest --platform "$WORK/A" --id "$id" --nonce aa01 -o "$WORK/first.ev"
expect "a policy that pins its measurements" "$FIRST" policy from-evidence "$WORK/first.ev" -o "$WORK/policy"
kill "$guest_pid" "$platform_pid"
wait "$guest_pid" "$platform_pid" 2>/dev/null

TCBIND=$SECOND
expect "the second build opens A" platform_start A
source_pid=$platform_pid
guest_start a2 "$(vtpm_socket A "$id")" tpm-crb
expect "the guest boots again" guest_wait a2
expect "its vTPM holds what it wrote" guest_run a2 '[ "$(tpm2_nvread 0x1500001 -s 4)" = kept ]'
expect "evidence by the second build" "$SECOND" attest --platform "$WORK/A" --id "$id" --nonce aa02 -o "$WORK/second.ev"
expect "the policy accepts the second build's enclaves" "$SECOND" verify "$WORK/second.ev" --policy "$WORK/policy" --nonce aa02

TCBIND=$FIRST
expect "B runs by the first build" platform_start B
expect "an incoming place on B" "$FIRST" vtpm create --platform "$WORK/B" --id "$id" --incoming
guest_start b "$(vtpm_socket B "$id")" tpm-crb -incoming defer
for _ in $(seq 50); do [ -S "$WORK/b.qmp" ] && break; sleep 0.1; done
expect "the guest moves from the second build to the first" "$SECOND" migrate --platform "$WORK/A" --id "$id" --qmp "$WORK/a2.qmp" \
	--to-platform "$(jq -r .listen "$WORK/B/platform.json")" --to-qmp "$WORK/b.qmp"
expect "its vTPM holds there what it wrote" guest_run b '[ "$(tpm2_nvread 0x1500001 -s 4)" = kept ]'

# The second build's images, signed by somebody else.
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -pkeyopt rsa_keygen_pubexp:3 -out "$WORK/other.pem"
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$WORK/f4.pem"
sign() { SIGN_ENCLAVE=$BUILD/sgxsim/sign-enclave "$TOOLS/sign-enclaves" "$@" "$WORK/second"; }
sed 's/^\(vtpm *\)./\1x/' "$WORK/first.version" >"$WORK/doubtful.version"
expect_refusal "images that are not the expected ones are not signed" "nothing was signed" sign --key "$WORK/other.pem" --expect "$WORK/doubtful.version"
expect_refusal "a key that SGX does not take does not sign" sgx.signer.key sign --key "$WORK/f4.pem"
expect "and all signatures are as they were" diff "$WORK/second.version" <("$SECOND" version)
expect "another signs the images of the second build" sign --key "$WORK/other.pem" --expect "$WORK/first.version"
expect "version" version "$SECOND" "$WORK/other.version"
expect_same "the measurements are the same" "$(measurements "$WORK/first.version")" "$(measurements "$WORK/other.version")"
expect_differ "the signer is not" "$(grep '^signer' "$WORK/first.version")" "$(grep '^signer' "$WORK/other.version")"
kill "$source_pid"
wait "$source_pid" 2>/dev/null
TCBIND=$SECOND
expect_refusal "A does not open for another signer" acm.signer platform_start A
expect "the refusal says what to do" grep -q -e "-Denclave_signer" "$WORK/A.err"

expect "a platform of the other signer" "$SECOND" platform init "$WORK/C" --pki "$WORK/P" --name C
expect "runs" platform_start C
expect "an incoming place on C" "$SECOND" vtpm create --platform "$WORK/C" --id "$id" --incoming
guest_start c "$(vtpm_socket C "$id")" tpm-crb -incoming defer
for _ in $(seq 50); do [ -S "$WORK/c.qmp" ] && break; sleep 0.1; done
expect_refusal "the guest does not move there" "^tcbind: migrate.failed" "$FIRST" migrate --platform "$WORK/B" --id "$id" --qmp "$WORK/b.qmp" \
	--to-platform "$(jq -r .listen "$WORK/C/platform.json")" --to-qmp "$WORK/c.qmp"
expect "the destination names the signer" grep -q mige.peer.signer "$WORK/C.err"
expect "and says what to do" grep -q -e "-Denclave_signer" "$WORK/C.err"
expect "the guest runs on" guest_run b '[ "$(tpm2_nvread 0x1500001 -s 4)" = kept ]'
done_testing
