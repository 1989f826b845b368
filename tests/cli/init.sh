#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind pki init and platform init: what `platform run` would refuse is refused before anything is made, and a failure leaves nothing.
set -u
tcbind=$BUILD/cli/tcbind
. "$(dirname "$0")/../../tools/tap.sh"
WORK=$(mktemp -d /tmp/tcbind-init.XXXXXX) # short: the paths of sockets are
trap 'chmod -R u+w "$WORK"; rm -rf "$WORK"' EXIT
mkdir "$WORK/in"
cd "$WORK/in" || exit 1
"$tcbind" pki init ../P >/dev/null 2>&1 || { echo "Bail out! no PKI"; exit 1; }
keys=$(ls ../P)

# refused NAME CODE ARGUMENTS...: status 1, this code, and nothing is there that was not before
refused() {
	local name=$1 code=$2 status
	shift 2
	"$tcbind" "$@" >"$WORK/out" 2>&1
	status=$?
	if [ $status = 1 ] && grep -q "^tcbind: $code\$" "$WORK/out" && [ -z "$(ls -A)" ] && [ "$(ls ../P)" = "$keys" ]; then
		ok "$name"
	else
		not_ok "$name" "status $status: $(cat "$WORK/out"; ls -A)"
		rm -rf -- "$WORK/in/"*
	fi
}
init() { refused "$1" "$2" platform init A --pki ../P "${@:3}"; }

init "a port that is none" address.form --listen 127.0.0.1:99999
init "port 0" address.form --listen 127.0.0.1:0
init "a port with a sign" address.form --listen 127.0.0.1:+700
init "no port" address.form --listen localhost
init "no host" address.form --listen :7000
init "an IPv6 address without brackets" address.form --listen ::1:7000
init "a host with a line feed" address.form --listen $'local\nhost:7000'
init "a host name that does not resolve" address.host --listen no-such-host.invalid:7000
init "an address of another machine" address.local --listen 192.0.2.1:7000
init "every address" address.local --listen 0.0.0.0:7000
init "every IPv6 address" address.local --listen '[::]:7000'
init "a TCTI that tpm2-tss does not have" platform.ptpm --ptpm nosuchtcti:x
init "a TPM device that is not there" platform.ptpm --ptpm device:/dev/no-such-tpm
init "a TPM device that is a file" platform.ptpm --ptpm "device:$WORK/P/root.pem"
init "a TCTI that is too long" platform.option --ptpm "swtpm:path=$(printf '%0300d' 0)"
init "a name with a line feed" platform.name --name $'two\nlines'
init "a name with an escape" platform.name --name $'\e[31mred'
init "a name that is not UTF-8" platform.name --name $'\xff\xfe'
init "a name that is too long" platform.option --name "$(printf '%065d' 0)"
refused "a directory whose sockets would be too long" path.long platform init "$(printf '%050d' 0)" --pki ../P
refused "a directory whose name evidence cannot carry" platform.name platform init $'a\nb' --pki ../P
refused "a parent that is not there" file.write platform init no/A --pki ../P
refused "no PKI" pki.unreadable platform init A --pki ../no
refused "a PKI whose parent is not there" file.write pki init no/P
refused "a directory that is there" platform.exists platform init ../P --pki ../P
refused "a PKI that is there" pki.exists pki init ../P/

# The disk, or a file, fails in the middle.
cp -r ../P ../Q && rm ../Q/collateral.cbor
refused "a PKI without collateral" file.read platform init A --pki ../Q
(ulimit -f 1; trap '' XFSZ; "$tcbind" pki init R >"$WORK/out" 2>&1) && not_ok "a PKI on a disk that is full" "was made"
expect "a PKI that could not be written leaves nothing" [ -z "$(ls -A)" ]
(ulimit -f 1; trap '' XFSZ; "$tcbind" platform init R --pki ../P >"$WORK/out" 2>&1) && not_ok "a platform on a disk that is full" "was made"
expect "nor does a platform" [ -z "$(ls -A)" ]

expect "a trailing slash is no part of the name" sh -c "'$tcbind' platform init B/ --pki ../P && [ \"\$(jq -r .name B/platform.json)\" = B ]"
expect "an IPv6 address in brackets" "$tcbind" platform init C --pki ../P --listen '[::1]:7000'
expect "a host name" "$tcbind" platform init D --pki ../P --listen localhost:7000
expect "a name of any script" "$tcbind" platform init E --pki ../P --name "Füße 東京"
expect "a long path, where programs bring their own sockets" "$tcbind" platform init "$(printf '%050d' 0)" --pki ../P --private

# What is written into platform.json by hand is judged by `run` in the same way.
edited() { # NAME CODE JQ
	cp B/platform.json B/before && jq "$3" B/before >B/platform.json
	expect_refusal "$1" "$2" timeout 60 "$tcbind" platform run B
	mv B/before B/platform.json
}
edited "run: a name with a line feed" platform.name '.name = "a\nb"'
edited "run: a port that is none" address.form '.listen = "127.0.0.1:99999"'
edited "run: a member that is missing" "B/platform.json: one of" 'del(.ptpm)'
echo '{"name":' >B/platform.json
expect_refusal "run: what is no JSON, with file and place" "B/platform.json: 2:0: " timeout 60 "$tcbind" platform run B
expect_refusal "run: no such directory" "no/such: No such file" "$tcbind" platform run no/such
done_testing
