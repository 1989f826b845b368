#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Many vTPMs write at once, so that their writes are committed together; then a part of the platform is killed at once. Whatever a TPM has acknowledged is
# there afterwards, or what it was asked for next.
. "$(dirname "$0")/../../tools/harness.sh"
OURS=$BUILD/host/compat/swtpm
COUNT=12

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
if platform_start A; then ok "platform run says ready"; else not_ok "platform run says ready"; fi
export TCBIND_PLATFORM=$WORK/A

start_all() {
	local i
	fronts=()
	for i in $(seq $COUNT); do
		mkdir -p "$WORK/v$i"
		rm -f "$WORK/v$i/data"
		"$OURS" socket --tpm2 --tpmstate "dir=$WORK/v$i" --ctrl "type=unixio,path=$WORK/v$i/ctrl" --server "type=unixio,path=$WORK/v$i/data" \
			--pid "file=$WORK/v$i/pid" --flags not-need-init,startup-clear >/dev/null 2>>"$WORK/fronts" &
		fronts+=($!)
		pids+=($!)
	done
	for i in $(seq $COUNT); do
		for _ in $(seq 200); do [ -s "$WORK/v$i/pid" ] && break; sleep 0.05; done
	done
}
# What the kill left behind ends by itself, or is ended; then the platform is there again.
end_all() {
	local pid
	for pid in "${fronts[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
	rm -f "$WORK"/v*/pid
	for _ in $(seq 100); do "$TCBIND" vtpm list --platform "$WORK/A" >/dev/null 2>&1 && return; sleep 0.1; done
}
killed() { /usr/bin/python3 "$(dirname "$0")/killed.py" "$1" "$WORK" $COUNT; }

start_all
expect "$COUNT TPMs have a number each" killed define
written=0
for victim in tcbindd pse vtpm mige tcbindd sgxsim; do
	killed write &
	writers=$!
	sleep 1.5
	case $victim in
	tcbindd | sgxsim) kill_hard $victim "$(process_of $victim A)" ;;
	pse | mige) kill_hard $victim "$(enclaves_of A $victim)" ;;
	vtpm) kill_each "a vTPM's enclave" $(enclaves_of A vtpm) ;;
	esac
	for _ in $(seq 200); do kill -0 $writers 2>/dev/null || break; sleep 0.1; done
	wrote=ended
	if kill $writers 2>/dev/null; then wrote="did not end"; fi
	wait $writers 2>/dev/null
	expect_same "who writes when $victim is killed hears of it" "$wrote, status $?" "ended, status 0"
	end_all
	if [ $victim = sgxsim ]; then # a reset of the processor: the platform has ended
		wait "$platform_pid" 2>/dev/null
		platform_start A || not_ok "the platform starts again"
	fi
	start_all
	killed read >"$WORK/read"
	expect "after kill -9 of $victim what was acknowledged is there ($(tail -n 1 "$WORK/read") writes)" [ "$(grep -cx kept "$WORK/read")" = $COUNT ]
	grep -h LOST "$WORK/read" | sed 's/^/# /'
	expect "there were writes to lose" [ "$(tail -n 1 "$WORK/read")" -gt $((written + 50)) ]
	written=$(tail -n 1 "$WORK/read")
done
expect "there were writes to lose" [ "$(tail -n 1 "$WORK/read")" -gt 500 ]
end_all
done_testing
