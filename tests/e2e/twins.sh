#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# vTPM enclaves are forked from one process: what that must not mean. Twenty vTPMs made at once, and one made, copied and started twice.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
if platform_start A; then ok "platform run says ready"; else not_ok "platform run says ready"; fi
export TCBIND_PLATFORM=$WORK/A

random32=80010000000c0000017b0020
# an ECC primary key of the null hierarchy, whose seed is new with each start; of the owner's, whose seed is new with each vTPM
primary() { tr -d ' ' <<<"8002 0000003f 00000131 $1 00000009 400000090000000000 000400000000 0016 0023 000b 00040072 0000 0010 0010 0003 0010 0000 0000 0000 00000000"; }

processor=$(pgrep -f "sgxsim $WORK/A" | head -n 1)
started=()
for i in $(seq 20); do
	mkdir "$WORK/v$i"
	"$FRONTS/swtpm" socket --tpm2 --tpmstate "dir=$WORK/v$i" --ctrl "type=unixio,path=$WORK/v$i/ctrl" --server "type=unixio,path=$WORK/v$i/data" \
		--log "file=$WORK/v$i/log" --flags not-need-init,startup-clear >/dev/null 2>&1 &
	started+=($!)
	pids+=($!)
done
for i in $(seq 20); do
	for _ in $(seq 100); do [ -S "$WORK/v$i/data" ] && break; sleep 0.05; done
	talk "v$i" "$random32" >>"$WORK/random"
	echo >>"$WORK/random"
	talk "v$i" "$(primary 40000001)" >>"$WORK/owner"
	echo >>"$WORK/owner"
	talk "v$i" "$(primary 40000007)" >>"$WORK/null"
	echo >>"$WORK/null"
done
answers() { grep -cE '^800[12].{8}00000000' "$1"; }
expect "twenty vTPMs give random numbers" [ "$(answers "$WORK/random")" = 20 ]
expect "and keys of their owner's and their null hierarchy" [ "$(answers "$WORK/owner") $(answers "$WORK/null")" = "20 20" ]
expect "no two the same random numbers" [ "$(sort -u "$WORK/random" | grep -c .)" = 20 ]
expect "no two the same owner's seed" [ "$(sort -u "$WORK/owner" | grep -c .)" = 20 ]
expect "no two the same null seed" [ "$(sort -u "$WORK/null" | grep -c .)" = 20 ]
expect "their processes are the processor's own children" [ "$(pgrep -c -P "$processor")" -ge 23 ]
expect "each in its sandbox, but the one they are forked from" [ "$(for p in $(pgrep -P "$processor"); do grep -h '^Seccomp:' "/proc/$p/status"; done |
	awk '$2 == 2 { in_sandbox++ } $2 == 0 { out++ } END { print (in_sandbox >= 22) " " out }')" = "1 1" ]
descriptors() { for p in $(pgrep -P "$processor"); do ls "/proc/$p/fd" | wc -l; done | sort -n; }
if [ "$(id -u)" = 0 ]; then # nobody else may look into them
	expect "with no descriptor but theirs: one to three each" [ "$(descriptors | head -n 1)" -ge 1 -a "$(descriptors | tail -n 1)" -le 3 ]
else
	skip "with no descriptor but theirs" "only root may look"
fi
expect "none leaves a core dump" [ "$(for p in $(pgrep -P "$processor"); do grep -L '^Max core file size  *0  *0 ' "/proc/$p/limits"; done)" = "" ]

# One vTPM started twice, from the very same state: what is drawn is new, what is derived is not.
owner=$(head -n 1 "$WORK/owner" | cut -c 29-) # its room for objects is full: it would make no third and fourth
null=$(head -n 1 "$WORK/null" | cut -c 29-)
# TPM2_Shutdown(CLEAR): its next start is a TPM Reset, which draws the null seed anew (TPM 2.0 part 1, 12.2.3)
expect_same "it is shut down" "$(talk v1 80010000000c000001450000)" 80010000000a00000000
kill "${started[0]}"; wait "${started[0]}" 2>/dev/null
front v1 not-need-init,startup-clear
started[0]=$front
success() { sed -n 's/^800[12].\{8\}00000000//p'; } # of an answer: what follows its head, if the command succeeded
expect_same "started again, it has its owner's key" "$(talk v1 "$(primary 40000001)" | cut -c 29-)" "$owner"
expect_differ "another null seed" "$(talk v1 "$(primary 40000007)" | cut -c 29-)" "$null"
expect_differ "and other random numbers" "$(talk v1 "$random32" | success)" "$(head -n 1 "$WORK/random" | success)"

# One state opened twice: the copy that was opened first writes nothing any more, and answers nothing from the first command on that would have.
startup=80010000000c000001440000
code() { cut -c 13-20; }
kill "${started[2]}"; wait "${started[2]}" 2>/dev/null
mkdir "$WORK/second"
cp "$WORK/v3/tpm2-00.permall" "$WORK/second"
front v3 not-need-init
expect "a TPM is initialised" ioctl v3 -e # and has written nothing yet
front second not-need-init,startup-clear
expect "a copy of the state that was stored last starts, too" [ "$(talk second "$random32" | code)" = 00000000 ]
expect "the first does not, now" [ "$(talk v3 "$startup" | code)" = 00000101 ]
expect "and answers nothing" [ "$(talk v3 "$random32" | code)" = 00000101 ]
for _ in $(seq 40); do grep -q superseded "$WORK/v3/log" && break; sleep 0.05; done # its front writes it
expect "its log says why" grep -q ledger.copy.superseded "$WORK/v3/log"
expect "the second goes on" [ "$(talk second "$random32" | code)" = 00000000 ]

# The processor goes on when the process that it forks from is gone.
zygote=$(for p in $(pgrep -P "$processor"); do grep -q '^Seccomp:[[:space:]]*0' "/proc/$p/status" && echo "$p"; done)
kill_each "the process that enclaves are forked from" $zygote
"$TCBIND" vtpm create --platform "$WORK/A" >/dev/null 2>&1 # the first to need it may be told so
expect "and another takes its place when it was killed" "$TCBIND" vtpm create --platform "$WORK/A"
expect "the others live on" [ "$(talk v2 "$random32" | cut -c 13-20)" = 00000000 ]
for pid in "${started[@]}"; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
done_testing
