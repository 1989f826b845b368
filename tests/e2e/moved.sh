#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A vTPM moves from one of its user's directories to another of the same platform; both places have states in the log then. The platform's daemon is
# killed: what the TPM acknowledged where it is now is there, whatever became of the place where it was.
. "$(dirname "$0")/../../tools/harness.sh"
. "$(dirname "$0")/fronts.sh"

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
if platform_start A; then ok "platform run says ready"; else not_ok "platform run says ready"; fi
export TCBIND_PLATFORM=$WORK/A

restart() {
	kill_hard tcbindd "$(process_of tcbindd A)"
	wait_for_daemon A
}
# start_both FROM TO: FROM's TPM runs, TO waits for it
start_both() {
	front "$1/v1" not-need-init,startup-clear
	from=$front
	front "$2/v1"
	to=$front
}
# have_moved FROM TO: the numbers that are to be there go with it
have_moved() { cp "$WORK/$1/v1/numbers" "$WORK/$2/v1/numbers"; }

mkdir "$WORK/here" "$WORK/there" "$WORK/fresh" "$WORK/copy" "$WORK/by-hand"
start_both here there
expect "a vTPM moves to another directory" move here/v1 there/v1
expect "something is written there" numbers define there
end here/v1 "$from"
expect "where it was its process has ended" [ ! -e "/proc/$from" ]
restart
end there/v1 "$to"
expect "after kill -9 of the daemon it is there" is_there there

# Back again, and both processes are there when the daemon is killed: the place where it was has a state that is not the newest, and the platform's store
# may have one for it.
for left in kept removed; do
	start_both there here
	expect "it moves back" move there/v1 here/v1
	restart
	end here/v1 "$to"
	end there/v1 "$from"
	have_moved there here
	expect "after kill -9 of the daemon it is here" is_there here
	[ $left = kept ] || rm "$WORK/there/v1/tpm2-00.permall"
	start_both here there
	expect "it moves once more, to where its old state was $left" move here/v1 there/v1
	end here/v1 "$from"
	end there/v1 "$to"
	expect "what the crash left of the place does not come over what has come since" is_there there
done

# Power is lost when it has come, and its state is not in its place yet.
start_both there fresh
expect "it moves to another" move there/v1 fresh/v1
kill_hard tcbindd "$(process_of tcbindd A)"
mv "$WORK/fresh/v1/tpm2-00.permall" "$WORK/fresh/v1/tpm2-00.permall.incoming" # before it was renamed
wait_for_daemon A
end fresh/v1 "$to"
end there/v1 "$from"
have_moved there fresh
expect "where it has come it is there" is_there fresh
expect "and in its place" [ -s "$WORK/fresh/v1/tpm2-00.permall" -a ! -e "$WORK/fresh/v1/tpm2-00.permall.incoming" ]
start_both fresh there
expect "it moves once more" move fresh/v1 there/v1
cp "$WORK/fresh/v1/tpm2-00.permall" "$WORK/there/v1/tpm2-00.permall.incoming"
end fresh/v1 "$from"
end there/v1 "$to"
expect "what came before is not taken for the newest" is_there there

# A copy, opened after the first has read its state, writes; the first may not any more, and its end is not the copy's.
mkdir "$WORK/copy/v1"
cp "$WORK/there/v1/tpm2-00.permall" "$WORK/copy/v1"
front there/v1 not-need-init
first=$front
expect "a TPM is initialised" ioctl there/v1 -e # and has written nothing yet
front copy/v1 not-need-init,startup-clear
second=$front
have_moved there copy
expect "a copy of its state writes" [ "$(numbers read copy | head -n 1)" = kept ]
end there/v1 "$first"
restart
end copy/v1 "$second"
expect "after the end of the first and kill -9 of the daemon it is in the copy" is_there copy

# Its user moves the file by hand.
front copy/v1 not-need-init,startup-clear
mkdir "$WORK/by-hand/v1"
mv "$WORK/copy/v1/tpm2-00.permall" "$WORK/copy/v1/numbers" "$WORK/by-hand/v1"
restart
end copy/v1 "$front"
expect "a state whose file was moved while it ran is found where the file is" is_there by-hand

# Another is set up in the place of one whose newest state the platform has: there is nothing left to be kept.
front by-hand/v1 not-need-init,startup-clear
expect "something is written, which is in the log when the daemon ends" numbers define by-hand
restart
end by-hand/v1 "$front"
aside() { find "$WORK/A/store" -name 'aside.*' | wc -l; }
before=$(aside)
expect "the platform keeps a state for it" [ "$before" -ge 1 ]
expect "another is set up in its place" "$FRONTS/swtpm_setup" --tpm2 --tpm-state "$WORK/by-hand/v1" --overwrite
expect "nothing of the one before is kept" [ $((before - $(aside))) = "$before" ]
done_testing
