# SPDX-License-Identifier: MIT
# Shared by the end-to-end tests and the demonstration: platforms and guests (TAP: tap.sh). Sourced by bash; everything lives in $WORK and ends with it.
set -u
BUILD=${BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../build" && pwd)}
TCBIND=${TCBIND_PROGRAM:-$BUILD/cli/tcbind}
GUEST=${TCBIND_GUEST:-$BUILD/guest} # the guest image
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")/" && pwd)
WORK=$(mktemp -d /tmp/tcbind-e2e.XXXXXX)
pids=()
for tool in qemu-system-x86_64 swtpm socat jq pgrep openssl; do
	command -v $tool >/dev/null || { echo "Bail out! $tool is not installed: see tools/install-packages"; exit 1; }
done

cleanup() {
	local pid
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null; done
	rm -rf "$WORK"
}
trap cleanup EXIT

. "$TOOLS/tap.sh"

# process_of PROGRAM NAME: the pid of platform NAME's sgxsim or tcbindd; children_of PID: the oldest first
process_of() { pgrep -f "$1 $WORK/$2" | head -n 1; }
children_of() { pgrep -P "$1" | sort -n; }

# enclaves_of PLATFORM pse|mige|vtpm: the pids of its enclaves with this image, which are told by the size of its code; of vtpm also the one that the others
# are forked from
enclaves_of() {
	local size process
	size=$(readelf -lW "$BUILD/enclave/$2/$2.enclave" | awk '$1 == "LOAD" && / R E / { print $5 }')
	for process in $(children_of "$(process_of sgxsim "$1")"); do
		[ "$(cut -d ' ' -f 4 "/proc/$process/statm")" = $(((size + 4095) / 4096)) ] && echo "$process"
	done
}

# hexadecimal [OPTIONS OF OD] [FILE]: its bytes as digits, or those of standard input
hexadecimal() { od -An -v -tx1 "$@" | tr -d ' \n'; }

# certificate_names PEM OID: passes if the certificate contains the encoding of this OID. OpenSSL's text does not tell: each version has names for more OIDs.
certificate_names() {
	local oid
	oid=$(openssl asn1parse -genstr "OID:$2" -noout -out - | hexadecimal)
	[ -n "$oid" ] || return 1
	openssl x509 -in "$1" -outform der | hexadecimal | grep -q "$oid"
}

# kill_hard WHAT PID: kill -9 at once; a kill that kills nothing is a failure, or what follows would show nothing
kill_hard() {
	if [ -n "$2" ] && kill -9 "$2"; then
		{ wait "$2"; } 2>/dev/null
	else
		not_ok "kill -9 of $1" "no such process: ${2:-none found}"
	fi
}

# kill_each WHAT PID...: the same of at least one
kill_each() {
	local what=$1 pid
	shift
	[ $# -gt 0 ] || not_ok "kill -9 of $what" "none found"
	for pid; do kill_hard "$what" "$pid"; done
}

# platform_start NAME: runs $WORK/NAME, waits for `ready`; its supervisor's pid in $platform_pid
platform_start() {
	local i
	"$TCBIND" platform run "$WORK/$1" >"$WORK/$1.out" 2>"$WORK/$1.err" &
	platform_pid=$!
	pids+=("$platform_pid")
	for i in $(seq 200); do
		grep -q ready "$WORK/$1.out" && return 0
		kill -0 "$platform_pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$WORK/$1.err"
	return 1
}

# vtpm_socket PLATFORM ID; vtpm_member PLATFORM ID MEMBER
vtpm_member() { "$TCBIND" vtpm show --platform "$WORK/$1" --id "$2" --json | jq -r ".$3"; }
vtpm_socket() { vtpm_member "$1" "$2" control_socket; }

# guest_machine NAME SOCKET DEVICE [QEMU OPTIONS...]: a machine without anything to boot; pid in $guest_pid. QEMU gives the firmware a page of memory for
# TPM requests as malloc() left it; where Meson has that filled (MALLOC_PERTURB_), OVMF finds requests in it and crashes, whatever the TPM.
guest_machine() {
	local name=$1 socket=$2 device=$3
	shift 3
	env -u MALLOC_PERTURB_ qemu-system-x86_64 -accel "$("$TOOLS/pick-accelerator" "$GUEST")" -m 256 -nodefaults -no-user-config -display none \
		-serial "file:$WORK/$name.console" \
		-chardev "socket,id=commands,path=$WORK/$name.serial,server=on,wait=off" -serial chardev:commands \
		-qmp "unix:$WORK/$name.qmp,server=on,wait=off" \
		-chardev "socket,id=tpm,path=$socket" -tpmdev emulator,id=tpm0,chardev=tpm -device "$device,tpmdev=tpm0" \
		"$@" >"$WORK/$name.qemu" 2>&1 &
	guest_pid=$!
	pids+=("$guest_pid")
	echo "$guest_pid" >"$WORK/$name.pid"
}

# guest_start NAME SOCKET DEVICE [QEMU OPTIONS...]: the kernel without firmware that measures
guest_start() {
	guest_machine "$@" -kernel "$GUEST/vmlinuz" -initrd "$GUEST/initramfs.gz" -append "console=ttyS0 quiet panic=-1"
}

# guest_boot NAME SOCKET DEVICE [QEMU OPTIONS...]: OVMF, secure boot, shim, GRUB and the kernel, each measuring the next. NAME's variables stay in
# $WORK/NAME.vars, as a machine's flash does.
guest_boot() {
	local name=$1
	[ -f "$WORK/$name.vars" ] || cp /usr/share/OVMF/OVMF_VARS_4M.ms.fd "$WORK/$name.vars"
	guest_machine "$@" -machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on \
		-drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.ms.fd \
		-drive "if=pflash,format=raw,unit=1,file=$WORK/$name.vars" \
		-drive "if=virtio,format=raw,readonly=on,file=$GUEST/esp.img"
}

# guest_exchange NAME SCRIPT SECONDS: one line to the guest, one back ("STATUS BASE64") into $WORK/NAME.answer. QEMU takes
# an end of file for a hang-up, so the peer of the socket is a shell that writes, reads and only then ends.
guest_exchange() {
	base64 -w 0 <<<"$2" >"$WORK/$1.request"
	echo >>"$WORK/$1.request"
	: >"$WORK/$1.answer"
	timeout "$3" socat "unix-connect:$WORK/$1.serial" \
		"system:cat $WORK/$1.request; while read -r line && [ \"\$line\" = READY ]; do \:; done; echo \"\$line\" >$WORK/$1.answer" \
		>/dev/null 2>&1
	[ -s "$WORK/$1.answer" ]
}

# guest_run NAME SCRIPT: runs it in the guest by sh, prints its output, returns its status; what it did not print does not go to its standard output
guest_run() {
	local answer
	guest_exchange "$1" "$2" 90 || { echo "the guest does not answer" >&2; return 1; }
	answer=$(tr -d '\r' <"$WORK/$1.answer")
	[[ $answer =~ ^([0-9]+)(\ ([A-Za-z0-9+/=]+))?$ ]] || { echo "the guest says: $answer" >&2; return 1; }
	base64 -d <<<"${BASH_REMATCH[3]}" && [ "${BASH_REMATCH[1]}" = 0 ]
}

# guest_ek_chain NAME INTO: the guest's EK certificate and its issuer's, INTO.ek and INTO.issuer (PEM)
guest_ek_chain() {
	guest_run "$1" 'tpm2_nvread 0x01c0000a 2>/dev/null | base64' | base64 -d | openssl x509 -inform der -out "$2.ek" &&
		guest_run "$1" 'for i in 0 1 2 3; do tpm2_nvread 0x01c0010$i 2>/dev/null; done | base64' | base64 -d >"$2.pages" &&
		openssl x509 -inform der -in "$2.pages" -out "$2.issuer"
}

# guest_evidence NAME NONCE INTO: the guest asks by its NV indices and reads the answer, with tpm2-tools alone
guest_evidence() {
	guest_run "$1" "printf %s '$2' >n && tpm2_nvwrite 0x01400102 -i n && tpm2_nvread 0x01400103 -o sum 2>/dev/null || exit 1"'
		size=$((0x$(hexdump -n 4 -e "4/1 \"%02x\"" sum))); page=0x01400110; : >ev
		[ $size -gt 0 ] || exit 1
		while [ $(stat -c %s ev) -lt $size ]; do
			tpm2_nvread $(printf 0x%08x $page) 2>/dev/null >>ev || exit 1
			page=$((page + 1))
		done
		head -c $size ev | base64' >"$3.base64" && base64 -d <"$3.base64" >"$3"
}

# guest_load NAME: keeps the guest's TPM busy for some seconds, whether or not the guest is still there to answer
guest_load() {
	guest_exchange "$1" ': >/tmp/load; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do tpm2_getrandom -Q 8 -o /dev/null && echo $i >>/tmp/load; done' 5
}
# guest_was_loaded NAME: the TPM has answered all of it, wherever the guest was. The first answer may still be that of guest_load().
guest_was_loaded() {
	local try answer
	for try in 1 2; do
		answer=$(guest_run "$1" 'wc -l </tmp/load; echo counted')
		[[ $answer = *counted ]] && break
	done
	[ "$answer" = "$(printf '12\ncounted')" ] || { echo "$answer"; return 1; }
}

# guest_wait NAME [BOOT [SECONDS]]: until the guest answers, after its first boot or that many; fails at once if its QEMU has ended
guest_wait() {
	local boot=${2:-1} patience=${3:-60} i
	for ((i = 0; i < patience * 5; i++)); do
		if [ "$(grep -c "init: serving" "$WORK/$1.console" 2>/dev/null)" -ge "$boot" ] 2>/dev/null && guest_exchange "$1" "echo up" 5; then
			return 0
		fi
		[ ! -f "$WORK/$1.pid" ] || kill -0 "$(cat "$WORK/$1.pid")" 2>/dev/null || break
		sleep 0.2
	done
	cat "$WORK/$1.console" "$WORK/$1.qemu"
	return 1
}
