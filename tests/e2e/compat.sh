#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# swtpm's command line: the same steps with Debian's swtpm and with ours, the same answers; then what swtpm does not do. Clients are Debian's
# swtpm_ioctl, swtpm_setup, tpm2-tools and QEMU. The platform is the private one that our swtpm starts.
. "$(dirname "$0")/../../tools/harness.sh"
COMPAT=$BUILD/host/compat
OURS=$COMPAT/swtpm
THEIRS=/usr/bin/swtpm
IOCTL=swtpm_ioctl
BIOS=swtpm_bios
export TCBIND_PRIVATE_PLATFORM=$WORK/private
unset TCBIND_PLATFORM

# swtpm_start EXE NAME [OPTIONS...]: control socket $WORK/NAME.ctrl, pid file, log, state $WORK/NAME.d; waits until it is ready
swtpm_start() {
	local exe=$1 name=$2
	shift 2
	mkdir -p "$WORK/$name.d"
	rm -f "$WORK/$name.pid"
	"$exe" socket --tpm2 --tpmstate "dir=$WORK/$name.d" --ctrl "type=unixio,path=$WORK/$name.ctrl" --pid "file=$WORK/$name.pid" \
		--log "file=$WORK/$name.log" "$@" >"$WORK/$name.out" 2>&1 &
	swtpm_pid=$!
	pids+=("$swtpm_pid")
	for _ in $(seq 400); do
		[ -s "$WORK/$name.pid" ] && return 0
		kill -0 "$swtpm_pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}
ioctl() { local name=$1; shift; "$IOCTL" --unix "$WORK/$name.ctrl" "$@" 2>&1; }

# log_says TEST FILE PATTERN...: the log comes by another way than the answer, and may come after it
log_says() {
	local _
	for _ in $(seq 100); do grep -q "${@:3}" "$2" && break; sleep 0.02; done
	expect "$1" grep "${@:3}" "$2"
}

# swtpm_stop NAME: by CMD_SHUTDOWN, until the process has ended
swtpm_stop() {
	local pid
	pid=$(cat "$WORK/$1.pid")
	ioctl "$1" -s >/dev/null
	for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.02; done
	return 1
}

# talk NAME HEX...: each HEX is sent to the data socket as one write; the answers in hex
talk() {
	local name=$1 piece
	shift
	{ for piece in "$@"; do printf "%b" "$(sed 's/../\\x&/g' <<<"$piece")"; sleep 0.1; done; sleep 0.3; } |
		timeout 5 socat -t 1 - "unix-connect:$WORK/$name.data" | hexadecimal
}
startup=80010000000c000001440000
random=80010000000c0000017b0008
read_clock=80010000000a00000181

# The same steps; what they print is compared. In a subshell of its own, one after the other.
script_control() { # EXE NAME
	swtpm_start "$1" "$2" --server "type=unixio,path=$WORK/$2.data" || return 1
	echo "clock before init: $(talk "$2" $read_clock)"
	echo "established before init: $(ioctl "$2" -e)"
	ioctl "$2" -b 3000
	ioctl "$2" -i && echo "init $?"
	echo "established: $(ioctl "$2" -e)"
	echo "startup: $(talk "$2" $startup)"
	echo "startup again: $(talk "$2" $startup)"
	echo "size while running: $(ioctl "$2" -b 4096)"
	echo "locality 5: $(ioctl "$2" -l 5)"
	echo "locality 4: $(ioctl "$2" -l 4) $?"
	echo "hashing: $(ioctl "$2" -l 0) $(ioctl "$2" -h 1234) $? established $(ioctl "$2" -e)"
	echo "PCR 17: $(talk "$2" 8001000000140000017e00000001000b03000002)"
	echo "volatile state alone: $(ioctl "$2" --save volatile "$WORK/$2.moment") $? $(ioctl "$2" -h 5678) $(ioctl "$2" --stop)"
	echo "loaded back: $(ioctl "$2" --load volatile "$WORK/$2.moment") $? $(ioctl "$2" -i) $?"
	echo "PCR 17 is as it was: $(talk "$2" 8001000000140000017e00000001000b03000002)"
	for locality in 0 1 2 5; do echo "reset established from locality $locality: $(ioctl "$2" -r $locality) $? $(ioctl "$2" -e)"; done
	echo "reset established: $(ioctl "$2" -r 3) $(ioctl "$2" -e) $(ioctl "$2" -h 1234) $(ioctl "$2" -e) $(ioctl "$2" -r 4) $(ioctl "$2" -e)"
	echo "config: $(ioctl "$2" -g)"
	echo "cancel: $(ioctl "$2" -C) $?"
	echo "store volatile: $(ioctl "$2" -v) $? $(ls "$WORK/$2.d" | grep -v certificates)"
	echo "resumed and deleted: $(ioctl "$2" -i) $(talk "$2" 8001000000140000017e00000001000b03000002) $(ls "$WORK/$2.d" | grep volatile)"
	echo "store volatile: $(ioctl "$2" -v) $?"
	echo "stop: $(ioctl "$2" --stop) $?"
	echo "command when stopped: $(talk "$2" $random)"
	echo "resumed: $(ioctl "$2" -h x) $(swtpm_resume "$2")"
	echo "info: $(ioctl "$2" --info 1)"
	echo "prefix: $(talk "$2" 00000008000000000c$startup)"
	echo "shutdown: $(ioctl "$2" -s) $?"
	for _ in $(seq 100); do kill -0 "$swtpm_pid" 2>/dev/null || break; sleep 0.05; done
	wait "$swtpm_pid"
	echo "exit status: $?, pid file: $(ls "$WORK/$2.pid" 2>/dev/null), sockets: $(ls "$WORK/$2".*ctrl "$WORK/$2".data 2>/dev/null)"
}
# Volatile state that STORE_VOLATILE kept is resumed by an INIT without flags: no TPM2_Startup needed.
swtpm_resume() {
	printf '\0\0\0\002\0\0\0\0' | timeout 2 socat -t 1 - "unix-connect:$WORK/$1.ctrl" | od -An -tx1
	talk "$1" $random | cut -c 1-24
}

(script_control "$THEIRS" theirs) >"$WORK/control.theirs" 2>&1
(script_control "$OURS" ours) >"$WORK/control.ours" 2>&1
(IOCTL=$COMPAT/swtpm_ioctl; script_control "$THEIRS" tool) >"$WORK/control.tool" 2>&1
expect "each control step is answered" [ "$(grep -c ': .' "$WORK/control.theirs")" -ge 30 -a "$(grep -c ': .' "$WORK/control.tool")" -ge 30 ]
if diff <(sed 's/theirs/NAME/g' "$WORK/control.theirs") <(sed 's/ours/NAME/g' "$WORK/control.ours") >"$WORK/control.diff"; then
	ok "$(grep -c . "$WORK/control.theirs") control steps are answered as swtpm answers them"
else
	not_ok "control steps are answered as swtpm answers them" "$(cat "$WORK/control.diff")"
fi

expect "our swtpm_ioctl says to swtpm what swtpm's says" diff <(sed 's/theirs/NAME/g' "$WORK/control.theirs") <(sed 's/tool/NAME/g' "$WORK/control.tool")

# The small tools: the same lines to the same swtpm. What is told in other words is only the status' matter.
script_tools() { # DIRECTORY NAME
	local line
	swtpm_start "$THEIRS" "$2" --server "type=unixio,path=$WORK/$2.data" || return 1
	while read -r line; do
		# shellcheck disable=SC2086
		echo "$line: $("$1"/${line//@/$WORK/$2} 2>&1 | head -1) ${PIPESTATUS[0]}"
	done <<-'END'
		swtpm_bios --tpm2 --unix @.data
		swtpm_ioctl --unix @.ctrl -c
		swtpm_ioctl --unix @.ctrl -e
		swtpm_ioctl --unix @.ctrl
		swtpm_ioctl --unix @.ctrl -c -e
		swtpm_ioctl --unix @.ctrl -i
		swtpm_bios --tpm2 --unix @.data
		swtpm_bios --tpm2 --unix @.data -c -o
		swtpm_bios --tpm2 --unix @.data -n -u
		swtpm_bios --tpm2 --unix @.data -n -u
		swtpm_ioctl --unix @.ctrl --info 3
		swtpm_ioctl --unix @.ctrl --info x
		swtpm_ioctl --unix @.ctrl -l 9
		swtpm_ioctl --unix @.ctrl -l x
		swtpm_ioctl --unix @.ctrl -b x
		swtpm_ioctl --unix @.ctrl -b 3000
		swtpm_ioctl --unix @.ctrl --save permanent
		swtpm_ioctl --unix @.ctrl --save permanent @.permanent
		swtpm_ioctl --unix @.ctrl --save savestate @.savestate
		swtpm_ioctl --unix @.ctrl --load permanent @.permanent
		swtpm_ioctl --unix @.ctrl --stop
		swtpm_ioctl --unix @.ctrl --load permanent @.permanent
		swtpm_ioctl --unix @.ctrl -i
		swtpm_ioctl --unix @.ctrl -g
		swtpm_ioctl --tcp :1 -c
		swtpm_ioctl --tcp 127.0.0.1:x -c
		swtpm_ioctl -c
		swtpm_ioctl --unix @.ctrl -s
	END
}
(script_tools /usr/bin theirs-tools) >"$WORK/tools.theirs" 2>&1
(script_tools "$COMPAT" our-tools) >"$WORK/tools.ours" 2>&1
expect "each line is answered" [ "$(grep -c . "$WORK/tools.theirs")" = 28 ]
expect "$(grep -c . "$WORK/tools.theirs") lines of swtpm_ioctl and swtpm_bios say what swtpm's say" \
	diff <(sed 's/theirs-tools/NAME/g' "$WORK/tools.theirs") <(sed 's/our-tools/NAME/g' "$WORK/tools.ours")

mkdir "$WORK/empty.d" "$WORK/states.d"; echo 1 >"$WORK/states.d/tpm2-00.permall"; echo 22 >"$WORK/states.d/tpm2-00.volatilestate"
for line in "socket --tpm2 --print-states --tpmstate dir=$WORK/none" "socket --tpm2 --print-states --tpmstate dir=$WORK/empty.d" \
	"socket --tpm2 --print-states --tpmstate dir=$WORK/states.d" "socket --tpm2 --tpmstate dir=$WORK --ctrl type=bad,path=x" \
	"socket --tpm2 --tpmstate dir=$WORK --ctrl type=unixio" "socket --tpm2 --unknown"  \
	"socket --tpm2 --tpmstate dir=$WORK --key file=$WORK/none" "socket --tpm2 --tpmstate dir=$WORK --log file=$WORK/no/log --ctrl type=unixio,path=$WORK/x" \
	"socket --tpm2 --tpmstate dir=$WORK --flags bad --ctrl type=unixio,path=$WORK/x" "nonsense"; do
	# shellcheck disable=SC2086
	theirs=$(timeout 5 "$THEIRS" $line >"$WORK/line.theirs" 2>/dev/null; echo $?)
	# shellcheck disable=SC2086
	ours=$(timeout 5 "$OURS" $line >"$WORK/line.ours" 2>"$WORK/line.err"; echo $?)
	if [ "$theirs" = "$ours" ] && [ "$ours" -lt 124 ] && cmp -s "$WORK/line.theirs" "$WORK/line.ours"; then
		ok "swtpm ${line//$WORK/DIR}: status $ours"
	else
		not_ok "swtpm ${line//$WORK/DIR}" "swtpm $theirs: $(cat "$WORK/line.theirs"); ours $ours: $(cat "$WORK/line.ours" "$WORK/line.err")"
	fi
done
for kind in chardev cuse; do
	expect_refusal "swtpm $kind is refused in the words that scripts look for" "^Unsupported TPM interface" "$OURS" "$kind" --help
done
printf '%01100d' 7 >"$WORK/long"
expect_refusal "a passphrase is not cut" "too long" "$OURS" socket --tpm2 --tpmstate "dir=$WORK" --key "pwdfile=$WORK/long" --ctrl "type=unixio,path=$WORK/x"

pcr() { talk "$1" "8001000000140000017e00000001000b03$2" | tail -c 64; } # NAME SELECT
extend16=80020000004100000182000000100000000940000009000000000000000001000b$(printf '%064d' 7)

# ---- state: saved and loaded, imported, copied ----

swtpm_start "$OURS" a --server "type=unixio,path=$WORK/a.data" && ioctl a -i >/dev/null && talk a $startup >/dev/null
talk a "$extend16" >/dev/null
before=$(pcr a 000001)
expect "the state is saved" ioctl a --save permanent "$WORK/permanent"
expect "with its volatile part" ioctl a --save volatile "$WORK/volatile"
expect "what is saved is no plaintext" sh -c "[ \$(stat -c %s $WORK/permanent) -gt 3000 ] && ! grep -aq 'id-ecPublicKey' $WORK/permanent"
swtpm_stop a
swtpm_start "$OURS" a --server "type=unixio,path=$WORK/a.data"
ioctl a --load permanent "$WORK/permanent"; ioctl a --load volatile "$WORK/volatile"
expect "loaded in its own place, it goes on" ioctl a -i
expect "with the PCRs that it had" [ "$(pcr a 000001)" = "$before" ]
expect "they can be given once more" sh -c "swtpm_ioctl --unix $WORK/a.ctrl --stop && swtpm_ioctl --unix $WORK/a.ctrl --load permanent $WORK/permanent"
expect_refusal "the blobs serve once" 0x101 ioctl a -i
log_says "and the log says why" "$WORK/a.log" ledger.arrived
ioctl a --stop; ioctl a -i >/dev/null; talk a $startup >/dev/null; talk a "$extend16" >/dev/null
ioctl a --save permanent "$WORK/permanent" && ioctl a --save volatile "$WORK/volatile"
swtpm_stop a
swtpm_start "$OURS" b --server "type=unixio,path=$WORK/b.data"
ioctl b --load permanent "$WORK/permanent"; ioctl b --load volatile "$WORK/volatile"
expect "loaded in another directory, it goes on there" ioctl b -i
expect "with its PCRs" [ "$(pcr b 000001)" = "$before" ]
swtpm_start "$OURS" a --server "type=unixio,path=$WORK/a.data"
swtpm_start "$OURS" other
expect_refusal "the volatile state of another vTPM is refused" 0x9 ioctl other --load volatile "$WORK/ours.moment"
log_says "as another's" "$WORK/other.log" vtpm.volatile.other
swtpm_stop other
swtpm_start "$OURS" e --flags not-need-init,startup-clear
ioctl e --save permanent "$WORK/blob" >/dev/null; ioctl e --save volatile "$WORK/blob.volatile" >/dev/null
swtpm_stop e
cp "$WORK/blob" "$WORK/blob.altered"; flip "$WORK/blob.altered" 5000
swtpm_start "$OURS" altered
ioctl altered --load permanent "$WORK/blob.altered"; ioctl altered --load volatile "$WORK/blob.volatile"
expect_refusal "an altered blob is refused" 0x101 ioctl altered -i
log_says "as altered" "$WORK/altered.log" vtpm.blob.altered
swtpm_start "$OURS" e
expect "and nothing is lost by it: the vTPM goes on where it was" ioctl e -i
talk e $startup >/dev/null
ioctl e --save permanent "$WORK/blob"; ioctl e --save volatile "$WORK/blob.volatile"
swtpm_stop e
ioctl altered --load permanent "$WORK/blob"; ioctl altered --load volatile "$WORK/blob.volatile"
expect "and moves by its true blobs" ioctl altered -i
swtpm_stop altered
expect_refusal "and no longer where it was" 0x101 ioctl a -i
log_says "the log says why" "$WORK/a.log" -e ledger.state -e vtpm.moved
swtpm_stop a
expect_refusal "a directory that is in use is not opened twice" 0x101 sh -c "
	mkdir -p $WORK/c.d; $OURS socket --tpm2 --tpmstate dir=$WORK/b.d --ctrl type=unixio,path=$WORK/c.ctrl --log file=$WORK/c.log &
	sleep 0.5; swtpm_ioctl --unix $WORK/c.ctrl -i 2>&1; status=\$?; swtpm_ioctl --unix $WORK/c.ctrl -s; exit \$status"
cp -r "$WORK/b.d" "$WORK/copy.d"
talk b "$startup$random" >/dev/null; swtpm_stop b
swtpm_start "$OURS" b && ioctl b -i >/dev/null && swtpm_stop b
swtpm_start "$OURS" copy
expect_refusal "a copy of an older state is refused" 0x101 ioctl copy -i
log_says "as old" "$WORK/copy.log" ledger.state.old
swtpm_stop copy
expect_refusal "also by swtpm_setup --reconfigure, which says why" ledger.state.old "$COMPAT/swtpm_setup" --tpm2 --tpm-state "$WORK/copy.d" --reconfigure --pcr-banks sha256

# A guest that is switched off hard: TPM_PT_STARTUP_CLEAR tells whether the TPM had a TPM2_Shutdown before its startup (TPM 2.0 part 2, TPMA_STARTUP_CLEAR: orderly)
startup_clear=8001000000160000017a000000060000020100000001
for flags in startup-none startup-none,disable-auto-shutdown; do
	swtpm_start "$OURS" hard --server "type=unixio,path=$WORK/hard.data" --flags "$flags"
	talk hard "$startup" "$random" >/dev/null
	ioctl hard -i >/dev/null
	orderly=$(( 0x$(talk hard "$startup" "$startup_clear" | tail -c 8) >> 31 ))
	case $flags in
	*disable*) expect "with disable-auto-shutdown a TPM that is reset hard knows it" [ "$orderly" = 0 ] ;;
	*) expect "a TPM that is reset hard was shut down" [ "$orderly" = 1 ] ;;
	esac
	swtpm_stop hard
done

# swtpm's own states, plain and encrypted, become ours
printf 'a passphrase\n' >"$WORK/pass"
port=$((20000 + RANDOM % 12000)) # below those that the kernel gives to clients
over_tcp() { # EXE NAME OPTIONS...: with swtpm's TCTI
	port=$((port + 2))
	export TPM2TOOLS_TCTI="swtpm:host=127.0.0.1,port=$port"
	swtpm_start "$1" "$2" --server "type=tcp,port=$port" --ctrl "type=tcp,port=$((port + 1))" "${@:3}" &&
		swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" -i && tpm2_startup -c
}
end_tcp() { # NAME
	swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" -s
	for _ in $(seq 200); do [ -s "$WORK/$1.pid" ] || break; sleep 0.02; done
	unset TPM2TOOLS_TCTI
}
for kind in plain encrypted; do
	key=()
	[ $kind = encrypted ] && key=(--key "pwdfile=$WORK/pass,mode=aes-256-cbc")
	over_tcp "$THEIRS" $kind "${key[@]}"
	(cd "$WORK" && tpm2_nvdefine -Q 0x1500001 -s 8 && echo keep-me >k && tpm2_nvwrite -Q 0x1500001 -i k && tpm2_createprimary -Q -C o -c x.ctx &&
		tpm2_readpublic -Q -c x.ctx -o $kind.before)
	end_tcp $kind
	over_tcp "$OURS" $kind "${key[@]}"
	expect "a state that swtpm kept ($kind) is taken over" sh -c "cd $WORK && tpm2_createprimary -Q -C o -c x.ctx && tpm2_readpublic -Q -c x.ctx -o $kind.after"
	expect "and is the same TPM" cmp "$WORK/$kind.before" "$WORK/$kind.after"
	expect "with what was in its NV" [ "$(tpm2_nvread 0x1500001 -s 7)" = keep-me ]
	end_tcp $kind
	expect "what it was before is kept beside it" [ -s "$WORK/$kind.d/tpm2-00.permall.swtpm" ]
done
# as after a guest that took ownership, or filled the NV memory: neither lets the vTPM's own keys be made
over_tcp "$THEIRS" owned
(cd "$WORK" && echo keep-me >k && tpm2_nvdefine -Q 0x1500001 -s 8 && tpm2_nvwrite -Q 0x1500001 -i k && tpm2_changeauth -Q -c o secret && tpm2_changeauth -Q -c e secret)
end_tcp owned
over_tcp "$OURS" owned
expect "a state whose hierarchies have authorizations is taken over" [ "$(tpm2_nvread 0x1500001 -s 7)" = keep-me ]
expect "with them" sh -c "! tpm2_createprimary -Q -C o -c $WORK/x.ctx 2>/dev/null && tpm2_createprimary -Q -C o -P secret -c $WORK/x.ctx"
expect "and without keys of ours" sh -c "handles=\$(tpm2_getcap handles-persistent) && ! echo "\$handles" | grep -qi 0x8101000a"
end_tcp owned
over_tcp "$THEIRS" full
for i in $(seq 0x1500001 0x1500060); do tpm2_nvdefine -Q "$i" -s 2048 2>/dev/null || break; done
full=$(tpm2_getcap handles-nv-index | wc -l)
end_tcp full
over_tcp "$OURS" full
expect "a state whose NV memory is full is taken over" sh -c "[ $full -gt 20 ] && [ \$(tpm2_getcap handles-nv-index | wc -l) -ge $full ]"
swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" --save permanent "$WORK/full.blob"
swtpm_ioctl --tcp "127.0.0.1:$((port + 1))" --save volatile "$WORK/full.moment"
end_tcp full
swtpm_start "$OURS" moved --server "type=unixio,path=$WORK/moved.data"
ioctl moved --load permanent "$WORK/full.blob"; ioctl moved --load volatile "$WORK/full.moment"
expect "it moves, though no certificates of the new place find room" ioctl moved -i
expect "and goes on there" [ "$(talk moved "$random" | cut -c 1-20)" = 80010000001400000000 ]
swtpm_stop moved
rm -rf "$WORK/wrong.d"; mkdir "$WORK/wrong.d"; cp "$WORK/encrypted.d/tpm2-00.permall.swtpm" "$WORK/wrong.d/tpm2-00.permall"
swtpm_start "$OURS" wrong
expect_refusal "an encrypted one without its key is refused" 0x101 ioctl wrong -i
log_says "by its name" "$WORK/wrong.log" swtpm.key
expect "and nothing is lost" cmp "$WORK/encrypted.d/tpm2-00.permall.swtpm" "$WORK/wrong.d/tpm2-00.permall"
swtpm_stop wrong
swtpm_start "$THEIRS" moment --flags not-need-init,startup-clear; ioctl moment --save volatile "$WORK/moment.swtpm"; swtpm_stop moment
swtpm_start "$OURS" alone --flags not-need-init,startup-clear; ioctl alone --stop; ioctl alone --load volatile "$WORK/moment.swtpm"
expect_refusal "swtpm's volatile state is refused by a TPM that is ours" 0x101 ioctl alone -i
log_says "by its name" "$WORK/alone.log" swtpm.volatile
expect "which goes on without it" ioctl alone -i
swtpm_stop alone

# Who has CMD_SHUTDOWN's answer need not wait for the process.
for _ in 1 2 3 4 5; do
	swtpm_start "$OURS" put --flags not-need-init,startup-clear; pid=$(cat "$WORK/put.pid")
	ioctl put -s; cp "$WORK/plain.d/tpm2-00.permall.swtpm" "$WORK/put.d/tpm2-00.permall"
	for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.02; done
	cmp -s "$WORK/plain.d/tpm2-00.permall.swtpm" "$WORK/put.d/tpm2-00.permall" || break
done
expect "a state that is put there after CMD_SHUTDOWN stays" cmp "$WORK/plain.d/tpm2-00.permall.swtpm" "$WORK/put.d/tpm2-00.permall"

# ---- what swtpm does not do ----

swtpm_start "$OURS" d --server "type=unixio,path=$WORK/d.data" --flags not-need-init,startup-clear
expect "a command in three pieces is answered" [ "$(talk d 8001 0000000c00 00017b0008 | cut -c 1-24)" = 800100000014000000000008 ]
expect "three commands in one piece are answered" [ "$(talk d "$random$random$random" | wc -c)" = 120 ]
expect "a size that cannot be is answered as such" [ "$(talk d 80010000000000000000 | cut -c 13-20)" = 00000142 ]
(sleep 2) | socat - "unix-connect:$WORK/d.ctrl" &
expect "a second control client is answered" timeout 1 swtpm_ioctl --unix "$WORK/d.ctrl" -c
# raw HEX: sent to the control socket; the answer in hex
raw() { { printf "%b" "$(sed 's/../\\x&/g' <<<"$1")"; sleep 0.8; } | timeout 3 socat -t 1 - "unix-connect:$WORK/d.ctrl" 2>/dev/null | hexadecimal; }
expect "an unknown control command is said to be so" [ "$(raw 000000ff)" = 0000000a ]
expect_same "half a command gets no answer, and its connection is closed" "$(raw 0000)$(raw 0000000c00000000)$(raw 000000ff)" 0000000a
expect "a blob larger than any is refused" [ "$(raw 0000000e)$(raw 0000000d0000000200000001ffffffff)" = 0000000000000009 ]
expect_differ "a blob that is no blob is refused" "$(raw 0000000d00000002000000010000000441414141)" 00000000
expect "a descriptor that did not come is missed" [ "$(raw 00000010)" = 0000001f ]
for i in $(seq 30); do raw "$(head -c 40 /dev/urandom | hexadecimal)" >/dev/null & done; wait $(jobs -p | tail -30) 2>/dev/null
expect "and after all of it the TPM answers" sh -c "swtpm_ioctl --unix $WORK/d.ctrl -i && swtpm_ioctl --unix $WORK/d.ctrl -c"
kill "$swtpm_pid"; wait "$swtpm_pid"
expect "SIGTERM ends it with status 0, its files gone" [ "$? $(ls "$WORK/d.pid" "$WORK/d.ctrl" "$WORK/d.data" 2>/dev/null)" = "0 " ]
"$OURS" socket --tpm2 --tpmstate "dir=$WORK/d.d" --ctrl "type=unixio,path=$WORK/d.ctrl" --daemon --pid "file=$WORK/d.pid" --log "file=$WORK/d.log"
expect "--daemon returns when it is ready" sh -c "[ $? = 0 ] && kill -0 \$(cat $WORK/d.pid)"
expect "it runs in a seccomp sandbox" grep -q 'Seccomp:.*2' "/proc/$(cat "$WORK/d.pid")/status"
expect "its executable is what libvirt looks for" [ "$(readlink "/proc/$(cat "$WORK/d.pid")/exe")" = "$(realpath "$OURS")" ]
swtpm_stop d

# again EXE PORT: TPM after TPM in one place, each started as soon as CMD_SHUTDOWN of the one before was answered
again() {
	local _
	for _ in $(seq 5); do
		"$1" socket --tpm2 --tpmstate "dir=$WORK/again.d" --server "type=tcp,port=$2" --ctrl "type=unixio,path=$WORK/again.ctrl" \
			--pid "file=$WORK/again.pid" --log "file=$WORK/again.log" &
		for _ in $(seq 400); do [ -s "$WORK/again.pid" ] && break; sleep 0.02; done
		"$IOCTL" --unix "$WORK/again.ctrl" -i && "$IOCTL" --unix "$WORK/again.ctrl" -s && [ ! -e "$WORK/again.pid" ] || return 1
	done
}
mkdir "$WORK/again.d"
expect "another can be started when CMD_SHUTDOWN is answered" again "$OURS" "$((port + 2))"

# ---- swtpm_setup ----

SETUP=$COMPAT/swtpm_setup
mkdir "$WORK"/{s1,s2,s3,s4,s5,s6,certificates}
libvirts=(--tpm2 --vmid "vm:$(cat /proc/sys/kernel/random/uuid)" --createek --create-ek-cert --create-platform-cert --lock-nvram --not-overwrite)
for exe in /usr/bin/swtpm_setup "$SETUP"; do
	start=$(date +%s%N)
	[ "$exe" = "$SETUP" ] && directory=$WORK/s1 || directory=$WORK/s2
	expect "libvirt's options, $exe" "$exe" --tpm-state "$directory" --logfile "$WORK/setup.log" "${libvirts[@]}"
	echo "# $exe: $((($(date +%s%N) - start) / 1000000)) ms"
done
over_tcp "$OURS" s1 --tpmstate "dir=$WORK/s1"
handles=$(tpm2_getcap handles-persistent)
expect "when the TPM is first used, its RSA key is there" grep -qi 0x81010001 <<<"$handles"
expect "and the ECC keys" sh -c "echo '$handles' | grep -qi 0x81010016 && echo '$handles' | grep -qi 0x8101000a"
for page in 0 1 2 3; do tpm2_nvread 0x01c0010$page 2>/dev/null; done >"$WORK/issuer.der"
openssl x509 -inform der -in "$WORK/issuer.der" -out "$WORK/issuer.pem"
for index in 0x01c00002 0x01c00016 0x01c0000a 0x01c08000; do
	tpm2_nvread "$index" 2>/dev/null | openssl x509 -inform der -out "$WORK/$index.pem"
	expect "the certificate at $index is the PSE's" openssl verify -ignore_critical -partial_chain -trusted "$WORK/issuer.pem" "$WORK/$index.pem"
done
expect "that of the platform says so" certificate_names "$WORK/0x01c08000.pem" 2.23.133.8.2
expect "that of the RSA key says it is an endorsement key's" certificate_names "$WORK/0x01c00002.pem" 2.23.133.8.1
expect_status "and not that it is the platform's" 1 certificate_names "$WORK/0x01c00002.pem" 2.23.133.8.2
(cd "$WORK" && tpm2_readpublic -Q -c 0x81010001 -f pem -o s1.rsa && tpm2_readpublic -Q -c 0x81010016 -f pem -o s1.ecc && tpm2_createek -Q -G rsa -c again.ctx -f pem -u again.rsa)
expect "the certificate is of the key" sh -c "openssl x509 -in $WORK/0x01c00002.pem -noout -pubkey | cmp - $WORK/s1.rsa"
expect "the key comes from the TPM's own seed: made again, it is the same" cmp "$WORK/again.rsa" "$WORK/s1.rsa"
expect "one bank is active, as by default" sh -c "tpm2_getcap pcrs | grep -c ': \\[ 0' | grep -qx 1"
end_tcp s1
expect "a second vTPM" "$SETUP" --tpm-state "$WORK/s3" --tpm2 --createek --create-ek-cert --write-ek-cert-files "$WORK/certificates" --logfile "$WORK/setup.log"
for kind in rsa2048 secp384r1; do openssl x509 -inform der -in "$WORK/certificates/ek-$kind.crt" -noout -pubkey >"$WORK/s3.$kind"; done
expect "shares no key with the first" sh -c "[ -s $WORK/s3.rsa2048 ] && ! cmp -s $WORK/s3.rsa2048 $WORK/s1.rsa && ! cmp -s $WORK/s3.secp384r1 $WORK/s1.ecc"
expect "none of its keys waits to be made" [ ! -e "$WORK/s3/tpm2-00.permall.later" ]
"$SETUP" --tpm-state "$WORK/s4" --tpm2 --createek --allow-signing --decryption --create-spk --ecc --rsa-keysize 3072 --pcr-banks sha1,sha384 --logfile "$WORK/setup.log"
expect "a TPM with keys of all other kinds" [ $? = 0 ]
expect "and other banks, later" "$SETUP" --tpm-state "$WORK/s4" --tpm2 --reconfigure --pcr-banks sha256,sha512 --logfile "$WORK/setup.log"
over_tcp "$OURS" s4 --tpmstate "dir=$WORK/s4"
expect "it has those banks" sh -c "[ \"\$(tpm2_getcap pcrs | grep ': \\[ 0' | cut -d: -f1 | tr -d ' \\n-')\" = sha256sha512 ]"
expect "it has those keys" sh -c "tpm2_readpublic -c 0x81000001 | grep -q 'NIST p384' && tpm2_readpublic -c 0x8101001c | grep -q 'decrypt|sign'"
expect "and the templates that they were made from" sh -c "tpm2_nvread 0x01c0001d | od -An -tx1 | head -1 | grep -q '00 01 00 0c 00 06 00 f2'"
end_tcp s4
echo 0123456789abcdef0123456789abcdef >"$WORK/keyfile"
expect "a TPM with a key of its user" "$SETUP" --tpm-state "$WORK/s5" --tpm2 --keyfile "$WORK/keyfile" --logfile "$WORK/setup.log"
swtpm_start "$OURS" s5 --tpmstate "dir=$WORK/s5"
expect_refusal "does not start without it" 0x101 ioctl s5 -i
log_says "by that name" "$WORK/s5.log" swtpm.key
swtpm_stop s5
swtpm_start "$OURS" s5 --tpmstate "dir=$WORK/s5" --key "file=$WORK/keyfile"
expect "and starts with it" ioctl s5 -i
swtpm_stop s5
printf rsa2048 >"$WORK/s5/tpm2-00.permall.later" # as if the daemon had been killed before it made the key
over_tcp "$OURS" s5 --tpmstate "dir=$WORK/s5" --key "file=$WORK/keyfile"
expect "a key that was still to be made is made before the TPM is used" sh -c "tpm2_readpublic -Q -c 0x81010001 && tpm2_nvread 0x01c00002 -o $WORK/later.der"
expect "and not again" [ ! -e "$WORK/s5/tpm2-00.permall.later" ]
end_tcp s5
echo nonsense >"$WORK/s5/tpm2-00.permall.later"
swtpm_start "$OURS" s5 --tpmstate "dir=$WORK/s5" --key "file=$WORK/keyfile"
expect "nonsense in its place keeps no TPM from starting" sh -c "swtpm_ioctl --unix $WORK/s5.ctrl -i && sleep 0.5 && grep -q vtpm.later $WORK/s5.log"
swtpm_stop s5
# Nothing is written after it ends, but a key that is made later; and nothing where the state was taken away.
for options in "--allow-signing" "--display" "--create-spk" ""; do
	rm -rf "$WORK/s7" "$WORK/s8"; mkdir "$WORK/s7" "$WORK/s8"
	# shellcheck disable=SC2086
	"$SETUP" --tpm-state "$WORK/s7" --tpm2 --createek $options >/dev/null; cp "$WORK/s7/tpm2-00.permall" "$WORK/s7.then"
	# shellcheck disable=SC2086
	"$SETUP" --tpm-state "$WORK/s8" --tpm2 --createek $options >/dev/null || not_ok "swtpm_setup $options"
	[ -s "$WORK/s8/tpm2-00.permall" ] || not_ok "swtpm_setup $options makes a state"
	rm -rf "$WORK/s8"/*
	for _ in $(seq 500); do [ -e "$WORK/s7/tpm2-00.permall.later" ] || break; sleep 0.02; done
	sleep 2
	case $options in
	--allow-signing | --display) expect "after swtpm_setup $options the state stays as it is" cmp "$WORK/s7.then" "$WORK/s7/tpm2-00.permall" ;;
	esac
	expect "removed after swtpm_setup $options, it stays away" [ -z "$(ls "$WORK/s8")" ]
done
chmod 711 "$WORK"; chown nobody "$WORK/s6"
mkdir "$WORK/r.d"; chown nobody "$WORK/r.d"
"$OURS" socket --tpm2 --tpmstate "dir=$WORK/r.d" --ctrl "type=unixio,path=$WORK/r.d/ctrl" --pid "file=$WORK/r.d/pid" --runas nobody >/dev/null 2>"$WORK/r.out" &
pids+=($!)
for _ in $(seq 200); do [ -s "$WORK/r.d/pid" ] && break; sleep 0.02; done
expect "swtpm --runas is that user, with that user's groups" [ "$(awk '/^Uid:/ { print $2 } /^Groups:/ { $1 = ""; print }' "/proc/$(cat "$WORK/r.d/pid")/status" | tr -d '\n')" = "$(id -u nobody) $(id -G nobody)" ]
"$IOCTL" --unix "$WORK/r.d/ctrl" -i >/dev/null
expect "and its TPM runs" sh -c "[ \$(stat -c %U '$WORK/r.d/tpm2-00.permall') = nobody ]"
"$IOCTL" --unix "$WORK/r.d/ctrl" -s >/dev/null
expect_refusal "swtpm --runas of nobody that there is" "does not exist" "$OURS" socket --tpm2 --tpmstate "dir=$WORK/r.d" --ctrl "type=unixio,path=$WORK/r.d/ctrl" --runas no-one-at-all
"$SETUP" --tpm-state "$WORK/s6" --tpm2 --runas nobody >/dev/null
expect "as another user: the files are that user's" sh -c "[ $? = 0 ] && [ \$(stat -c %U $WORK/s6/tpm2-00.permall) = nobody ]"
for line in "--tpm2" "--tpm2 --tpm-state $WORK/none" "--tpm2 --tpm-state $WORK/s1" "--tpm2 --tpm-state $WORK/s1 --not-overwrite" \
	"--tpm2 --tpm-state $WORK/s1 --overwrite --take-ownership" "--tpm2 --tpm-state $WORK/s1 --overwrite --pcr-banks none" \
	"--tpm2 --tpm-state $WORK/s1 --overwrite --rsa-keysize 4096" "--tpm2 --tpm-state $WORK/s1 --overwrite --cipher none" \
	"--tpm2 --tpm-state $WORK/s1 --overwrite --keyfile $WORK/none" "--tpm2 --tpm-state $WORK/s1 --overwrite --config $WORK/none" \
	"--tpm2 --tpm-state $WORK/s1 --overwrite --runas no-one-at-all" "--tpm2 --tpm-state $WORK/s1 --overwrite --tpm $WORK/none" "--tpm2 --unknown" \
	"--tpm2 --tpm-state $WORK/s1 --reconfigure --createek" "--help"; do
	# shellcheck disable=SC2086
	theirs=$(swtpm_setup $line >"$WORK/line.theirs" 2>&1; echo $?)
	# shellcheck disable=SC2086
	ours=$("$SETUP" $line >"$WORK/line.ours" 2>&1; echo $?)
	if [ "$theirs" = "$ours" ] && [ "$ours" -lt 124 ]; then ok "swtpm_setup ${line//$WORK/DIR}: status $ours"; else not_ok "swtpm_setup ${line//$WORK/DIR}" "swtpm $theirs, ours $ours: $(cat "$WORK/line.ours")"; fi
done
for line in "--rsa-keysize 4096" "--overwrite --config $WORK/none" "--overwrite --cipher none" "--not-overwrite --config $WORK/none"; do
	rm -f "$WORK"/line.*
	# shellcheck disable=SC2086
	swtpm_setup --tpm2 --tpm-state "$WORK/s1" --logfile "$WORK/line.theirs" $line >/dev/null 2>&1
	# shellcheck disable=SC2086
	"$SETUP" --tpm2 --tpm-state "$WORK/s1" --logfile "$WORK/line.ours" $line >/dev/null 2>&1
	expect "swtpm_setup ${line//$WORK/DIR}: its log says what swtpm's does" sh -c "[ -s '$WORK/line.theirs' ] && cmp '$WORK/line.theirs' '$WORK/line.ours'"
done
expect_same "what it can do is what swtpm's can, but for TPM 1.2" "$("$SETUP" --print-capabilities)" "$(swtpm_setup --print-capabilities | sed 's/"tpm-1.2", //')"
expect_refusal "it makes no TPM for another program" "use the swtpm_setup that came with it" "$SETUP" --tpm2 --tpm-state "$WORK/s1" --overwrite --tpm "$THEIRS socket"

# ---- clients ----

over_tcp "$OURS" t
expect "tpm2-tools by the swtpm TCTI" sh -c "cd $WORK && tpm2_createprimary -Q -C o -c p.ctx && tpm2_flushcontext -t && echo secret >s &&
	tpm2_create -Q -C p.ctx -i s -u u -r r && tpm2_flushcontext -t && tpm2_load -Q -C p.ctx -u u -r r -c k.ctx && tpm2_flushcontext -t &&
	[ \$(tpm2_unseal -c k.ctx) = secret ]"
end_tcp t
mkdir "$WORK/setup.d"
expect "Debian's swtpm_setup makes keys with it" swtpm_setup --tpm2 --tpm-state "$WORK/setup.d" --tpm "$OURS socket" --createek --allow-signing --decryption \
	--pcr-banks sha256 --overwrite --logfile "$WORK/setup.log"
swtpm_start "$OURS" q --flags not-need-init 2>/dev/null; swtpm_stop q; wait "$swtpm_pid"
swtpm_start "$OURS" q
guest_start g "$WORK/q.ctrl" tpm-crb
expect "a guest boots with it" guest_wait g
expect "and reads its evidence" guest_run g 'printf nonce >n && tpm2_nvwrite 0x01400102 -i n && tpm2_nvread 0x01400104 2>/dev/null | grep -q "^ok"'
guest_ek_chain g "$WORK/guest"
expect "its host finds it" sh -c "$TCBIND vtpm list --platform $WORK/private/platform | grep -q running"
id=$("$TCBIND" vtpm list --platform "$WORK/private/platform" | sed -n 's/ .*running.*//p')
"$TCBIND" vtpm show --platform "$WORK/private/platform" --id "$id" --json | jq -rj '.ek_certificates[] | select(.nv_index == "0x01c0000a").pem' >"$WORK/shown.pem"
expect "and reads the EK certificate that the guest has" sh -c "[ -s $WORK/shown.pem ] && cmp $WORK/shown.pem $WORK/guest.ek"
expect "swtpm runs as long as its guest" kill -0 "$swtpm_pid"
kill "$guest_pid"; wait "$guest_pid" 2>/dev/null
for _ in $(seq 100); do kill -0 "$swtpm_pid" 2>/dev/null || break; sleep 0.05; done
expect "swtpm ends with its guest" sh -c "! kill -0 $swtpm_pid 2>/dev/null"
swtpm_start "$OURS" killed
guest_start h "$WORK/killed.ctrl" tpm-crb
expect "another guest boots" guest_wait h
kill_hard "the guest's QEMU" "$guest_pid"
for _ in $(seq 100); do kill -0 "$swtpm_pid" 2>/dev/null || break; sleep 0.1; done
expect "it is killed, and its swtpm does not stay" sh -c "! kill -0 $swtpm_pid 2>/dev/null && grep -q front.left $WORK/killed.log"
mkdir -p "$WORK/jail/state"
"$OURS" socket --tpm2 --tpmstate dir=/state --ctrl type=unixio,path=/ctrl --chroot "$WORK/jail" --pid file=/pid &
jailed=$!; pids+=($jailed)
for _ in $(seq 200); do [ -s "$WORK/jail/pid" ] && break; sleep 0.05; done
expect "--chroot holds it in its directory" sh -c "swtpm_ioctl --unix $WORK/jail/ctrl -i && [ -s $WORK/jail/state/tpm2-00.permall ] && [ \"\$(readlink /proc/$jailed/root)\" = $WORK/jail ]"
expect "the private platform has processes" pgrep -f "$WORK/private"
swtpm_ioctl --unix "$WORK/jail/ctrl" -s
for _ in $(seq 150); do pgrep -f "$WORK/private" >/dev/null || break; sleep 0.1; done
if pgrep -f "$WORK/private" >/dev/null; then not_ok "and the private platform ends by itself" "$(pgrep -af "$WORK/private")"; else ok "and the private platform ends by itself"; fi
done_testing
