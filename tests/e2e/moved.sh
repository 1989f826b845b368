#!/usr/bin/env bash
# A vTPM moves from one of its user's directories to another of the same platform; both places have states in the log then. The platform's daemon is
# killed: what the TPM acknowledged where it is now is there, whatever became of the place where it was.
. "$(dirname "$0")/../../tools/harness.sh"
FRONTS=$BUILD/host/compat

expect "pki init" "$TCBIND" pki init "$WORK/P"
expect "platform init" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
if platform_start A; then ok "platform run says ready"; else not_ok "platform run says ready"; fi
export TCBIND_PLATFORM=$WORK/A

# front NAME [FLAGS]: a TPM in the directory NAME
front() {
	mkdir -p "$WORK/$1"
	rm -f "$WORK/$1/data" "$WORK/$1/ctrl"
	"$FRONTS/swtpm" socket --tpm2 --tpmstate "dir=$WORK/$1" --ctrl "type=unixio,path=$WORK/$1/ctrl" --server "type=unixio,path=$WORK/$1/data" \
		--log "file=$WORK/$1/log" ${2:+--flags "$2"} >/dev/null 2>&1 &
	front=$!
	pids+=($!)
	for _ in $(seq 100); do [ -S "$WORK/$1/ctrl" ] && return; sleep 0.05; done
}
ioctl() { "$FRONTS/swtpm_ioctl" --unix "$WORK/$1/ctrl" "${@:2}"; }
end() { ioctl "$1" -s 2>/dev/null; wait "$2" 2>/dev/null; }
numbers() { /usr/bin/python3 "$(dirname "$0")/killed.py" "$1" "$2" 1; }
restart() { # after kill -9 of the daemon its supervisor starts another
	kill_hard tcbindd "$(process_of tcbindd A)"
	wait_for_daemon
}
wait_for_daemon() { for _ in $(seq 100); do "$TCBIND" vtpm list --platform "$WORK/A" >/dev/null 2>&1 && return; sleep 0.1; done; }
move() { # FROM TO
	ioctl "$1" --save permanent "$WORK/blob" && ioctl "$1" --save volatile "$WORK/blob.volatile" &&
		ioctl "$2" --load permanent "$WORK/blob" && ioctl "$2" --load volatile "$WORK/blob.volatile" && ioctl "$2" -i
}

# is_there NAME: started again, the TPM has what it acknowledged last
is_there() {
	front "$1/v1" not-need-init,startup-clear
	[ "$(numbers read "$WORK/$1" | head -n 1)" = kept ] || { cat "$WORK/$1/v1/log"; return 1; }
}

mkdir "$WORK/here" "$WORK/there"
front here/v1 not-need-init,startup-clear
here=$front
front there/v1
there=$front
expect "a vTPM moves to another directory" move here/v1 there/v1
expect "something is written there" numbers define "$WORK/there"
end here/v1 "$here"
expect "where it was its process has ended" [ ! -e "/proc/$here" ]
restart
end there/v1 "$there"
expect "after kill -9 of the daemon it is there" is_there there

# Back again, and both processes are there when the daemon is killed: the place where it was has a state that is not the newest, and the platform's store
# may have one for it.
for left in kept removed; do
	there=$front
	front here/v1
	here=$front
	expect "it moves back" move there/v1 here/v1
	restart
	end here/v1 "$here"
	end there/v1 "$there"
	cp "$WORK/there/v1/numbers" "$WORK/here/v1/numbers"
	expect "after kill -9 of the daemon it is here" is_there here
	here=$front
	[ $left = kept ] || rm "$WORK/there/v1/tpm2-00.permall"
	front there/v1
	there=$front
	expect "it moves once more, to where its old state was $left" move here/v1 there/v1
	end here/v1 "$here"
	end there/v1 "$there"
	expect "what the crash left of the place does not come over what has come since" is_there there
done

# Power is lost when it has come, and its state is not in its place yet.
mkdir "$WORK/fresh"
there=$front
front fresh/v1
fresh=$front
expect "it moves to another" move there/v1 fresh/v1
kill_hard tcbindd "$(process_of tcbindd A)"
mv "$WORK/fresh/v1/tpm2-00.permall" "$WORK/fresh/v1/tpm2-00.permall.incoming" # before it was renamed
wait_for_daemon
end fresh/v1 "$fresh"
end there/v1 "$there"
cp "$WORK/there/v1/numbers" "$WORK/fresh/v1/numbers"
expect "where it has come it is there" is_there fresh
expect "and in its place" [ ! -e "$WORK/fresh/v1/tpm2-00.permall.incoming" ]
fresh=$front
front there/v1
there=$front
expect "it moves once more" move fresh/v1 there/v1
cp "$WORK/fresh/v1/tpm2-00.permall" "$WORK/there/v1/tpm2-00.permall.incoming"
end fresh/v1 "$fresh"
end there/v1 "$there"
expect "what came before is not taken for the newest" is_there there
end there/v1 "$front"

# A copy, opened after the first has read its state, writes; the first may not any more, and its end is not the copy's.
mkdir -p "$WORK/copy/v1"
cp "$WORK/there/v1/tpm2-00.permall" "$WORK/copy/v1"
front there/v1 not-need-init
first=$front
expect "a TPM is initialised" ioctl there/v1 -e # and has written nothing yet
front copy/v1 not-need-init,startup-clear
second=$front
cp "$WORK/there/v1/numbers" "$WORK/copy/v1/numbers"
expect "a copy of its state writes" [ "$(numbers read "$WORK/copy" | head -n 1)" = kept ]
end there/v1 "$first"
restart
end copy/v1 "$second"
expect "after the end of the first and kill -9 of the daemon it is in the copy" is_there copy

# Its user moves the file by hand.
mkdir -p "$WORK/by-hand/v1"
mv "$WORK/copy/v1/tpm2-00.permall" "$WORK/copy/v1/numbers" "$WORK/by-hand/v1"
restart
end copy/v1 "$front"
expect "a state whose file was moved while it ran is found where the file is" is_there by-hand
end by-hand/v1 "$front"
done_testing
