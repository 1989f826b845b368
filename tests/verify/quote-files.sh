#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `tcbind quote verify` on files: collateral as a document and as a directory in all its forms, the kept state, expectations. Quotes are made
# under a test root by make_quotes.
set -u
work=$(mktemp -d /tmp/tcbind-quotes.XXXXXX)
trap 'rm -rf "$work"' EXIT
"$MAKE_QUOTES" "$work/q" >/dev/null || exit 1
tcbind=$BUILD/cli/tcbind
. "$(dirname "$0")/../../tools/tap.sh"
# run NAME EXIT TEXT ARGUMENTS...: exit status, and TEXT in what is printed
run() {
	local out status
	out=$("$tcbind" quote verify "${@:4}" 2>&1)
	status=$?
	# The text also names the codes of checks that passed: what was refused must be so by that check.
	if [ "$2" = 1 ]; then "$tcbind" quote verify "${@:4}" --json >"$work/result.json" 2>/dev/null; out=$(failed_check "$work/result.json")" $out"; fi
	if [ $status = "$2" ] && case $2 in 1) [[ $out = "$3"* ]] ;; *) grep -q -- "$3" <<<"$out" ;; esac; then ok "$1"; else not_ok "$1" "exit $status: $out"; fi
}
sgx=$work/q/sgx3
args=("$sgx/quote.bin" --root "$sgx/root.pem")

for kind in sgx3 tdx4 tdx5; do
	dir=$work/q/$kind
	run "$kind: collateral in a document" 0 trusted "$dir/quote.bin" --root "$dir/root.pem" --collateral "$dir/collateral.json"
	run "$kind: collateral in a directory" 0 trusted "$dir/quote.bin" --root "$dir/root.pem" --collateral "$dir/pcs"
	run "$kind: not without its root" 1 quote.root.untrusted "$dir/quote.bin" --collateral "$dir/pcs"
done

# forms of the directory's files
form() { # NAME EXIT TEXT SCRIPT: the script alters a copy of the directory, which it stands in
	rm -rf "$work/pcs"
	cp -r "$sgx/pcs" "$work/pcs"
	(cd "$work/pcs" && eval "$4") || not_ok "$1" "the script failed"
	run "$1" "$2" "$3" "${args[@]}" --collateral "$work/pcs"
}
form "CRLs in PEM" 0 trusted 'for c in pck_crl root_ca_crl; do openssl crl -inform der -in $c.der -out $c.pem && rm $c.der; done'
form "CRLs in hexadecimal digits" 0 trusted 'for c in pck_crl root_ca_crl; do od -An -v -tx1 $c.der | tr -d " \n" >$c.hex && rm $c.der; done'
form "CRLs without an ending" 0 trusted 'mv pck_crl.der pck_crl; mv root_ca_crl.der root_ca_crl'
form "chains with %-escapes, as HTTP headers have them" 0 trusted \
	'for c in *_chain.pem; do jq -sRr @uri $c | tr -d "\n" >$c.new && mv $c.new ${c%.pem} && rm $c; done'
form "a file under two names" 3 collateral.file 'cp pck_crl.der pck_crl'
form "a file that is missing" 4 collateral.file 'rm qe_identity.json'
form "a byte behind a CRL in DER" 1 quote.collateral.malformed 'printf x >>pck_crl.der'
form "a byte behind a CRL in PEM" 3 collateral.malformed 'openssl crl -inform der -in pck_crl.der -out pck_crl.pem && rm pck_crl.der && printf x >>pck_crl.pem'
form "a blank line after a CRL in PEM" 0 trusted 'openssl crl -inform der -in pck_crl.der -out pck_crl.pem && rm pck_crl.der && echo >>pck_crl.pem'
form "CRLs in base64" 0 trusted 'for c in pck_crl root_ca_crl; do base64 $c.der >$c && rm $c.der; done'
headers='for c in tcb_info:SGX-TCB-Info qe_identity:SGX-Enclave-Identity pck_crl:SGX-PCK-CRL; do f=${c%:*}_issuer_chain
	{ printf "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s-Issuer-Chain: %s\r\nRequest-ID: 7\r\n\r\n" ${c#*:} "$(jq -sRr @uri $f.pem)"; } >$f && rm $f.pem; done'
form "chains in dumps of headers, as curl -D writes them" 0 trusted "$headers"
form "a dump of headers without a chain" 3 "tcb_info_issuer_chain: an issuer chain of another form" "$headers; sed -i s/-Issuer-Chain:/-Chain:/ tcb_info_issuer_chain"
form "the value of a header with the line end of jq -r" 0 trusted 'for c in *_chain.pem; do jq -sRr @uri $c >${c%.pem} && rm $c; done'
form "the value of a header with + for spaces" 0 trusted 'for c in *_chain.pem; do jq -sRr @uri $c | sed "s/%20/+/g" >${c%.pem} && rm $c; done'
form "a byte order mark before JSON" 0 trusted 'for f in *.json; do sed -i "1s/^/\xef\xbb\xbf/" $f; done'
form "Intel's own file names" 0 trusted 'mv tcb_info.json tcbInfo.json; mv qe_identity.json qeIdentity.json; mv tcb_info_issuer_chain.pem tcbSignChain.pem
	rm qe_identity_issuer_chain.pem; mv pck_crl_issuer_chain.pem pckSignChain.pem; mv pck_crl.der intermediateCaCrl.der; mv root_ca_crl.der IntelSGXRootCA.der'
form "an error names the file" 3 "qe_identity.json: a file that is not" 'echo "{}" >qe_identity.json'
form "JSON that was formatted anew" 1 quote.tcbinfo.signature 'jq . tcb_info.json >x && mv x tcb_info.json'
form "CRLs in each other's place" 1 quote.crl 'mv pck_crl.der x; mv root_ca_crl.der pck_crl.der; mv x root_ca_crl.der'
form "chains in each other's place" 3 collateral.malformed 'cp pck_crl_issuer_chain.pem qe_identity_issuer_chain.pem'
form "three certificates in a chain" 3 collateral.malformed 'cat tcb_info_issuer_chain.pem >>pck_crl_issuer_chain.pem'
form "a member beside the signed one" 3 collateral.malformed 'sed -i "s/^{/{\"x\":1,/" tcb_info.json'
form "bytes behind the answer" 3 json.malformed 'echo "{}" >>tcb_info.json'
form "an encrypted certificate does not ask for a passphrase" 3 collateral.malformed \
	'sed -i "1a Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n" tcb_info_issuer_chain.pem'
form "TCB info altered" 1 quote.tcbinfo.signature 'sed -i "s/\"tcbType\":0/\"tcbType\": 0/" tcb_info.json'
# on a terminal, for elsewhere nobody could be asked
sed '1a Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00000000000000000000000000000000\n' "$sgx/root.pem" >"$work/encrypted.pem"
asks_nobody() { # NAME COMMAND
	local out
	if out=$(timeout 10 script -qec "$2" /dev/null </dev/null 2>&1); [ $? != 124 ] && grep -q "found:" <<<"$out" && ! grep -qi "pass *phrase" <<<"$out"; then ok "$1"; else not_ok "$1" "$out"; fi
}
asks_nobody "nor does an encrypted root" "$tcbind quote verify $sgx/quote.bin --root $work/encrypted.pem --collateral $sgx/pcs"
asks_nobody "nor does tcbind show" "$tcbind show $work/encrypted.pem"
other() { # another quote's document in part: NAME EXIT TEXT FILTER
	jq --slurpfile o "$work/q/tdx4/collateral.json" "$4" "$sgx/collateral.json" >"$work/other.json"
	run "$1" "$2" "$3" "${args[@]}" --collateral "$work/other.json"
}

# forms of the document: a program alters it
document() { # NAME EXIT TEXT PROGRAM: of Python; d: the document, raw(): its JSON
	python3 - "$sgx/collateral.json" "$work/document.json" "$4" <<'PYTHON' || not_ok "$1" "the program failed"
import base64, json, sys
d = json.load(open(sys.argv[1]))
der = {name: bytes.fromhex(d[name]) for name in ('root_ca_crl', 'pck_crl')}
def pem(bytes, width=64):
    text = base64.b64encode(bytes).decode()
    return '-----BEGIN X509 CRL-----\n' + '\n'.join(text[i:i + width] for i in range(0, len(text), width)) + '\n-----END X509 CRL-----\n'
raw = lambda: json.dumps(d)
exec(sys.argv[3])
open(sys.argv[2], 'w').write(raw())
PYTHON
	run "$1" "$2" "$3" "${args[@]}" --collateral "$work/document.json"
}
inside='for n, r in (("tcb_info", "tcbInfo"), ("qe_identity", "enclaveIdentity")): d[n] = "{\"%s\":%s,\"signature\":\"%s\"}" % (r, d[n], d.pop(n + "_signature"))'
document "signatures inside, as sgx_ql_qve_collateral_t has them" 0 trusted "$inside"
document "strings with their NUL" 0 trusted "$inside"'
for n in d: d[n] += "\0"
for n in der: d[n] = der[n].hex()'
document "signed texts as JSON, not as strings" 0 trusted '
raw = lambda: json.dumps(d).replace("\"TCB\"", tcb).replace("\"QE\"", qe)
tcb, qe, d["tcb_info"], d["qe_identity"] = d["tcb_info"], d["qe_identity"], "TCB", "QE"'
document "CRLs in base64, in a document" 0 trusted 'd.update({n: base64.b64encode(b).decode() for n, b in der.items()})'
document "CRLs in PEM, in a document" 0 trusted 'd.update({n: pem(b, 76) for n, b in der.items()})'
document "CRLs and signatures as arrays of bytes" 0 trusted 'd.update({n: list(b) for n, b in der.items()})
for n in ("tcb_info_signature", "qe_identity_signature"): d[n] = list(bytes.fromhex(d[n]))'
document "signatures in base64" 0 trusted 'for n in ("tcb_info_signature", "qe_identity_signature"): d[n] = base64.b64encode(bytes.fromhex(d[n])).decode()'
document "escapes of other serializers" 0 trusted 'raw = lambda: json.dumps(d).replace("+", "\\u002b").replace("=", "\\u003d").replace("-----BEGIN", "\\u002d----BEGIN")'
document "a byte order mark before the document" 0 trusted 'raw = lambda: "\ufeff" + json.dumps(d)'
document "chains as headers have them, in a document" 0 trusted 'import urllib.parse
for n in d: d[n] = urllib.parse.quote(d[n]) if n.endswith("chain") else d[n]'
document "chains in one long line with CR LF" 0 trusted 'import re
for n in d: d[n] = re.sub("(?<=[^-])\n(?=[^-])", "", d[n]).replace("\n", "\r\n") if n.endswith("chain") else d[n]'
document "a member that is missing is named" 3 "a document without qe_identity_signature" 'del d["qe_identity_signature"]'
document "a member of another form is named" 3 "a member pck_crl of another form" 'd["pck_crl"] = 7'
document "half a surrogate pair" 3 "a member tcb_info_issuer_chain of another form" 'd["tcb_info_issuer_chain"] += "\ud800"'
document "a byte over 255" 3 "a member pck_crl of another form" 'd["pck_crl"] = [48, 256]'
document "a signed text that was formatted anew" 1 quote.qe.signature 'd["qe_identity"] = json.dumps(json.loads(d["qe_identity"]), indent=1)'

other "a QE identity's signer of another root" 3 collateral.malformed '.qe_identity_issuer_chain = $o[0].qe_identity_issuer_chain'
other "all of another root" 1 quote.collateral.root '$o[0]'
other "a PCK chain that is another's" 1 quote.pck.other '.pck_certificate_chain = .tcb_info_issuer_chain'
jq --rawfile chain "$sgx/chain.pem" '.pck_certificate_chain = $chain' "$sgx/collateral.json" >"$work/own.json"
run "a PCK chain that is the quote's" 0 trusted "${args[@]}" --collateral "$work/own.json"

# the kept state
state=$work/state.json
keep() { run "$1" "$2" "$3" "${args[@]}" --state "$state" --collateral "$sgx/$4/collateral.json"; }
keep "before any was seen, old collateral is taken" 0 trusted old-tcb
keep "newer is taken" 0 trusted .
sum=$(sha256sum <"$state")
keep "an older TCB info is not taken again" 1 quote.tcbinfo.old old-tcb
keep "nor an older QE identity" 1 quote.qe.old old-qe
keep "nor an older CRL" 1 quote.crl.old old-crl
if [ -s "$state" ] && [ "$sum" = "$(sha256sum <"$state")" ]; then ok "what is refused changes no state"; else not_ok "what is refused changes no state"; fi
keep "the same is taken again" 0 trusted .
keep "newer raises it" 0 trusted new
keep "and what was the newest is old now" 1 quote.tcbinfo.old .
run "what is not trusted raises nothing" 1 quote.expected "${args[@]}" --state "$work/other-state" --collateral "$sgx/new/collateral.json" --expect isvsvn=9
run "so the older is still taken" 0 trusted "${args[@]}" --state "$work/other-state" --collateral "$sgx/collateral.json"
run "another root's numbers are another matter" 0 trusted "$work/q/tdx5/quote.bin" --root "$work/q/tdx5/root.pem" --state "$state" \
	--collateral "$work/q/tdx5/collateral.json"
if jq -e '(.families | length) == 2 and (.crls | length) == 4 and .families[0].tcb == 18' "$state" >/dev/null; then ok "the state is JSON"; else
	not_ok "the state is JSON" "$(cat "$state")"
fi
for i in 1 2 3 4 5 6; do "$tcbind" quote verify "${args[@]}" --state "$work/many" --collateral "$sgx/$([ $((i % 2)) = 0 ] && echo new || echo .)/collateral.json" >/dev/null & done
wait
if [ "$(jq '.families[0].tcb' "$work/many")" = 18 ]; then ok "users at the same time lose nothing"; else not_ok "users at the same time lose nothing"; fi
echo '{"version": 1' >"$work/broken"
run "a broken state is not an empty one" 4 state.malformed "${args[@]}" --state "$work/broken" --collateral "$sgx/collateral.json"
run "a state that cannot be kept" 4 file.write "${args[@]}" --state "$work/none/state" --collateral "$sgx/collateral.json"
run "a minimum evaluation number" 1 quote.tcbinfo.old "${args[@]}" --collateral "$sgx/collateral.json" --min-evaluation-number 18
run "a minimum CRL number" 1 quote.crl.old "${args[@]}" --collateral "$sgx/collateral.json" --min-root-crl-number 9000000000

# expectations
expect() { run "expects $4" "$2" "$3" "$work/q/$1/quote.bin" --root "$work/q/$1/root.pem" --collateral "$work/q/$1/pcs" "${@:4}"; }
hex() { printf "$1%.0s" $(seq "$2"); }
expect sgx3 0 trusted --expect "mrenclave=$(hex 11 32)" --expect "mrsigner=$(hex 22 32)" --expect "reportdata=$(hex 33 64)" \
	--expect isvprodid=0 --expect min-isvsvn=0 --expect "configid=$(hex 00 64)" --expect configsvn=0
expect sgx3 1 quote.expected --expect "mrenclave=$(hex 12 32)"
expect sgx3 1 quote.expected --expect "reportdata=$(hex 33 63)34"
expect sgx3 1 quote.expected --expect min-isvsvn=1
expect sgx3 1 quote.expected --expect "configid=$(hex 01 64)"
expect sgx3 1 quote.expected --expect "mrtd=$(hex 11 48)"
expect sgx3 2 "tcbind quote verify" --expect "reportdata=$(hex 33 32)"
expect sgx3 2 "tcbind quote verify" --expect "nosuch=1"
expect tdx5 0 trusted --expect "mrtd=$(hex 11 48)" --expect "mrservicetd=$(hex 00 48)" --expect tdattributes=268435456 --expect "rtmr3=$(hex 00 48)"
expect tdx5 1 quote.expected --expect "rtmr0=$(hex 01 48)"
expect tdx4 1 quote.expected --expect "mrservicetd=$(hex 00 48)"
expect sgx3 1 quote.advisory --deny-advisory INTEL-SA-00001,RIG-SA-7
expect sgx3 0 trusted --deny-advisory INTEL-SA-00001
run "Revoked cannot be accepted" 2 "tcbind quote verify" "${args[@]}" --collateral "$sgx/pcs" --accept Revoked
# What a file is: a quote that a kernel's buffer filled up with zeros, its chain in PEM inside, is no certificate.
kind() { "$tcbind" show "$1" --json | jq -r '[.kind, .tee, .padding_bytes] | map(. // "") | join(" ")'; }
for kind in sgx3:SGX tdx4:TDX tdx5:TDX; do
	quote=$work/q/${kind%:*}/quote.bin
	{ cat "$quote"; head -c 3000 /dev/zero; } >"$work/padded"
	if [ "$(kind "$quote")" = "quote ${kind#*:} " ]; then ok "show: ${kind%:*} is a quote"; else not_ok "show: ${kind%:*} is a quote" "$(kind "$quote")"; fi
	if [ "$(kind "$work/padded")" = "quote ${kind#*:} 3000" ]; then ok "and with padding"; else not_ok "and with padding" "$(kind "$work/padded")"; fi
	{ cat "$quote"; echo behind; } >"$work/more"
	if "$tcbind" show "$work/more" >/dev/null 2>&1; then not_ok "but not with other bytes behind it"; else ok "but not with other bytes behind it"; fi
done
if [ "$(kind "$sgx/root.pem")" = "certificate  " ]; then ok "show: a certificate in PEM"; else not_ok "show: a certificate in PEM"; fi
openssl x509 -in "$sgx/root.pem" -outform DER -out "$work/root.der"
if [ "$(kind "$work/root.der")" = "certificate  " ]; then ok "and in DER"; else not_ok "and in DER"; fi
done_testing
