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
form "a byte behind a CRL in PEM" 3 collateral.malformed 'openssl crl -inform der -in pck_crl.der -out pck_crl.pem && rm pck_crl.der && echo >>pck_crl.pem'
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
