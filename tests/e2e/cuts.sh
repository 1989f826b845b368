#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A platform's daemon is killed before each of its calls that change what is stored (cut.c), one after the other, while a vTPM is made, moved or deleted; then
# its vTPMs' enclaves are; then the disk is full at each. Whatever was cut: a TPM has what it acknowledged, in one place; what was not finished can be done
# again.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"
CUTS_A_RUN=15 # a supervisor does not start a daemon again that dies all the time

cut_by=kill
# What kills a platform's vTPMs' enclaves, but the process that they are forked from.
{
	declare -p BUILD WORK
	declare -f process_of children_of enclaves_of
	echo 'for process in $(enclaves_of "$1" vtpm); do grep -q "^Seccomp:[[:space:]]*2" "/proc/$process/status" && kill -9 "$process" && echo "$process" >>"$WORK/killed"; done; true'
} >"$WORK/kill-enclaves"

declare -A running
# run_anew PLATFORM...
run_anew() {
	local platform
	for platform in "$@"; do
		[ -n "${running[$platform]:-}" ] && kill "${running[$platform]}" && wait "${running[$platform]}" 2>/dev/null
		printf '\0\0\0\0' >"$WORK/$platform.cut"
		export TCBIND_CUT=$WORK/$platform.cut LD_PRELOAD=$BUILD/tests/e2e/cut.so TCBIND_CUT_BY=$cut_by
		[ "$cut_by" = enclaves ] && TCBIND_CUT_BY="bash $WORK/kill-enclaves $platform"
		platform_start "$platform"
		unset LD_PRELOAD
		running[$platform]=$platform_pid
	done
}
# cut PLATFORM N: its daemon is killed before the Nth call from now on; 0: not any more
cut() { printf "\\x$(printf %02x "$2")\\0\\0\\0" | dd of="$WORK/$1.cut" conv=notrunc status=none; }
cuts_left() { od -An -td4 "$WORK/$1.cut" | tr -d ' '; }
settle() { # PLATFORM: it is there again
	left=$(cuts_left "$1")
	cut "$1" 0
	wait_for_daemon "$1"
}

# each_cut WHAT STEP...: STEP N with the Nth call cut, from the first on, until one is not cut any
# more. The daemon is killed at each call. The enclaves are killed at each odd call and the disk is
# full at each even one; EVERY_CUT=1 tries each call in these ways, too.
each_cut() {
	local what=$1 first=1 stride=2 tried=0 n
	shift
	[ $cut_by = full ] && first=2
	if [ $cut_by = kill ] || [ -n "${EVERY_CUT:-}" ]; then first=1 stride=1; fi
	: >"$WORK/killed"
	for n in $(seq $first $stride 99); do
		[ $((tried % CUTS_A_RUN)) = 0 ] && run_anew A B
		tried=$((tried + 1))
		"$@" "$n" >"$WORK/step" 2>&1 || {
			not_ok "$what: cut $n" "$(cat "$WORK/step")"
			return
		}
		[ "$left" -gt 0 ] && break
	done
	what="$what: $((tried - 1)) cuts"
	if [ $cut_by = enclaves ] && [ ! -s "$WORK/killed" ]; then not_ok "$what" "no enclave was killed"
	elif [ "$n" -gt 3 ]; then ok "$what"; else not_ok "$what" "few: is the daemon cut at all?"; fi
}

# gives_again FROM DIR TO DIR: what was granted to platform TO, and has not come
gives_again() {
	if ! kill -0 "$source" 2>/dev/null; then # it is off: it does not run here any more, and gives its state without its moment
		TCBIND_PLATFORM=$WORK/$1 front "$2/v1"
		source=$front
		ioctl "$2/v1" -i && return
	else
		numbers read "$2" # its guest goes on, if it may
	fi
	TCBIND_PLATFORM=$WORK/$3 front "$4/v1"
	target=$front
	ioctl "$2/v1" --save permanent "$WORK/blob" && ioctl "$4/v1" --load permanent "$WORK/blob" &&
		{ ! ioctl "$2/v1" --save volatile "$WORK/blob" || ioctl "$4/v1" --load volatile "$WORK/blob"; } && ioctl "$4/v1" -i
	end "$4/v1" "$target"
}

# moves FROM TO AT N [off]: the vTPM of the directory $at, on platform FROM, to a new directory of platform TO, with platform AT cut. Where it has not come, its
# source, which runs on or was switched off, gives it to the same platform once more.
moves() {
	local from=$at to=$1.$2.$3.$4${5:-} source target
	TCBIND_PLATFORM=$WORK/$1 front "$from/v1" not-need-init,startup-clear
	source=$front
	TCBIND_PLATFORM=$WORK/$2 front "$to/v1"
	target=$front
	cut "$3" "$4"
	move "$from/v1" "$to/v1"
	cp "$WORK/$from/v1/numbers" "$WORK/$to/v1/numbers"
	end "$to/v1" "$target"
	{ [ "$1" = "$3" ] || [ "${5:-}" = off ]; } && end "$from/v1" "$source"
	settle "$3"
	at=$to on=$2
	TCBIND_PLATFORM=$WORK/$2 is_there "$to" || gives_again "$1" "$from" "$2" "$to"
	end "$from/v1" "$source"
	TCBIND_PLATFORM=$WORK/$2 is_there "$to" && return 0
	at=$from on=$1
	TCBIND_PLATFORM=$WORK/$1 is_there "$from"
}
other() { if [ $on = A ]; then echo B; else echo A; fi; }
within() { moves $on $on $on "$1"; }
source_cut() { moves $on "$(other)" $on "$1"; }
destination_cut() { moves $on "$(other)" "$(other)" "$2" "$1"; }

# own_moves source|destination N: a vTPM in the platforms' own directories, from platform $own_on to the other one
own_moves() {
	local from=$own_on to=A cut_at=$own_on
	[ $from = A ] && to=B
	[ "$1" = destination ] && cut_at=$to
	own() { timeout 20 "$HERE/hand-over.py" "$@" </dev/null; }
	socket_at() { echo "$WORK/$1/vtpm/$id/ctrl.sock"; }
	"$TCBIND" vtpm create --platform "$WORK/$to" --id $id --incoming # or it has a place there
	cut "$cut_at" "$2"
	own move "$(socket_at "$from")" "$(socket_at "$to")"
	sleep 0.1 # for what follows an answer
	settle "$cut_at"
	own_on=$to
	own start "$(socket_at "$to")" || { own again "$(socket_at "$from")" "$(socket_at "$to")" && own start "$(socket_at "$to")"; } && return
	own_on=$from
	own start "$(socket_at "$from")"
}

# setup_cut N: swtpm_setup puts a vTPM in the place of another; one of both is there
setup_cut() {
	mkdir -p "$WORK/setup"
	cut A "$1"
	timeout 30 "$FRONTS/swtpm_setup" --tpm2 --tpm-state "$WORK/setup" --create-ek-cert --overwrite
	settle A
	front setup
	ioctl setup -i
	local status=$?
	end setup "$front"
	return $status
}

made=5d3c9b7a-1f2e-4a6b-9c8d-7e6f5a4b3c2d
# is_whole: the vTPM is there, and can be deleted; or is not there
is_whole() {
	"$TCBIND" vtpm list --platform "$WORK/A" | grep -q $made && ! "$TCBIND" vtpm delete --platform "$WORK/A" --id $made && return 1
	"$TCBIND" vtpm create --platform "$WORK/A" --id $made && timeout 20 "$FRONTS/swtpm_ioctl" --unix "$WORK/A/vtpm/$made/ctrl.sock" -i
}
create_cut() {
	"$TCBIND" vtpm delete --platform "$WORK/A" --id $made
	cut A "$1"
	timeout 20 "$TCBIND" vtpm create --platform "$WORK/A" --id $made
	settle A
	is_whole
}
delete_cut() {
	cut A "$1"
	timeout 20 "$TCBIND" vtpm delete --platform "$WORK/A" --id $made
	settle A
	is_whole
}

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform A" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
expect "platform B" "$TCBIND" platform init "$WORK/B" --pki "$WORK/P" --name B
run_anew A B
export TCBIND_PLATFORM=$WORK/A
at=first on=A
mkdir "$WORK/first"
front first/v1 not-need-init,startup-clear
expect "a TPM has a number" numbers define first
end first/v1 "$front"

id=0f7b6a1e-54d2-4d0c-8a3e-6b1f2c3d4e5f
expect "another vTPM is made in the platforms' own directories" "$TCBIND" vtpm create --platform "$WORK/A" --id $id
own_on=A

for cut_by in kill enclaves full; do
	case $cut_by in kill) what="the daemon is killed" ;; enclaves) what="the enclaves are killed" ;; full) what="the disk is full" ;; esac
	each_cut "a vTPM moves within its platform, and $what" within
	each_cut "it moves to another platform, and $what where it was" source_cut
	each_cut "and $what where it goes" destination_cut on
	each_cut "and $what where it goes, while it is switched off where it was" destination_cut off
	each_cut "one of the platforms' own moves, and $what where it was" own_moves source
	each_cut "and $what where it goes" own_moves destination
	[ $cut_by = enclaves ] && continue
	each_cut "one is set up in the place of another, and $what" setup_cut
	each_cut "one is made, and $what" create_cut
	each_cut "one is deleted, and $what" delete_cut
done
done_testing
