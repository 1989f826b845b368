#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ibm-tss.sh NAME: one piece of work with IBM's TSS, on the TPM at TPM_PORT_HERE; ends 0 if it worked. What it prints must be the same with any TPM of
# libtpms. Without NAME: the names.
set -eu
refused() { if "$@" >/dev/null 2>&1; then echo "was not refused: $*" >&2; return 1; fi; }
export TPM_ENCRYPT_SESSIONS=0 TPM_INTERFACE_TYPE=socsim TPM_SERVER_TYPE=raw TPM_SERVER_NAME=localhost TPM_COMMAND_PORT=${TPM_PORT_HERE:-} TPM_DATA_DIR=$PWD
storage() { tssflushcontext -ha 80000000 >/dev/null 2>&1 || true; tsscreateprimary -hi o -st >/dev/null; }

t_random() { tssgetrandom -by 16 -of r && stat -c %s r; }
t_seal() {
	printf sealed >d && storage && tsscreate -hp 80000000 -bl -kt f -kt p -if d -opu k.pub -opr k.priv -pwdk seal >/dev/null && tssload -hp 80000000 -ipu k.pub -ipr k.priv >/dev/null
	tssunseal -ha 80000001 -pwd seal -of got && cat got && refused tssunseal -ha 80000001 -pwd xxx
}
t_session() {
	printf sealed >d && storage && tssstartauthsession -se h -hs 80000000 -bi 80000000 >/dev/null
	tsscreate -hp 80000000 -bl -kt f -kt p -if d -opu k.pub -opr k.priv -pwdk seal -se0 02000000 61 >/dev/null && tssload -hp 80000000 -ipu k.pub -ipr k.priv >/dev/null
	tssunseal -ha 80000001 -pwd seal -of got -se0 02000000 41 && cat got && tssflushcontext -ha 02000000
}
t_nv() {
	tssnvdefinespace -hi o -ha 01500001 -sz 16 -pwdn nv >/dev/null && printf 0123456789abcdef >d && tssnvwrite -ha 01500001 -pwdn nv -if d
	tssnvread -ha 01500001 -pwdn nv -sz 8 -off 2 -of got && cat got && refused tssnvread -ha 01500001 -pwdn xx -sz 8 && tssnvundefinespace -hi o -ha 01500001
}
t_policy() {
	tssstartauthsession -se t >/dev/null && tsspolicycommandcode -ha 03000000 -cc 0000015e && tsspolicyauthvalue -ha 03000000 && tsspolicygetdigest -ha 03000000 && tssflushcontext -ha 03000000
}
t_contexts() { storage && tsscontextsave -ha 80000000 -of ctx && tssflushcontext -ha 80000000 && tsscontextload -if ctx && tssreadpublic -ho 80000000 >/dev/null; }
t_reset() { tssclear -hi l && tssshutdown; }

if [ $# -eq 0 ]; then
	declare -F | sed -n 's/^declare -f t_//p'
	exit
fi
"t_$1"
