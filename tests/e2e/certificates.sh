#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# EK certificates as verifiers see them: OpenSSL and GnuTLS judge those of two platforms with one trust store; `tcbind platform issuer`; a certificate
# follows its key and its platform's PSE; the owner's own certificate in the place of ours. Clients are Debian's tpm2-tools.
. "$(dirname "$0")/../../tools/harness.sh"
COMPAT=$BUILD/host/compat
unset TCBIND_PLATFORM
export TPM2TOOLS_TCTI
PATH=$COMPAT:$PATH
certtool=$(command -v certtool || true)

# free_ports: the first of two that are free
free_ports() {
	python3 -c 'import socket
while True:
    first, second = socket.socket(), socket.socket()
    first.bind(("127.0.0.1", 0))
    port = first.getsockname()[1]
    try:
        second.bind(("127.0.0.1", port + 1))
        break
    except (OSError, OverflowError):
        pass
print(port)'
}

# tpm_start PLATFORM NAME: the vTPM in $WORK/NAME, started, for tpm2-tools; a private platform of that name
tpm_start() {
	local port
	port=$(free_ports)
	TCBIND_PRIVATE_PLATFORM=$WORK/$1 swtpm socket --tpm2 --tpmstate "dir=$WORK/$2" --server "type=tcp,port=$port" \
		--ctrl "type=tcp,port=$((port + 1))" --flags not-need-init,startup-clear --daemon --log "file=$WORK/$2.log" --pid "file=$WORK/$2.pid" \
		</dev/null || return 1
	tpm_ctrl=$((port + 1))
	TPM2TOOLS_TCTI=swtpm:port=$port
}
tpm_stop() {
	local pid
	pid=$(cat "$WORK/$1.pid")
	swtpm_ioctl --tcp ":$tpm_ctrl" -s
	for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.05; done
	return 1
}
# platform_ends NAME: waits until a private platform is idle and has ended
platform_ends() {
	for _ in $(seq 300); do pgrep -f "$WORK/$1/platform" >/dev/null || return 0; sleep 0.1; done
	return 1
}
# read_certificate INDEX INTO: an index's content, as PEM
read_certificate() {
	tpm2_nvread -C o "$1" 2>/dev/null | openssl x509 -inform der -out "$2"
}
# read_chain INTO
read_chain() {
	for i in 0 1 2 3; do tpm2_nvread -C o 0x01c0010$i 2>/dev/null; done >"$1.der"
	openssl x509 -inform der -in "$1.der" -out "$1"
}
# key_of HANDLE INTO; is_for CERTIFICATE HANDLE: the certificate's key is the one that stands there
key_of() { tpm2_readpublic -Q -c "$1" -f pem -o "$2"; }
is_for() {
	key_of "$2" "$WORK/key.pem" && openssl x509 -in "$1" -noout -pubkey >"$WORK/cert-key.pem" && cmp "$WORK/key.pem" "$WORK/cert-key.pem"
}
strict() { openssl verify -x509_strict -CAfile "$1" "$2"; }
gnutls() { "$certtool" --verify --load-ca-certificate "$1" --infile "$2" --verify-profile low; }

# ---- two platforms, one trust store ----
for p in A B; do
	mkdir "$WORK/$p.d"
	TCBIND_PRIVATE_PLATFORM=$WORK/$p swtpm_setup --tpm2 --tpm-state "$WORK/$p.d" --createek --create-ek-cert --create-platform-cert >"$WORK/$p.setup" ||
		not_ok "swtpm_setup on $p" "$(cat "$WORK/$p.setup")"
	tpm_start $p $p.d
	for index in 0x01c00002 0x01c0000a 0x01c00016 0x01c08000; do read_certificate $index "$WORK/$p.$index"; done
	read_chain "$WORK/$p.chain"
	expect "platform $p says its issuer" "$TCBIND" platform issuer "$WORK/$p/platform" -o "$WORK/$p.issuer"
	tpm_stop $p.d
done
cat "$WORK/A.issuer" "$WORK/B.issuer" >"$WORK/store.pem"
cat "$WORK/B.issuer" "$WORK/A.issuer" >"$WORK/store-reversed.pem"
for p in A B; do
	for index in 0x01c00002 0x01c0000a 0x01c00016 0x01c08000; do
		for store in store.pem store-reversed.pem; do
			expect "OpenSSL, strict: $index of $p, $store" strict "$WORK/$store" "$WORK/$p.$index"
			if [ -n "$certtool" ]; then
				expect "GnuTLS: $index of $p, $store" gnutls "$WORK/$store" "$WORK/$p.$index"
			else
				skip "GnuTLS: $index of $p, $store" "certtool is not installed"
			fi
		done
	done
	expect "the chain in the TPM of $p is of the same issuer" strict "$WORK/$p.chain" "$WORK/$p.0x01c0000a"
done
expect_refusal "a certificate of A under B's issuer" "unable to get local issuer" strict "$WORK/B.issuer" "$WORK/A.0x01c0000a"
subject() { openssl x509 -in "$1" -noout -subject; }
expect "the issuers' names differ" test "$(subject "$WORK/A.issuer")" != "$(subject "$WORK/B.issuer")"
expect_refusal "the issuer of a platform that never ran" "platform.issuer" "$TCBIND" platform issuer "$WORK"
expect "without -o it goes to standard output" sh -c "'$TCBIND' platform issuer $WORK/A/platform | cmp - $WORK/A.issuer"

# ---- what they say ----
# text PEM: names in the form of RFC 2253, which all versions of OpenSSL print alike
text() { openssl x509 -in "$1" -noout -text -nameopt RFC2253,-dn_rev; }
for index in 0x01c00002 0x01c0000a 0x01c00016; do
	text "$WORK/A.$index" >"$WORK/text"
	for wanted in "X509v3 Authority Key Identifier" "X509v3 Subject Key Identifier" "X509v3 Subject Directory Attributes"; do
		expect "$index has $wanted" grep -q "$wanted" "$WORK/text"
	done
	expect "$index is for an endorsement key" certificate_names "$WORK/A.$index" 2.23.133.8.1
	expect "$index says the vTPM and its generation" grep -q "CN=[0-9a-f-]*,dnQualifier=generation 0000000001" "$WORK/text"
	expect "$index is valid now, and not in six years" sh -c "openssl x509 -in $WORK/A.$index -noout -checkend 86400 && \
		! openssl x509 -in $WORK/A.$index -noout -checkend $((6 * 31556952))"
done
revision() { tpm2_getcap properties-fixed | sed -n '/TPM2_PT_REVISION/,/value/s/.*value: *\([0-9]\)\.\([0-9]*\).*/\1\2/p'; }
tpm_start A A.d
"$TCBIND" platform issuer "$WORK/A/platform" -o "$WORK/A.issuer" 2>/dev/null # it may have ended meanwhile, and booted again
attributes_at=$(openssl asn1parse -in "$WORK/A.0x01c0000a" | grep -A1 "Subject Directory" | sed -n 's/^ *\([0-9]*\):.*OCTET STRING.*/\1/p')
openssl asn1parse -in "$WORK/A.0x01c0000a" -strparse "$attributes_at" >"$WORK/attributes.text"
expect "one of the attributes is the specification" certificate_names "$WORK/A.0x01c0000a" 2.23.133.2.16
expect "the specification is the one that the TPM says: $(revision)" sh -c "grep -q 'UTF8STRING.*:2.0' $WORK/attributes.text && \
	tail -n 1 $WORK/attributes.text | grep -q \"INTEGER *:\$(printf %02X $(revision))\""

# ---- the key that stands at the handle ----
handles="0x8101000a:0x01c0000a 0x81010016:0x01c00016 0x81010001:0x01c00002"
all_follow() {
	local pair
	for pair in $handles; do
		read_certificate "${pair#*:}" "$WORK/now.pem" && is_for "$WORK/now.pem" "${pair%:*}" && strict "$WORK/A.issuer" "$WORK/now.pem" || return 1
	done
}
expect "each certificate is its key's" all_follow
key_of 0x8101000a "$WORK/old-key.pem"
printf '\x80\x02\x00\x00\x00\x1b\x00\x00\x01\x24\x40\x00\x00\x0c\x00\x00\x00\x09\x40\x00\x00\x09\x00\x00\x00\x00\x00' >"$WORK/change-eps"
change_eps() { tpm2_send -o "$WORK/answer" "$WORK/change-eps" && [ "$(hexadecimal -j 6 -N 4 "$WORK/answer")" = 00000000 ]; }
expect "TPM2_ChangeEPS" change_eps
key_of 0x8101000a "$WORK/new-key.pem"
expect "makes other keys" sh -c "[ -s $WORK/new-key.pem ] && ! cmp -s $WORK/old-key.pem $WORK/new-key.pem"
expect "and each certificate is the new key's, at once" all_follow
tpm_stop A.d
tpm_start A A.d
expect "and after the next start" all_follow

# ---- the owner's own certificate at an index of ours ----
size=$(tpm2_nvreadpublic 0x01c0000a | sed -n 's/ *size: *//p')
for length in 700 "$size"; do
	head -c "$length" /dev/urandom >"$WORK/own"
	expect "the platform's owner puts $length bytes in the place of ours" sh -c "tpm2_nvundefine -Q -C p 0x01c0000a && \
		tpm2_nvdefine -Q -C p -s $length -a 'ppwrite|ppread|ownerread|authread|no_da|platformcreate' 0x01c0000a && \
		tpm2_nvwrite -Q -C p -i $WORK/own 0x01c0000a"
	tpm_stop A.d
	tpm_start A A.d
	expect "and they stay" sh -c "tpm2_nvread -C o 0x01c0000a 2>/dev/null | cmp - $WORK/own"
	expect "while the other certificates are ours" sh -c "tpm2_nvread -C o 0x01c00016 2>/dev/null | openssl x509 -inform der -noout"
done
expect "TPM2_ChangeEPS leaves them, too" sh -c "tpm2_send -o $WORK/answer $WORK/change-eps; tpm2_nvread -C o 0x01c0000a 2>/dev/null | cmp - $WORK/own"
handles="0x81010016:0x01c00016 0x81010001:0x01c00002"
expect "and the others follow" all_follow
expect "an index that is given back" tpm2_nvundefine -Q -C p 0x01c0000a
tpm_stop A.d
tpm_start A A.d
handles="0x8101000a:0x01c0000a $handles"
expect "is ours again" all_follow
tpm_stop A.d

# ---- the platform's next boot ----
expect "the platform ends" platform_ends A
tpm_start A A.d
"$TCBIND" platform issuer "$WORK/A/platform" -o "$WORK/A.issuer.2" 2>/dev/null
expect "its next boot has another issuer" sh -c "! cmp -s $WORK/A.issuer $WORK/A.issuer.2"
cp "$WORK/A.issuer.2" "$WORK/A.issuer"
expect "under which the vTPM's certificates are now" all_follow
read_chain "$WORK/A.chain.2"
expect "with its chain" strict "$WORK/A.chain.2" "$WORK/now.pem"
tpm_stop A.d
done_testing
