#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command line of tcbind: every command has --help, which makes nothing; each usage error names what is wrong.
set -u
tcbind=$BUILD/cli/tcbind
. "$(dirname "$0")/../../tools/tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK" || exit 1

# usage_error NAME WORDS ARGUMENTS...: status 2, nothing on standard output, WORDS in the first line on standard error, nothing made
usage_error() {
	local name=$1 words=$2 status
	shift 2
	"$tcbind" "$@" >"$WORK/out" 2>"$WORK/err"
	status=$?
	if [ $status = 2 ] && [ ! -s "$WORK/out" ] && head -n 1 "$WORK/err" | grep -qF -- "$words"; then
		ok "$name"
	else
		not_ok "$name" "status $status: $(cat "$WORK/out" "$WORK/err")"
	fi
}

# Each command that the usage shows; each of them explains itself, also behind other arguments.
mapfile -t commands < <("$tcbind" --help | sed -n -E 's/^  tcbind ([a-z]+( [a-z][a-z-]+)?).*/\1/p' | sort -u)
expect "the usage shows the commands" [ ${#commands[@]} -ge 15 ]
for command in "${commands[@]}"; do
	read -ra words <<<"$command"
	for arguments in --help "one --help" "--json --help"; do
		read -ra rest <<<"$arguments"
		mkdir "$WORK/empty" && cd "$WORK/empty" || exit 1
		"$tcbind" "${words[@]}" "${rest[@]}" >"$WORK/out" 2>"$WORK/err"
		status=$?
		cd "$WORK" || exit 1
		if [ $status = 0 ] && grep -q "^  tcbind $command" "$WORK/out" && [ ! -s "$WORK/err" ] && [ -z "$(ls -A empty)" ]; then
			ok "$command $arguments"
		else
			not_ok "$command $arguments" "status $status: $(cat "$WORK/out" "$WORK/err"; ls -A empty)"
		fi
		rm -rf "$WORK/empty"
	done
done

usage_error "no command" "a command is missing"
usage_error "an unknown command is named" "'verfy'" verfy x
usage_error "an unknown verb is named" "'vtpm crate'" vtpm crate
usage_error "a missing verb" "'vtpm' needs one more word" vtpm
usage_error "an unknown option is named" "--plattform" vtpm list --plattform x
usage_error "and one with a value" "--plattform" vtpm list --plattform=x
usage_error "and a short one" "-q" attest -q x
usage_error "a missing option is named" "--pki is missing" platform init x
usage_error "a missing operand is named" "DIR is missing" pki init
usage_error "a missing value is named" "--policy needs a value: FILE" verify x --policy
usage_error "an option is no value" "--platform needs a value: DIR" vtpm list --platform --json
usage_error "nor is nothing" "--platform needs a value: DIR" vtpm list --platform ""
usage_error "an empty operand" "DIR is empty" platform run ""
usage_error "a flag with a value" "--json takes no value" show x --json=yes
usage_error "an option that is given twice" "--policy is given twice" verify x --policy a --policy b
usage_error "one argument too many" "'b' is one argument too many" pki init a b
usage_error "what is no nonce" "--nonce: 'xyz'" verify x --policy p --nonce xyz
usage_error "what is no time" "--at: 'noon'" verify x --policy p --at noon
usage_error "two forms of a result" "--json and --ear" verify x --policy p --json --ear k
usage_error "what is no number of streams" "--streams: '2x'" migrate --platform a --id b --qmp c --to-platform d:1 --to-qmp e --streams 2x
usage_error "what is no number of seconds" "--idle-exit: '-1'" platform run x --idle-exit=-1
usage_error "a status that cannot be accepted" "--accept: 'Revoked'" quote verify x --collateral y --accept Revoked
usage_error "neither --id nor --gone" "--id and --gone" vtpm delete --platform x
usage_error "both --id and --gone" "--id and --gone" vtpm delete --platform x --gone --id y
printf '{\n "version": 1,\n "surprise": 1 }\n' >typo.json
expect_refusal "verify: an error in a policy names the file" "typo.json: line 3, column 3: 'surprise'" "$tcbind" verify x --policy typo.json
printf '{ "version": 1, \n' >cut.json
expect_refusal "and one in its JSON" "cut.json: line 2, column 1" "$tcbind" verify x --policy cut.json
printf '{"version": 1}' >good.json
expect_status "--version" 0 "$tcbind" --version
expect_status "tcbindd --help makes nothing" 2 "$BUILD/host/tcbindd" --help
expect_refusal "behind -- nothing is an option" "show: \|--help" "$tcbind" show -- --help
expect "what was made is told on standard error, with what comes next" \
	sh -c "[ -z \"\$('$tcbind' pki init P 2>err)\" ] && grep -q 'made P' err && grep -q 'next: tcbind platform init' err"
expect_refusal "a PKI is not made twice" pki.exists "$tcbind" pki init P
done_testing
