#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The data channel read by the enclave, and by the daemon for an enclave that takes none: the same steps, the same answers.
. "$(dirname "$0")/../../tools/harness.sh"

"$TCBIND" pki init "$WORK/P" >/dev/null
startup=80010000000c000001440000
clock=80010000000a00000181
random=80010000000c0000017b0008
read_pcr16=8001000000140000017e00000001000b03000001
extend16=80020000004100000182000000100000000940000009000000000000000001000b$(printf '%064d' 7)
prefix() { printf '00000008%02x%08x%s' "$1" $((${#2} / 2)) "$2"; } # LOCALITY COMMAND

# steps NAME: with platform NAME
steps() {
	local sock=$WORK/$1.d
	mkdir "$sock"
	"$BUILD/host/compat/swtpm" socket --tpm2 --tpmstate "dir=$sock" --ctrl "type=unixio,path=$sock/ctrl" \
		--server "type=unixio,path=$sock/data" --log "file=$sock/log" --flags not-need-init >/dev/null 2>&1 &
	local pid=$!
	for _ in $(seq 100); do [ -S "$sock/data" ] && break; sleep 0.05; done
	control() { swtpm_ioctl --unix "$sock/ctrl" "$@" 2>&1; }
	talk() { # HEX...: pieces, one write each
		local piece
		{ for piece in "$@"; do printf "%b" "$(sed 's/../\\x&/g' <<<"$piece")"; sleep 0.1; done; sleep 0.3; } |
			timeout 5 socat -t 1 - "unix-connect:$sock/data" | od -An -v -tx1 | tr -d ' \n'
	}
	echo "startup: $(talk $startup)"
	echo "in pieces: $(talk ${random:0:2} ${random:2:10} ${random:12} | cut -c 1-24)"
	echo "joined: $(talk $random$random$random | wc -c)"
	echo "joined and cut: $(talk $random${random:0:6} ${random:6}$random | wc -c)"
	echo "prefixed: $(talk "$(prefix 0 $clock)" | cut -c 1-28)"
	echo "prefixed, joined to one that is not: $(talk "$(prefix 3 $startup)$startup")"
	echo "bad size: $(talk 80010000000000000000)"
	echo "bad prefix: $(talk 00000009000000000c$startup)"
	echo "extend: $(talk "$extend16")"
	echo "PCR 16: $(talk $read_pcr16 | tail -c 64)"
	# A control request while a client has half a command on its way: both are answered.
	{ printf '\x80\x01\0\0\0\x0c'; sleep 0.4; printf '\0\0\x01\x7b\0\x08'; sleep 0.4; } |
		timeout 5 socat -t 1 - "unix-connect:$sock/data" | wc -c >"$sock/half" &
	sleep 0.2
	echo "locality between: $(control -l 2) $(control -e)"
	wait %%
	echo "half a command: $(cat "$sock/half")"
	for i in $(seq 40); do echo $random; done >"$sock/many"
	{ while read -r line; do printf "%b" "$(sed 's/../\\x&/g' <<<"$line")"; done <"$sock/many"; sleep 0.5; } |
		timeout 9 socat -t 1 - "unix-connect:$sock/data" | wc -c >"$sock/count" &
	for i in $(seq 10); do control -e >/dev/null; control -l 0 >/dev/null; done
	wait %%
	echo "forty commands among control requests: $(cat "$sock/count")"
	echo "stop: $(control --stop) then $(talk $clock)"
	echo "init: $(control -i) then $(talk $startup)"
	id=$("$TCBIND" vtpm list --platform "$WORK/$1" | awk '/running/ { print $1; exit }')
	"$TCBIND" attest --platform "$WORK/$1" --id "$id" --nonce 0011 -o "$WORK/$1.ev" >"$WORK/$1.attest" 2>&1
	echo "attested: $? then $(talk $random | cut -c 1-24)"
	"$(dirname "$0")/cancel.py" "$sock/ctrl" "$sock/data" >"$WORK/$1.cancelled"
	control -s >/dev/null
	wait $pid
	echo "ended: $?"
}

# guest_steps NAME: what a VM's channel is answered, with platform NAME
guest_steps() {
	local dir=$WORK/$1.guest
	mkdir "$dir"
	"$BUILD/host/compat/swtpm" socket --tpm2 --tpmstate "dir=$dir" --ctrl "type=unixio,path=$dir/ctrl" \
		--log "file=$dir/log" --flags not-need-init,startup-clear >/dev/null 2>&1 &
	local pid=$!
	for _ in $(seq 100); do [ -S "$dir/ctrl" ] && break; sleep 0.05; done
	"$(dirname "$0")/guest-prefix.py" "$dir/ctrl"
	swtpm_ioctl --unix "$dir/ctrl" -s >/dev/null
	wait $pid
}

for name in direct frames; do
	"$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name "$name" >/dev/null
	[ $name = frames ] && export TCBIND_DATA_BY_FRAMES=1
	if platform_start $name; then ok "a platform runs: $name"; else not_ok "a platform runs: $name"; fi
	TCBIND_PLATFORM=$WORK/$name steps $name >"$WORK/$name.steps" 2>&1
	TCBIND_PLATFORM=$WORK/$name guest_steps $name >"$WORK/$name.localities" 2>&1
	expect "a guest has the locality that its VM has, whatever it writes: $name" diff "$WORK/$name.localities" - <<-END
		00000907
		00000142
		00000907
		00000000
	END
done
expect "$(wc -l <"$WORK/direct.steps") steps, all answered" [ "$(grep -c ': .' "$WORK/direct.steps")" = 17 ]
expect "evidence was made meanwhile, and the TPM goes on" grep -qxE 'attested: 0 then 800100000014000000000008' "$WORK/direct.steps"
expect "a PCR was extended" grep -qxE 'PCR 16: [0-9a-f]*[1-9a-f][0-9a-f]*' "$WORK/direct.steps"
expect "swtpm ended as it was told to" grep -qx 'ended: 0' "$WORK/direct.steps"
expect "a command works" grep -q '^startup: 80010000000a00000000$' "$WORK/direct.steps"
expect "pieces are collected" grep -q '^in pieces: 800100000014000000000008$' "$WORK/direct.steps"
expect "joined ones are all answered" grep -q '^forty commands among control requests: 800$' "$WORK/direct.steps"
if diff "$WORK/direct.steps" "$WORK/frames.steps" >"$WORK/diff"; then ok "read by enclave or daemon, the answers are the same"; else
	not_ok "read by enclave or daemon, the answers are the same" "$(cat "$WORK/diff")"; fi
# Not all: a key may be there within those milliseconds. Read by the daemon, none is: it hears of the cancel afterwards.
read -r cancelled after <"$WORK/direct.cancelled"
expect "a key generation is cancelled ($cancelled of 20)" [ "${cancelled:-0}" -ge 10 ]
expect "and the TPM goes on" [ "$after" = 0 ]
expect "read by the daemon, a cancel comes late and does no harm" grep -qx '0 0' "$WORK/frames.cancelled"
done_testing
