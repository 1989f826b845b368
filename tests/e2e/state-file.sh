#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# State in a file or block device of fixed size (--tpmstate backend-uri=file://), as Proxmox has it: the same steps with Debian's swtpm and with
# ours, then what only ours has to keep.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"
export TCBIND_PRIVATE_PLATFORM=$WORK/private
unset TCBIND_PLATFORM
startup=80010000000c000001440000
read_ek=80010000000e000001738101000a

# file_front EXE DIR FILE [OPTION...]: a TPM whose state is in FILE; sockets and log in $WORK/DIR; its pid in $front
file_front() {
	local exe=$1 dir=$2 file=$3
	mkdir -p "$WORK/$dir"
	rm -f "$WORK/$dir/ctrl" "$WORK/$dir/data"
	"$exe" socket --tpm2 --tpmstate "backend-uri=file://$file" --ctrl "type=unixio,path=$WORK/$dir/ctrl" --server "type=unixio,path=$WORK/$dir/data" \
		--log "file=$WORK/$dir/log" "${@:4}" >/dev/null 2>&1 &
	front=$!
	pids+=($front)
	for _ in $(seq 250); do [ -S "$WORK/$dir/ctrl" ] && [ -S "$WORK/$dir/data" ] && return; kill -0 $front 2>/dev/null || return 1; sleep 0.02; done
}
# begin DIR FILE: ours is started, its P-256 EK in $ek
begin() {
	file_front "$FRONTS/swtpm" "$1" "$2" && ioctl "$1" -i >/dev/null 2>&1 && talk "$1" $startup >/dev/null && ek=$(talk "$1" $read_ek) && return
	end "$1" "$front"
	cat "$WORK/$1/log"
	return 1
}
# keeps DIR FILE: made, ended and started again, it is the same TPM
keeps() {
	local before
	begin "$1" "$2" || return
	before=$ek
	end "$1" "$front"
	begin "$1" "$2" || return
	end "$1" "$front"
	[ "${#ek}" -gt 100 ] && [ "$ek" = "$before" ]
}
states() { "$1" socket --tpm2 --print-states --tpmstate "backend-uri=file://$2" 2>/dev/null; }

# ---- the same as swtpm ----
# script EXE-DIRECTORY FILE: what becomes of a preallocated file, without sizes
script_file() {
	local size
	echo "states: $(states "$1/swtpm" "$2")"
	"$1/swtpm_setup" --tpm2 --tpm-state "file://$2" --createek --not-overwrite >"$WORK/setup.out" 2>&1
	echo "setup: $?"
	echo "states then: $(states "$1/swtpm" "$2" | sed 's/[0-9]\+/N/g')"
	"$1/swtpm_setup" --tpm2 --tpm-state "file://$2" --createek --not-overwrite >"$WORK/setup.out" 2>&1
	echo "setup again: $? $(grep -c "Not overwriting" "$WORK/setup.out")"
	"$1/swtpm_setup" --tpm2 --tpm-state "file://$2" --createek >"$WORK/setup.out" 2>&1
	echo "setup without options: $?"
	truncate -s 4M "$2"
	echo "states of the padded file: $(states "$1/swtpm" "$2" | sed 's/[0-9]\+/N/g')"
	file_front "$1/swtpm" "$3" "$2"
	ioctl "$3" -i; echo "init: $?"
	echo "startup: $(talk "$3" $startup)"
	echo "random: $(talk "$3" 80010000000c0000017b0008 | cut -c 1-24)"
	end "$3" "$front"
}
for kind in zeros empty absent; do
	for exe in /usr/bin "$FRONTS"; do
		file=$WORK/$kind.$(basename "$exe")
		case $kind in zeros) truncate -s 4M "$file" ;; empty) : >"$file" ;; esac
		(script_file "$exe" "$file" "$kind.$(basename "$exe").d") >"$WORK/$kind.$(basename "$exe").says" 2>&1
	done
	expect "a file:// state in a file that is $kind: what is said is what swtpm says" diff "$WORK/$kind.bin.says" "$WORK/$kind.compat.says"
done
expect "the whole is told: a TPM was made, kept, started" grep -q "random: 800100000014000000000008" "$WORK/zeros.compat.says"
for line in "$WORK/none/file" "$WORK"; do
	theirs=$(states /usr/bin/swtpm "$line"; echo " $?")
	expect "--print-states of ${line//$WORK/DIR} as swtpm has it" [ "$(states "$FRONTS/swtpm" "$line"; echo " $?")" = "$theirs" ]
done

# ---- what is kept ----
truncate -s 4M "$WORK/pve.raw"; chmod 600 "$WORK/pve.raw"
inode=$(stat -c %i "$WORK/pve.raw")
expect "a TPM in a file of 4 MiB of zeros is the same when it is started again" keeps pve "$WORK/pve.raw"
expect "the file keeps size, inode and mode" [ "$(stat -c '%s %i %a' "$WORK/pve.raw")" = "4194304 $inode 600" ]
expect "nothing stands beside it" [ "$(ls "$WORK" | grep -c '^pve.raw')" = 1 ]
cp "$WORK/pve.raw" "$WORK/pve.copy"
begin pve "$WORK/pve.raw" && end pve "$front"
expect "an older copy of it" cp "$WORK/pve.copy" "$WORK/pve.raw"
expect_refusal "is refused" ledger.state.old begin pve "$WORK/pve.raw"

truncate -s 4M "$WORK/lost.raw"
begin lost "$WORK/lost.raw" && before=$ek && end lost "$front"
cp "$WORK/lost.raw" "$WORK/lost.kept"
truncate -s 0 "$WORK/lost.raw"; truncate -s 4M "$WORK/lost.raw"
expect_refusal "a file that is blank again is no new TPM" vtpm.missing begin lost "$WORK/lost.raw"
cp "$WORK/lost.kept" "$WORK/lost.raw"
begin lost "$WORK/lost.raw"
expect "put back, it is the same TPM" [ "$ek" = "$before" ]
rm "$WORK/lost.raw"
end lost "$front"
expect "removed while it ran" [ ! -e "$WORK/lost.raw" ]
begin lost "$WORK/lost.raw"
expect "it is the same TPM at the next start" [ "$ek" = "$before" ]
end lost "$front"
begin lost "$WORK/lost.raw"
ln "$WORK/lost.raw" "$WORK/lost.link"
lost=$front
expect_refusal "by its other name it is in use" vtpm.busy begin link "$WORK/lost.link"
end lost "$lost"

# ---- swtpm's own ----
truncate -s 4M "$WORK/taken.raw"
file_front /usr/bin/swtpm taken "$WORK/taken.raw"
ioctl taken -i; talk taken $startup >/dev/null
end taken "$front"
truncate -s 4M "$WORK/taken.raw"
expect "swtpm's padded file is told" sh -c "$FRONTS/swtpm socket --tpm2 --print-states --tpmstate backend-uri=file://$WORK/taken.raw | grep -q permall"
begin taken "$WORK/taken.raw"
expect "and taken over" [ "${#ek}" -gt 100 ]
end taken "$front"
expect "it is ours then" keeps taken "$WORK/taken.raw"
head -c 65536 /dev/urandom >"$WORK/noise.raw"; cp "$WORK/noise.raw" "$WORK/noise.kept"
expect_refusal "what is no state is not written over" swtpm.state begin noise "$WORK/noise.raw"
expect "and stays as it is" cmp "$WORK/noise.raw" "$WORK/noise.kept"

# ---- block devices ----
truncate -s 4M "$WORK/disk.img"; truncate -s 2K "$WORK/small.img"
if loop=$(losetup -f --show "$WORK/disk.img" 2>/dev/null); then
	ln -s "$loop" "$WORK/vm-100-disk-1"
	expect "a block device holds a TPM" keeps device "$WORK/vm-100-disk-1"
	expect "swtpm_setup leaves it alone" sh -c "$FRONTS/swtpm_setup --tpm2 --tpm-state file://$WORK/vm-100-disk-1 --createek --not-overwrite | grep -q 'Not overwriting'"
	begin device "$WORK/vm-100-disk-1"
	before=$ek device=$front
	expect_refusal "by its other name it is in use" vtpm.busy begin device2 "$loop"
	end device "$device"
	begin device "$WORK/vm-100-disk-1"
	expect "it is the same still" [ "$ek" = "$before" ]
	end device "$front"
	expect "nothing stands beside it" [ "$(ls "$WORK" | grep -c '^vm-100')" = 1 ]
	losetup -d "$loop"
	loop=$(losetup -f --show "$WORK/small.img" 2>/dev/null)
	expect_refusal "a device that is too small says so" store.small begin small "$loop"
	losetup -d "$loop"
else
	skip "block devices hold TPMs" "no loop devices to be had here"
fi
done_testing
