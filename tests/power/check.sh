#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Power cuts. A scripted run of the real daemon is recorded (record.c): TPMs are made, written to, moved, deleted; the daemon is killed once. Then the
# power is cut at each operation on a file of that run, and what a restart makes of the files is looked at: by the code of host and enclaves in one
# process (main.c), and in some cuts by the real platform. The same script runs over Debian's swtpm.
#   POWER_WRITES, POWER_WRITES_SWTPM      NV writes of a TPM in each part of the script
#   POWER_VARIANTS, POWER_VARIANTS_SWTPM  trees for each cut
#   POWER_SAMPLE                          cuts that the real platform is started after
#   POWER_LEAST                           fewer cuts are a failure
#   POWER_KEEP                            a directory that traces and files are copied to
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/../e2e/fronts.sh"
HERE=$(dirname "${BASH_SOURCE[0]}")
WRITES=${POWER_WRITES:-6} VARIANTS=${POWER_VARIANTS:-4} VARIANTS_SWTPM=${POWER_VARIANTS_SWTPM:-2} SAMPLE=${POWER_SAMPLE:-2} LEAST=${POWER_LEAST:-300}
WRITES_SWTPM=${POWER_WRITES_SWTPM:-$WRITES}
POWER=$BUILD/tests/power/power
SCRATCH=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$WORK")/tcbind-power.XXXXXX")
trap 'cleanup; rm -rf "$SCRATCH"' EXIT

mark() { "$POWER" mark "$POWER_TRACE" "$*"; }
# told WHAT COMMAND...: marks that it was asked for and, if it succeeds, told; WHAT: as in history.h
told() {
	local what=$1 name
	shift
	name=$(cut -d ' ' -f 1-2 <<<"$what")
	mark "ask $what"
	"$@" >"$WORK/told" 2>&1 || { cat "$WORK/told"; return 1; }
	mark "told $name"
}
write() { timeout 600 python3 "$HERE/writes.py" write "$1" "$2" "$3" "$POWER_TRACE"; } # AT LETTER COUNT
value_of() { timeout 60 python3 "$HERE/writes.py" read "$1" 2>/dev/null; }
# record_into NAME PROGRAM: from now on what PROGRAM does below $WORK/NAME is recorded in $WORK/NAME.trace
record_into() {
	cp -a "$WORK/$1" "$WORK/$1.base"
	: >"$WORK/$1.trace"
	export POWER_TRACE=$WORK/$1.trace POWER_ROOT=$WORK/$1 POWER_PROGRAM=$2
}
# used DIR LETTER COUNT [ROOT]: the TPM in DIR runs, and writes
used() {
	front "$1" not-need-init,startup-clear
	write "$WORK/$1/data" "$2" "$3"
	local status=$?
	end "$1" "$front"
	return $status
}
# moved FROM TO: of the TPM b
moved() {
	local source target
	front "$1" not-need-init,startup-clear
	source=$front
	front "$2"
	target=$front
	told "move b users/$(basename "$2")" move "$1" "$2"
	local status=$?
	end "$2" "$target"
	end "$1" "$source"
	return $status
}

own_id=0f7b6a1e-54d2-4d0c-8a3e-6b1f2c3d4e5f other_id=5d3c9b7a-1f2e-4a6b-9c8d-7e6f5a4b3c2d
socket_of() { echo "$WORK/ours/A/vtpm/$1/ctrl.sock"; }
kill_daemon() {
	local before
	before=$(process_of tcbindd ours/A)
	kill_hard "the daemon" "$before"
	for _ in $(seq 200); do [ "$(process_of tcbindd ours/A)" != "$before" ] && break; sleep 0.05; done
	wait_for_daemon ours/A
}

# A TPM that is made when it is first started, in an empty directory. The daemon is killed before its state is in that directory.
made_by_start() {
	mark "ask create e users/e"
	front ours/users/e not-need-init,startup-clear
	[ "$(value_of "$WORK/ours/users/e/data")" = none ] && mark "told create e" && write "$WORK/ours/users/e/data" e 3 || return 1
	kill_daemon
	wait "$front"
	used ours/users/e e 2
}

# file_used DIR LETTER COUNT: the TPM whose state is in the file DIR/state.img
file_used() {
	local status
	rm -f "$WORK/$1/data" "$WORK/$1/ctrl"
	"$FRONTS/swtpm" socket --tpm2 --tpmstate "backend-uri=file://$WORK/$1/state.img" --ctrl "type=unixio,path=$WORK/$1/ctrl" \
		--server "type=unixio,path=$WORK/$1/data" --log "file=$WORK/$1/log" --flags not-need-init,startup-clear >/dev/null 2>&1 &
	front=$!
	pids+=($front)
	for _ in $(seq 250); do [ -S "$WORK/$1/data" ] && break; sleep 0.02; done
	if [ "$3" = 0 ]; then [ "$(value_of "$WORK/$1/data")" = none ]; else write "$WORK/$1/data" "$2" "$3"; fi
	status=$?
	end "$1" "$front"
	return $status
}

# The script, with tcbind. Each step must succeed, or the trace shows little.
script_ours() {
	told "create a A/vtpm/$own_id" "$TCBIND" vtpm create --platform "$WORK/ours/A" --id $own_id &&
		write "$(socket_of $own_id)" a "$WRITES" &&
		told "create b users/b" "$FRONTS/swtpm_setup" --tpm2 --tpm-state "$WORK/ours/users/b" --create-ek-cert &&
		used ours/users/b b "$WRITES" || return 1
	write "$(socket_of $own_id)" a "$WRITES" &
	local background=$!
	front ours/users/b not-need-init,startup-clear
	write "$WORK/ours/users/b/data" b "$WRITES" && wait $background || return 1
	kill_daemon
	wait "$front"
	made_by_start || return 1
	write "$(socket_of $own_id)" a "$WRITES" &&
		moved ours/users/b ours/users/c &&
		used ours/users/c b "$WRITES" &&
		told "create d A/vtpm/$other_id" "$TCBIND" vtpm create --platform "$WORK/ours/A" --id $other_id &&
		write "$(socket_of $other_id)" d 3 &&
		told "delete d" "$TCBIND" vtpm delete --platform "$WORK/ours/A" --id $other_id &&
		told "create f users/f/state.img" file_used ours/users/f f 0 &&
		file_used ours/users/f f 3 && file_used ours/users/f f 3
}

# The same with swtpm, which has no platform: its TPMs are in users' directories.
script_theirs() {
	told "create a users/a" /usr/bin/swtpm_setup --tpm2 --tpmstate "$WORK/theirs/users/a" --overwrite &&
		used theirs/users/a a "$WRITES" &&
		told "create b users/b" /usr/bin/swtpm_setup --tpm2 --tpmstate "$WORK/theirs/users/b" --overwrite &&
		used theirs/users/b b "$WRITES" && used theirs/users/a a "$WRITES" && used theirs/users/b b "$WRITES" &&
		used theirs/users/a a "$WRITES" && moved theirs/users/b theirs/users/c && used theirs/users/c b "$WRITES"
}

# is_complete NAME SIDE PART...: at the trace's end the model has what is on the disk
is_complete() {
	local name=$1 part
	shift
	"$POWER" image "$name" "$WORK/$name.trace" "$WORK/$name.base" "$WORK/$name" "$SCRATCH/end" 1000000000 1 || return 1
	for part in "$@"; do
		diff -r -x '*.sock' -x ctrl -x data -x log -x .lock "$WORK/$name/$part" "$SCRATCH/end/$part" || return 1
	done
	rm -rf "$SCRATCH/end"
}

# counted NAME VARIANTS [PLATFORM BUILD]: the line of counts in $counts
counted() {
	local name=$1 variants=$2
	shift 2
	counts=$("$POWER" check "$name" "$WORK/$name.trace" "$WORK/$name.base" "$WORK/$name" "$SCRATCH" "$variants" 2 "$@" | tee "$WORK/$name.counted" | tail -n 1)
	grep '^#' "$WORK/$name.counted" | head -n 30
	read -r _ points cuts kept lost garbage revived <<<"$counts"
}
table=
add_row() { table+=$(printf '%-8s %10s %10s %10s %10s %10s %10s' "$@")$'\n'; }

# ---- the real platform after some cuts ----

# in_range VALUE LETTER LOW HIGH
in_range() { [[ $1 =~ ^power-$2-([0-9]+)$ ]] && [ "$((10#${BASH_REMATCH[1]}))" -ge "$3" ] && [ "$((10#${BASH_REMATCH[1]}))" -le "$4" ] || { [ "$3" = 0 ] && [ "$1" = none ]; }; }
# reads DIR LETTER LOW HIGH: the TPM in that directory of the tree has such a number
reads() {
	local value
	if [[ $1 = A/* ]]; then
		value=$(value_of "$WORK/ours/$1/ctrl.sock")
	elif [[ $1 = *.img ]]; then
		return # the code of the host looked at it
	else
		front "ours/$1" not-need-init,startup-clear
		value=$(value_of "$WORK/ours/$1/data")
		end "ours/$1" "$front"
	fi
	in_range "$value" "$2" "$3" "$4" || { echo "$1 has '$value'; wanted $2 $3 to $4"; [[ $1 = A/* ]] || cat "$WORK/ours/$1/log"; return 1; }
}
# finished FROM TO LETTER LOW HIGH: a hand-over that was cut, done once more
finished() {
	local source target
	front "ours/$1"
	source=$front
	front "ours/$2"
	target=$front
	ioctl "ours/$1" --save permanent "$WORK/blob" && ioctl "ours/$2" --load permanent "$WORK/blob" && ioctl "ours/$2" -i
	end "ours/$2" "$target"
	end "ours/$1" "$source"
	reads "$2" "$3" "$4" "$5"
}
# goes_on LETTER STAGE DIR OTHER LOW HIGH: what history.h's stages ask for
goes_on() {
	case $2 in
	2) reads "$3" "$1" "$5" "$6" ;;
	3) reads "$3" "$1" "$5" "$6" || reads "$4" "$1" "$5" "$6" || finished "$3" "$4" "$1" "$5" "$6" ;;
	5) ! reads "$3" "$1" 1 99999999 ;;
	esac
}
# starts_after CUT VARIANT: the real platform on the tree that this cut leaves
starts_after() {
	local line status=0
	"$POWER" image ours "$WORK/ours.trace" "$WORK/ours.base" "$WORK/ours" "$WORK/ours" "$1" "$2" >"$WORK/expected" || return 1
	platform_start ours/A || return 1
	while read -r line; do
		# shellcheck disable=SC2086
		goes_on $line </dev/null || status=1
	done <"$WORK/expected"
	kill "$platform_pid" && wait "$platform_pid" 2>/dev/null
	return $status
}

# ---- the runs ----

mkdir -p "$WORK/ours/users/b" "$WORK/ours/users/c" "$WORK/ours/users/e" "$WORK/ours/users/f" "$WORK/theirs/users/a" "$WORK/theirs/users/b" "$WORK/theirs/users/c"
: >"$WORK/ours/users/f/state.img"
export TCBIND_PLATFORM=$WORK/ours/A
expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/ours/A" --pki "$WORK/P" --name A
record_into ours tcbindd
export LD_PRELOAD=$BUILD/tests/power/record.so
platform_start ours/A || not_ok "the platform starts"
unset LD_PRELOAD
expect "the script runs over tcbind" script_ours
kill "$platform_pid" && wait "$platform_pid" 2>/dev/null
[ -z "${POWER_KEEP:-}" ] || cp -a "$WORK/ours" "$WORK/ours.base" "$WORK/ours.trace" "$POWER_KEEP"
expect "the trace has all that the daemon did to its files" is_complete ours A/store A/vtpm users
counted ours "$VARIANTS" "$WORK/ours/A" "$BUILD"
add_row "" points cuts kept lost unreadable revived
add_row tcbind "$points" "$cuts" "$kept" "$lost" "$garbage" "$revived"
if [ "${cuts:-0}" -ge "$LEAST" ] && [ "$kept" = "$cuts" ]; then
	ok "$cuts power cuts: nothing that was acknowledged is lost, nothing is unreadable"
else
	not_ok "at least $LEAST power cuts, and none of them loses anything" "$counts"
fi

last=$((points - 1)) survived=0
for ((i = 0; i < SAMPLE; i++)); do
	cut=$(((i * 2 + 1) * last / (SAMPLE * 2))) variant=$((i % 8))
	if starts_after "$cut" "$variant" >"$WORK/sample" 2>&1; then survived=$((survived + 1)); else not_ok "the platform starts after cut $cut, tree $variant" "$(cat "$WORK/sample")"; fi
done
[ $survived = "$SAMPLE" ] && ok "the real platform goes on after $SAMPLE of these cuts"

record_into theirs swtpm
FRONTS=/usr/bin WRITES=$WRITES_SWTPM
export LD_PRELOAD=$BUILD/tests/power/record.so
expect "the script runs over swtpm" script_theirs
unset LD_PRELOAD
[ -z "${POWER_KEEP:-}" ] || cp -a "$WORK/theirs" "$WORK/theirs.base" "$WORK/theirs.trace" "$POWER_KEEP"
expect "the trace has all that swtpm did to its files" is_complete theirs users
counted theirs "$VARIANTS_SWTPM"
add_row swtpm "$points" "$cuts" "$kept" "$lost" "$garbage" "$revived"
if [ "${cuts:-0}" -gt 0 ]; then ok "swtpm's losses are counted"; else not_ok "swtpm's losses are counted" "$counts"; fi
sed 's/^/# /' <<<"${table%$'\n'}"
done_testing
