# Shared by the shell tests of the verifier: TAP, and a directory with evidence to judge. Sourced by bash; $MAKE_EVIDENCE makes it.
set -u
WORK=$(mktemp -d /tmp/tcbind-verify.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
tcbind=$BUILD/cli/tcbind
count=0
ok() { count=$((count + 1)); echo "ok $count - $1"; }
not_ok() { count=$((count + 1)); echo "not ok $count - $1"; printf '%s\n' "${2:-}" | sed 's/^/# /'; }
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
# expect NAME COMMAND...: passes if the command ends 0
expect() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$output"; fi
}
# expect_status NAME STATUS COMMAND...
expect_status() {
	local name=$1 wanted=$2 output status
	shift 2
	output=$("$@" 2>&1)
	status=$?
	if [ $status = "$wanted" ]; then ok "$name"; else not_ok "$name" "status $status, wanted $wanted: $output"; fi
}
done_testing() { echo "1..$count"; }

"$MAKE_EVIDENCE" "$WORK" || { echo "Bail out! no evidence could be made"; exit 1; }
nonce=$(cat "$WORK/nonce")
