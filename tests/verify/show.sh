#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tcbind show, on logs of real boots and on policies: named events, each a line; nothing that a terminal would obey.
set -u
tcbind=$BUILD/cli/tcbind
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
. "$(dirname "$0")/../../tools/tap.sh"
shows() { "$tcbind" show "$LOGS/$1" | grep -qF -- "$2"; }
counts() { [ "$("$tcbind" show "$LOGS/$1" --json | jq "$2")" = "$3" ]; }
plain() { local shown; shown=$("$tcbind" show "$1") && [ -n "$shown" ] && ! LC_ALL=C grep -q '[^ -~]' <<<"$shown"; }

expect "a boot program by its path" shows shim-grub.log '\EFI\BOOT\BOOTX64.EFI, '
expect "what GRUB measured as a command line" shows shim-grub.log 'kernel_cmdline: /vmlinuz console=ttyS0 quiet ima_policy=tcb'
expect "what systemd-boot measured" shows systemd-boot.log 'console=ttyS0 quiet ima_policy=tcb tcbind.test=systemd-boot'
expect "MokList is said, not measured" shows shim-grub.log 'MokList  (said, not measured)'
expect "a file by its path in IMA's list" shows ima-ng.ima '/usr/lib/x86_64-linux-gnu/libtss2-tcti-device.so.0'
expect "a violation" shows ima-oldest.ima '/tmp/violated  (written while it was measured)'
expect "JSON: the events of a log" counts shim-grub.log '[.events[] | select(.type == "EV_IPL" and .vouched)] | length > 5' true
expect "JSON: the entries of a list" counts ima-ng.ima '.entries | length > 10' true
for log in "$LOGS"/*.log "$LOGS"/*.ima; do expect "$(basename "$log"): printable text only" plain "$log"; done
head -c 3000 "$LOGS/shim-grub.log" >"$WORK/cut.log"
LOGS=$WORK expect "a log that is cut is shown up to there" counts cut.log ".events[-1]" '"what follows is no event"'
LOGS=$POLICIES expect "a policy with events in its rules" shows full.json "EV_EFI_VARIABLE_DRIVER_CONFIG"
done_testing
