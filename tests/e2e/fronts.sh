# SPDX-License-Identifier: MIT
# TPMs in users' directories, for the end-to-end tests: sourced after the harness. DIR: below $WORK; its TPM's files, sockets and log are in it.
FRONTS=$BUILD/host/compat
HERE=$(dirname "${BASH_SOURCE[0]}")

# front DIR [FLAGS]: a TPM in DIR, its pid in $front; without flags it waits for CMD_INIT
front() {
	mkdir -p "$WORK/$1"
	rm -f "$WORK/$1/data" "$WORK/$1/ctrl"
	"$FRONTS/swtpm" socket --tpm2 --tpmstate "dir=$WORK/$1" --ctrl "type=unixio,path=$WORK/$1/ctrl" --server "type=unixio,path=$WORK/$1/data" \
		--log "file=$WORK/$1/log" ${2:+--flags "$2"} >/dev/null 2>&1 &
	front=$!
	pids+=($front)
	for _ in $(seq 250); do [ -S "$WORK/$1/ctrl" ] && [ -S "$WORK/$1/data" ] && return; sleep 0.02; done
}
# talk DIR HEX: one command on the data socket, its answer in hex
talk() { timeout 130 /usr/bin/python3 "$HERE/talk.py" "$WORK/$1/data" "$2"; }
ioctl() { timeout 20 "$FRONTS/swtpm_ioctl" --unix "$WORK/$1/ctrl" "${@:2}"; }
# end DIR PID: as its machine ends it, if it has not ended yet
end() {
	ioctl "$1" -s >/dev/null 2>&1
	kill "$2" 2>/dev/null
	wait "$2" 2>/dev/null
}
# move FROM TO: as QEMU does it
move() {
	ioctl "$1" --save permanent "$WORK/blob" && ioctl "$1" --save volatile "$WORK/blob.volatile" &&
		ioctl "$2" --load permanent "$WORK/blob" && ioctl "$2" --load volatile "$WORK/blob.volatile" && ioctl "$2" -i
}
# numbers define|read DIR: of the TPM in DIR/v1 (killed.py)
numbers() { timeout 20 /usr/bin/python3 "$HERE/killed.py" "$1" "$WORK/$2" 1; }
# is_there DIR: the TPM in DIR/v1 starts, and has what it acknowledged last; it ends again
is_there() {
	local status=0
	front "$1/v1" not-need-init,startup-clear
	[ "$(numbers read "$1" 2>/dev/null | head -n 1)" = kept ] || { status=1; cat "$WORK/$1/v1/log"; }
	end "$1/v1" "$front"
	return $status
}
# wait_for_daemon PLATFORM: after a crash its supervisor starts another
wait_for_daemon() { for _ in $(seq 200); do "$TCBIND" vtpm list --platform "$WORK/$1" >/dev/null 2>&1 && return; sleep 0.05; done; }
