# SPDX-License-Identifier: MIT
# TAP for the shell tests, sourced by bash: each test is counted, and a test that fails says why.
count=0
ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() { count=$((count + 1)); echo "not ok $count - $1"; [ $# -gt 1 ] && printf '%s\n' "$2" | sed 's/^/# /'; return 0; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
done_testing() { echo "1..$count"; }

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
# expect_refusal NAME TEXT COMMAND...: passes if the command fails and says TEXT
expect_refusal() {
	local name=$1 text=$2
	shift 2
	if "$@" >"$WORK/expect.output" 2>&1; then
		not_ok "$name" "was not refused"
	elif grep -q -- "$text" "$WORK/expect.output"; then
		ok "$name"
	else
		not_ok "$name" "$(cat "$WORK/expect.output")"
	fi
}
