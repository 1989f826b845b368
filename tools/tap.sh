# SPDX-License-Identifier: MIT
# TAP for the shell tests, sourced by bash: each test is counted, and a test that fails says why. No check here passes on nothing: a command that could
# not be run was not refused, two empty texts are not the same text, and a file that is not there holds no proof.
count=0 failed_count=0
ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() { count=$((count + 1)); failed_count=$((failed_count + 1)); echo "not ok $count - $1"; [ $# -gt 1 ] && printf '%s\n' "$2" | sed 's/^/# /'; return 0; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
# done_testing: prints the plan; fails if a test failed, for those who look at the exit status only
done_testing() { echo "1..$count"; [ $failed_count = 0 ]; }

# What follows keeps what a command prints in a file of $WORK: it runs in this shell, so that what it sets and starts is known here.

# expect NAME COMMAND...: passes if the command ends 0
expect() {
	local name=$1
	shift
	if "$@" >"$WORK/expect.output" 2>&1; then ok "$name"; else not_ok "$name" "$(cat "$WORK/expect.output")"; fi
}
# expect_status NAME STATUS COMMAND...
expect_status() {
	local name=$1 wanted=$2 status
	shift 2
	"$@" >"$WORK/expect.output" 2>&1
	status=$?
	if [ $status = "$wanted" ]; then ok "$name"; else not_ok "$name" "status $status, wanted $wanted: $(cat "$WORK/expect.output")"; fi
}
# was_refused STATUS: false for a command that succeeded, was not found, was ended by timeout(1) or by a signal
was_refused() { [ "$1" -ne 0 ] && [ "$1" -lt 124 ]; }
# expect_refusal NAME TEXT COMMAND...: passes if the command fails by its own decision and says TEXT. For `tcbind verify` and `tcbind quote verify` use
# expect_check: they name the codes of checks that passed, too.
expect_refusal() {
	local name=$1 text=$2 status
	shift 2
	"$@" >"$WORK/expect.output" 2>&1
	status=$?
	if was_refused $status && [ -n "$text" ] && grep -q -- "$text" "$WORK/expect.output"; then
		ok "$name"
	else
		not_ok "$name" "status $status, wanted a refusal with \"$text\": $(cat "$WORK/expect.output")"
	fi
}
# failed_check FILE: the code of the first check that failed in a result as JSON
failed_check() { jq -r '[.checks[] | select(.result == "fail").code][0] // "none"' "$1"; }
# expect_check NAME CODE COMMAND...: passes if the command, to which --json is added, ends 1 because of the check CODE
expect_check() {
	local name=$1 code=$2 status found
	shift 2
	"$@" --json >"$WORK/expect.output" 2>"$WORK/expect.errors"
	status=$?
	found=$(failed_check "$WORK/expect.output" 2>&1)
	if [ "$status $found" = "1 $code" ]; then
		ok "$name"
	else
		not_ok "$name" "status $status, first failed check $found; wanted 1, $code: $(cat "$WORK/expect.errors")"
	fi
}
# expect_same NAME ONE OTHER, expect_differ NAME ONE OTHER: two texts, neither empty
expect_same() {
	if [ -n "$2" ] && [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$2") <(echo "$3") || true; [ -n "$2$3" ] || echo both are empty)"; fi
}
expect_differ() {
	if [ -n "$2" ] && [ -n "$3" ] && [ "$2" != "$3" ]; then ok "$1"; else not_ok "$1" "one: $2, other: $3"; fi
}
# expect_without NAME TEXT FILE...: TEXT is nowhere in the files and directories, all of which are there and hold something
expect_without() { local name=$1; shift; expect "$name" holds_none "$@"; }
holds_none() {
	local text=$1 place status
	shift
	for place in "$@"; do
		[ -n "$(find "$place" -type f -size +0 -print -quit)" ] || { echo "$place: not there, or nothing in it"; return 1; }
	done
	grep -aqr -e "$text" "$@"
	status=$?
	[ $status = 1 ] || { echo "grep ended $status: $text was found, or could not be looked for"; return 1; }
}

# flip FILE OFFSET: one bit of this byte is another
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
	printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
