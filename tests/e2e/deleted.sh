#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What becomes of vTPMs that are deleted: the platform forgets them, and no state of theirs ever opens on it again.
[ -z "${OWN_MOUNTS:-}" ] && unshare -m true 2>/dev/null && OWN_MOUNTS=1 exec unshare -m --propagation private "$0"
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"
A=$WORK/A
ID=6f3b2b0e-7c1d-4e55-9c68-0d2f3a4b5c6d

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$A" --pki "$WORK/P" --name A
restart() {
	[ -n "${platform_pid:-}" ] && kill "$platform_pid" && wait "$platform_pid" 2>/dev/null
	platform_start A
}
expect "platform run says ready" restart
export TCBIND_PLATFORM=$A

# setup DIR [OPTION...]
setup() {
	mkdir -p "$1" && "$FRONTS/swtpm_setup" --tpm2 --tpm-state "$1" "${@:2}" >"$WORK/setup.out" 2>&1 || { cat "$WORK/setup.out"; return 1; }
}
# noted COUNT: so many of users' directories are known; swtpm_setup has its answer before the last keys are made
noted() {
	local i
	for i in $(seq 100); do [ "$(ls "$A/places" 2>/dev/null | wc -l)" = "$1" ] && return 0; sleep 0.1; done
	return 1
}
# start_once DIR: its TPM is started, and ends; says why if it is not
start_once() {
	: >"$WORK/front.log"
	rm -f "$WORK/front.ctrl"
	timeout 20 "$FRONTS/swtpm" socket --tpm2 --tpmstate "dir=$1" --ctrl "type=unixio,path=$WORK/front.ctrl" --log "file=$WORK/front.log" --flags not-need-init &
	local front=$! status i
	for i in $(seq 100); do [ -S "$WORK/front.ctrl" ] && break; kill -0 $front 2>/dev/null || break; sleep 0.05; done
	"$FRONTS/swtpm_ioctl" --unix "$WORK/front.ctrl" -i && "$FRONTS/swtpm_ioctl" --unix "$WORK/front.ctrl" -s
	status=$?
	kill $front 2>/dev/null
	wait $front 2>/dev/null
	cat "$WORK/front.log"
	return $status
}
create() { "$TCBIND" vtpm create --platform "$A" --id $ID; }
# none_gone: the platform answers, and names none
none_gone() { local gone; gone=$("$TCBIND" vtpm list --platform "$A" --gone) && [ -z "$gone" ]; }
delete() { "$TCBIND" vtpm delete --platform "$A" "$@"; }
# use: the vTPM's enclave loads what is in its place
use() { "$FRONTS/swtpm_ioctl" --unix "$A/vtpm/$ID/ctrl.sock" -i; }
# What swtpm's interface has for errors is a number; the daemon's log says which.
says() { grep -q "$1" "$A.err"; }

# ---- of the platform's own directory ----
expect "a vTPM is made" create
cp -a "$A/vtpm/$ID" "$WORK/copy"
expect "and deleted" delete --id $ID
expect "one of the same id may be made then" create
expect "restart" restart
cp "$WORK/copy/state" "$A/vtpm/$ID/state"
expect_refusal "the deleted one's state does not open in its place" 0x101 use
expect "since the ledger has another" says "ledger.lineage"
expect "that is deleted too" delete --id $ID
cp -a "$WORK/copy" "$A/vtpm/$ID"
expect "restart, with the deleted one's files in the platform" restart
expect_refusal "they do not open" 0x101 use
expect "since the ledger has no such vTPM" says "ledger.unknown"
expect "and can be deleted once more" delete --id $ID
expect "nothing of it is left" [ ! -e "$A/vtpm/$ID" ]

# ---- of a user's directory ----
expect "swtpm_setup makes one" setup "$WORK/one"
cp -a "$WORK/one" "$WORK/one.before"
expect "swtpm_setup makes another in its place" setup "$WORK/one" --overwrite
expect "which starts" start_once "$WORK/one"
mkdir "$WORK/again" && cp -a "$WORK/one.before/." "$WORK/again"
expect_refusal "what stood there does not, elsewhere either" "ledger.unknown" start_once "$WORK/again"
rm -rf "$WORK/again"

for name in stays goes emptied; do expect "one in a directory that $name" setup "$WORK/$name"; done
expect "the platform notes where they are, and not what was replaced" noted 4
mkdir "$WORK/disk"
mounted=0
if [ -n "${OWN_MOUNTS:-}" ] && mount -t tmpfs none "$WORK/disk" 2>/dev/null; then
	restart # in the same mounts
	expect "one on a file system of its own" setup "$WORK/disk/vm"
	expect "it is noted too" noted 5
	umount "$WORK/disk"
	mounted=1
fi
cp -a "$WORK/goes" "$WORK/goes.before"
rm -rf "$WORK/goes"
rm "$WORK/emptied"/*
"$TCBIND" vtpm list --platform "$A" --gone >"$WORK/gone"
if [ $mounted = 1 ]; then
	expect "one whose file system is not mounted is not gone" [ "$(grep -c "$WORK/disk" "$WORK/gone")" = 0 ]
else
	skip "one whose file system is not mounted is not gone" "no mounts of its own here"
fi
expect "those are gone whose directory is, or its state" [ "$(cut -d ' ' -f 3 "$WORK/gone" | sort | xargs -n 1 basename | xargs)" = "emptied goes" ]
expect_same "to look deletes nothing" "$("$TCBIND" vtpm list --platform "$A" --gone | sort)" "$(sort "$WORK/gone")"
expect_same "they are deleted" "$(delete --gone | sort)" "$(sort "$WORK/gone")"
expect "and no longer listed" none_gone
mv "$WORK/goes.before" "$WORK/goes"
expect_refusal "a directory that comes back is that of a deleted one" "ledger.unknown" start_once "$WORK/goes"
expect "what stayed starts" start_once "$WORK/stays"
mv "$WORK/stays" "$WORK/renamed"
expect "also from a directory that was renamed" start_once "$WORK/renamed"
expect "which is not gone" none_gone
# ---- moved within the platform: what is left where it was is not what the ledger has ----
front renamed not-need-init
source=$front
front target
expect "a vTPM moves to another directory" move renamed target
end renamed "$source"
end target "$front"
expect "it starts there, after the end of both" start_once "$WORK/target"
expect "where it was another is made" setup "$WORK/renamed" --overwrite
expect "it starts there" start_once "$WORK/target"
expect "both are noted" noted $((mounted + 3))
rm -r "$WORK/renamed"
expect "where it was is deleted" [ "$(delete --gone | cut -d ' ' -f 3)" = "$WORK/renamed" ]
expect "it starts there still" start_once "$WORK/target"
# ---- moved to another platform: where it was, it is forgotten ----
"$TCBIND" platform init "$WORK/B" --pki "$WORK/P" --name B
expect "another platform runs" platform_start B
cp -a "$WORK/target" "$WORK/target.before"
front target not-need-init
source=$front
TCBIND_PLATFORM=$WORK/B front b
expect "a vTPM moves to another platform" move target b
end target "$source"
end b "$front"
expect "it is known there, and here no more" [ "$(ls "$WORK/B/places" | wc -l) $(grep -lc "$WORK/target\"" "$A/places"/* | wc -l)" = "1 0" ]
expect_refusal "what it left does not start" "vtpm.moved\|ledger.unknown" start_once "$WORK/target"
rm -r "$WORK/target" && mv "$WORK/target.before" "$WORK/target"
expect_refusal "nor does an older state of it" "ledger.unknown\|ledger.state.old" start_once "$WORK/target"
expect "it starts where it went" env TCBIND_PLATFORM="$WORK/B" bash -c "$(declare -f start_once); WORK=$WORK FRONTS=$FRONTS; start_once $WORK/b"

# ---- an id whose vTPM moved away: it is free once the hand-over is settled ----
expect "one is made in the platform's own directory" create
expect "and a place for it at the other" "$TCBIND" vtpm create --platform "$WORK/B" --id $ID --incoming
expect "it moves" "$(dirname "$0")/hand-over.py" move "$A/vtpm/$ID/ctrl.sock" "$WORK/B/vtpm/$ID/ctrl.sock" </dev/null
expect "it is deleted where it was" delete --id $ID
made_at_last() {
	for _ in $(seq 40); do create && return; sleep 0.5; done
	return 1
}
expect "another of its id is made once the destination has confirmed" made_at_last
expect "and runs" use

expect_status "--gone with --id is a wrong usage" 2 delete --gone --id $ID
done_testing
