#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The order of boot: the processor runs the ACM alone, and serves no launch before the AK is in the MSR bank and the bank is locked.
. "$(dirname "$0")/../../tools/harness.sh"

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
mkdir -p "$WORK/A/run" "$WORK/A/ptpm"
swtpm socket --tpm2 --tpmstate "dir=$WORK/A/ptpm" --server "type=unixio,path=$WORK/A/run/ptpm.sock" \
	--ctrl "type=unixio,path=$WORK/A/run/ptpm.sock.ctrl" --flags not-need-init >/dev/null 2>&1 &
pids+=($!)
for _ in $(seq 100); do [ -S "$WORK/A/run/ptpm.sock" ] && break; sleep 0.05; done

# image NAME PROGRAM ROLE KEY: a signed image $WORK/NAME.enclave
image() {
	cp "$2" "$WORK/$1.enclave" && "$BUILD/sgxsim/sign-enclave" -k "$4" -r "$3" -o "$WORK/$1.enclave.sig" "$WORK/$1.enclave"
}
# boot NAME: the processor's reset with this image as its ACM
boot() { timeout 20 "$BUILD/sgxsim/sgxsim" "$WORK/A" --ptpm "swtpm:path=$WORK/A/run/ptpm.sock" --acm "$WORK/$1.enclave"; }
nothing_listens() { [ ! -e "$WORK/A/run/sgx.sock" ]; }

expect "an image that ends at once" image idle /bin/true acm "$SIGNER"
expect_refusal "as an ACM it leaves the bank unlocked" acm.bank.unlocked boot idle
expect "and no enclave can be launched" nothing_listens
expect "an image that fails" image fails /bin/false acm "$SIGNER"
expect_refusal "is no ACM either" acm.failed boot fails
expect "the real ACM, signed for another role" image role "$BUILD/sgxsim/acm.enclave" vtpm "$SIGNER"
expect_refusal "is refused" acm.signer boot role
openssl genrsa -3 3072 >"$WORK/other.pem" 2>/dev/null
expect "the real ACM, signed by another key" image other "$BUILD/sgxsim/acm.enclave" acm "$WORK/other.pem"
expect_refusal "is refused" acm.signer boot other
expect "still no enclave can be launched" nothing_listens

expect "the real ACM" image real "$BUILD/sgxsim/acm.enclave" acm "$SIGNER"
boot real >"$WORK/boot.out" 2>"$WORK/boot.err" &
pids+=($!)
for _ in $(seq 100); do grep -q ready "$WORK/boot.out" && break; sleep 0.1; done
expect "boots the processor" grep -qx ready "$WORK/boot.out"
expect "enclaves are launched by its socket, which is its user's alone" [ "$(stat -c '%F %a' "$WORK/A/run/sgx.sock")" = "socket 600" ]
done_testing
