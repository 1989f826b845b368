#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Options of swtpm 0.8 to 0.11: what is announced is accepted, what is not is refused with a reason and a status. No platform is needed.
. "$(dirname "$0")/../../tools/harness.sh"
OURS=$BUILD/host/compat/swtpm
SETUP=$BUILD/host/compat/swtpm_setup
unset TCBIND_PLATFORM
mkdir "$WORK/d"
# given OPTION...: the command line is taken: --print-states comes after all options are parsed
given() { "$OURS" socket --tpm2 --tpmstate "dir=$WORK/d" --print-states "$@"; }
announced() { "$OURS" socket --print-capabilities | jq -e --arg word "$1" '.features | index($word)'; }

"$OURS" socket --print-capabilities >"$WORK/capabilities"
for word in cmdarg-migration tpmstate-opt-lock tpmstate-dir-backend-opt-fsync cmdarg-print-profiles cmdarg-chroot ctrl-opt-terminate \
	flags-opt-disable-auto-shutdown nvram-backend-file; do
	expect "$word is announced" announced $word
done
for word in tpm-1.2 cmdarg-profile cmdarg-print-info tpmstate-dir-backend-opt-backup cmdarg-pcap; do
	expect_status "$word is not" 1 announced $word
done
expect "--migration" given --migration release-lock-outgoing,incoming
expect "--flags disable-auto-shutdown" given --flags disable-auto-shutdown
expect "--tpmstate lock, fsync" given --tpmstate "dir=$WORK/d,lock,fsync"
expect_refusal "lock=false" "lock=false is not supported" given --tpmstate "dir=$WORK/d,lock=false"
expect_refusal "backup" "an older state does not open" given --tpmstate "dir=$WORK/d,backup"
expect "--profile name=null" given --profile name=null
for profile in name=default-v1 name=custom 'profile={"Name":"null"}' file=/dev/null; do
	expect_refusal "--profile $profile" "name=null" given --profile "$profile"
done
profiles() { "$@" --tpm2 --print-profiles | jq -r '.AvailableProfiles[].Name'; }
expect "--print-profiles names it" [ "$(profiles "$OURS" socket)" = null ]
expect "swtpm_setup too" [ "$(profiles "$SETUP" 2>/dev/null)" = null ]
expect_refusal "swtpm_setup --profile-name" "only 'null'" "$SETUP" --tpm2 --tpm-state "$WORK/d" --profile-name default-v1
expect_refusal "swtpm_setup --profile" "only 'null'" "$SETUP" --tpm2 --tpm-state "$WORK/d" --profile '{"Name":"custom","Description":"null"}'
for option in --print-info=1 --pcap=file=x --unknown; do
	swtpm socket "$option" >"$WORK/theirs" 2>"$WORK/theirs.err"
	theirs=$?
	"$OURS" socket "$option" >"$WORK/ours" 2>"$WORK/ours.err"
	expect "$option: swtpm's status, and its usage on stderr" sh -c "[ $? = $theirs ] && [ ! -s $WORK/ours ] && [ ! -s $WORK/theirs ] &&
		grep -q '^Usage: .* socket ' $WORK/theirs.err && grep -q '^Usage: .* socket ' $WORK/ours.err"
done
done_testing
