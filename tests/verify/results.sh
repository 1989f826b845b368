#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `tcbind verify` prints, as its users read it: the schema holds for every kind of result, the tree is plain in a pipe and coloured on a
# terminal, exit statuses and verdicts agree.
. "$(dirname "$0")/evidence.sh"
evidence=$WORK/evidence policy=$WORK/policy
other_root='.roots[0].spki_sha256 = ("00" * 32)'
jq "$other_root" "$policy" >"$WORK/other.policy"
jq '.freshness.nonce = "optional"' "$policy" >"$WORK/optional.policy"
head -c 100 "$evidence" >"$WORK/cut"
vectors=${TCBIND_VECTORS:-../shared/vectors}/dcap

conforms() { # NAME STATUS COMMAND...: exit status, and the schema
	local name=$1 wanted=$2 status
	shift 2
	"$@" >"$WORK/result.json" 2>"$WORK/err"
	status=$?
	if [ $status != "$wanted" ]; then
		not_ok "$name" "status $status, wanted $wanted: $(cat "$WORK/err")"
	elif ! output=$(/usr/bin/python3 -W ignore - "$WORK/result.json" 2>&1 <<-'PYTHON'
		import json, sys, jsonschema
		schema = json.load(open("docs/result.schema.json"))
		kind = jsonschema.Draft202012Validator
		kind.check_schema(schema)
		errors = list(kind(schema).iter_errors(json.load(open(sys.argv[1]))))
		sys.exit("\n".join(str(e) for e in errors) if errors else 0)
	PYTHON
	); then
		not_ok "$name" "$output"
	else
		ok "$name"
	fi
}

if /usr/bin/python3 -W ignore -c 'import jsonschema; jsonschema.Draft202012Validator' 2>/dev/null; then
	conforms "trusted: the schema holds" 0 "$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce" --json
	expect "and says fresh" jq -e '.verdict == "trusted" and .fresh and .platform.name == "a" and .vtpm.generation == 1' "$WORK/result.json"
	conforms "without a nonce not judged: the schema holds" 4 "$tcbind" verify "$evidence" --policy "$policy" --json
	expect "and says so" jq -e '.verdict == "not-judged" and (.fresh | not) and all(.checks[]; .result != "fail")' "$WORK/result.json"
	conforms "without a nonce under a policy that requires none: the schema holds" 0 \
		"$tcbind" verify "$evidence" --policy "$WORK/optional.policy" --json
	expect "and says not fresh" jq -e '(.fresh | not) and any(.checks[]; .result == "not-run" and .code == "evidence.freshness")' \
		"$WORK/result.json"
	conforms "not trusted: the schema holds" 1 "$tcbind" verify "$evidence" --policy "$WORK/other.policy" --json
	conforms "malformed: the schema holds" 3 "$tcbind" verify "$WORK/cut" --policy "$policy" --json
	if [ -d "$vectors" ]; then
		while read -r bundle at status; do
			conforms "$bundle at $at: the schema holds" "$status" "$tcbind" quote verify "$vectors/$bundle/quote.bin" \
				--collateral "$vectors/$bundle/collateral.json" --at "$at" --json
		done <<-'TABLE'
			tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z 0
			tdx4_b0c06f000000_f1c85033_eval17 2029-01-01T00:00:00Z 1
			tdx5_90c06f000000_cf77a6e9_eval18 2026-02-25T00:45:50Z 0
			sgx3_00606a000000_22c0df5d_eval17 2025-08-30T05:09:06Z 1
		TABLE
	else
		skip "real quotes: the schema holds" "no vectors at $vectors"
	fi
else
	skip "the schema holds" "python3-jsonschema is not installed"
fi

expect_status "--json and --ear together are a usage error" 2 "$tcbind" verify "$evidence" --policy "$policy" --json --ear x
expect_status "no policy file: not judged" 4 "$tcbind" verify "$evidence" --policy "$WORK/none"
expect_status "a policy that does not decode: malformed" 3 "$tcbind" verify "$evidence" --policy "$evidence"
expect_status "a key that is none: malformed" 3 "$tcbind" verify "$evidence" --policy "$policy" --ear "$policy"
at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
once() { "$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce" --at "$at" --json; }
expect_same "the same judgement gives the same text" "$(once)" "$(once)"

escape=$(printf '\033')
in_pipe=$("$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce" -v)
expect_same "no colour in a pipe" "${in_pipe#*"$escape"}" "$in_pipe"
expect "checks stand under their layers" grep -q -A1 '^  vtpm$' <<<"$in_pipe"
on_terminal() { script -qec "env $1 TERM=xterm $tcbind verify $evidence --policy $policy -v" /dev/null </dev/null; }
if command -v script >/dev/null; then
	expect "colour on a terminal" grep -q "${escape}\[32mpass" <(on_terminal NOTHING=)
	plain=$(on_terminal NO_COLOR=1)
	expect "with NO_COLOR it says the same" grep -q "pass" <<<"$plain"
	expect_same "and has none" "${plain#*"$escape"}" "$plain"
else
	skip "colour on a terminal" "no script(1)"
fi
refused=$("$tcbind" verify "$evidence" --policy "$WORK/other.policy")
expect "a refusal says what was wanted, found, and to be done" \
	sh -c 'for word in expected got means do; do printf "%s\n" "$1" | grep -q "^ *$word  " || exit 1; done' sh "$refused"

# The summary: at most 24 lines of 80 columns, and no code but beside what did not pass.
fits() { awk 'length > 80 { bad = 1 } END { exit bad || NR > 24 }' <<<"$1"; }
trusted=$("$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce")
expect "the summary fits a terminal" fits "$trusted"
expect "it names the vTPM and its platform" grep -qzP "\nvTPM 0.*, generation 1,\nis on platform a \(AK source msr\)\n" <<<"$trusted"
expect "it counts the checks of each layer" grep -q "^  vtpm  *[0-9]* passed$" <<<"$trusted"
codes_of() { grep -oE '[a-z_]+(\.[a-z_]+)+' <<<"$1" | sort -u; }
not_run=$("$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce" --json |
	jq -r '.checks[] | select(.result != "pass") | .code' | sort -u)
expect "no code beside a pass" [ "$(codes_of "$trusted")" = "$not_run" ]
passes=$(grep '^    pass' <<<"$in_pipe")
expect "nor with -v" [ "$(grep -cE ' (evidence|quote|platform|vtpm)\.[a-z.]+$' <<<"$passes")" = 0 ]
expect "-v prints every check" [ "$(grep -cE '^    (pass|fail|not-run) ' <<<"$in_pipe")" = \
	"$("$tcbind" verify "$evidence" --policy "$policy" --nonce "$nonce" --json | jq '.checks | length')" ]
stale=$("$tcbind" verify "$evidence" --policy "$policy")
expect "not judged: the summary fits" fits "$stale"
expect "and says why, and what to do" grep -qzP "\nnot run: evidence nonce \(evidence.freshness\)\n(.*\n)+  do  " <<<"$stale"
jq '.platform_pcrs = ([range(24) | {key: tostring, value: ("ab" * 32)}] | from_entries)' "$policy" >"$WORK/pcrs.policy"
many=$("$tcbind" verify "$evidence" --policy "$WORK/pcrs.policy" --nonce "$nonce")
expect "many failures: the summary fits" fits "$many"
expect "and says how many it leaves out" grep -qE '^and [0-9]+ more: -v prints every check$' <<<"$many"
expect "which -v prints" [ "$("$tcbind" verify "$evidence" --policy "$WORK/pcrs.policy" --nonce "$nonce" -v | grep -c '^    fail')" = 24 ]

# Where the vTPM has been: as text, as JSON, and by show.
moved() { "$tcbind" verify "$WORK/evidence.$1" --policy "$policy" --nonce "$(cat "$WORK/nonce.$1")" "${@:2}"; }
conforms "after a move: the schema holds" 0 moved moved --json
expect "JSON tells each hand-over" jq -e '.vtpm.custody == {folded: null,
	hand_overs: [{from: "a", to: "b", at: 1700000001, generation: 1}]}' "$WORK/result.json"
conforms "folded hand-overs: the schema holds" 0 moved folded --json
expect "JSON tells where the folded ones began" jq -e '.vtpm.hand_overs == 4 and .vtpm.custody.folded == {hand_overs: 3, first_at: 1600000000,
	last_at: 1600000002, stays: [{platform: "a", hand_overs: 2}], other_hand_overs: 1} and
	(.vtpm.custody.hand_overs | length) == 1' "$WORK/result.json"
told=$(moved folded)
expect "the summary tells the hand-overs" grep -qzP "\nhanded over, after 3 hand-overs before\n  2023-11-14T22:13:24Z: from a to b, ended generation 4\n" <<<"$told"
expect "and fits" fits "$told"
expect "who has not moved was not handed over" sh -c '! grep -q "handed over"' <<<"$trusted"
expect "show tells them too" jq -e '.custody.hand_overs[0] | [.from, .to, .at, .generation] == ["a", "b", "2023-11-14T22:13:21Z", 1]' \
	<("$tcbind" show "$WORK/evidence.moved" --json)
expect "and the folded ones" grep -qF 'first_at: 2020-09-13T12:26:40Z' <("$tcbind" show "$WORK/evidence.folded")
done_testing
