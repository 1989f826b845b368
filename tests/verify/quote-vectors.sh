#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Quotes of real Intel processors, read in place: each bundle's verdict, TCB status and window (TCBIND_VECTORS).
set -u
vectors=${TCBIND_VECTORS:-../shared/vectors}
tcbind=$BUILD/cli/tcbind
. "$(dirname "$0")/../../tools/tap.sh"
if [ ! -f "$vectors/dcap/intel_root.pem" ]; then
	echo "1..1"
	echo "ok 1 - real quotes # SKIP no vectors at $vectors"
	exit 0
fi

verify() { "$tcbind" quote verify "$vectors/$1/${file:-quote.bin}" --collateral "$vectors/$1/collateral.json" --at "$2" --json "${@:3}"; }
# expect BUNDLE TIME EXIT STATUS CODE [OPTIONS...]: exit status, TCB status, and the first failed check's code
expect() {
	local out status got
	out=$(verify "$1" "$2" "${@:6}")
	status=$?
	got=$(jq -r '[.tcb_status, ([.checks[] | select(.result == "fail") | .code][0] // "-")] | join(" ")' <<<"$out")
	if [ "$status $got" = "$3 $4 $5" ]; then ok "$1 ${*:6} ${file:-}"; else not_ok "$1 ${*:6}" "exit $status, $got; wanted $3 $4 $5"; fi
}
# outside BUNDLE: two seconds before its collateral's window and after it
outside() {
	local texts start end at codes
	texts=$(jq -r '.tcb_info, .qe_identity' "$vectors/$1/collateral.json")
	start=$(jq -rs 'map(.issueDate | fromdate) | max - 2 | todate' <<<"$texts")
	end=$(jq -rs 'map(.nextUpdate | fromdate) | min + 2 | todate' <<<"$texts")
	for at in "$start" "$end"; do
		[[ $at = 20*T*Z ]] || not_ok "$1 has a window" "$start to $end"
		codes=$(verify "$1" "$at" --accept "$all" | jq -r '.checks[] | select(.result == "fail").code' | sort -u | xargs)
		case $codes in *expired* | *.early*) ok "$1 at $at is refused" ;; *) not_ok "$1 at $at is refused" "failed checks: $codes" ;; esac
	done
}

all=SWHardeningNeeded,ConfigurationNeeded,ConfigurationAndSWHardeningNeeded,OutOfDate,OutOfDateConfigurationNeeded
while read -r bundle at exit status code; do
	expect "$bundle" "$at" "$exit" "$status" "$code"
	case $code in quote.chain | quote.tcb.unsupported) ;; *) outside "$bundle" ;; esac # those are refused at any time, whatever the window
done <<'TABLE'
dcap/sgx3_00a067110000_f8b81014_eval17 2025-07-04T10:28:44Z 1 ConfigurationAndSWHardeningNeeded quote.tcb.status
dcap/sgx3_00606a000000_22c0df5d_eval17 2025-08-30T05:09:06Z 1 SWHardeningNeeded quote.tcb.status
dcap/sgx3_00606a000000_2008020f_eval17 2025-08-30T05:09:06Z 1 OutOfDateConfigurationNeeded quote.tcb.status
dcap/sgx3_00906ed50000_727e2e69_eval17 2025-02-05T10:43:45Z 1 SWHardeningNeeded quote.tcb.status
dcap/sgx3_00906ed50000_727e2e69_eval19 2025-06-15T00:17:17Z 1 OutOfDate quote.tcb.status
dcap/sgx3_00a067110000_743a7a64_eval17 2025-05-31T13:25:00Z 1 ConfigurationAndSWHardeningNeeded quote.tcb.status
dcap/sgx3_00606a000000_57316ac1_eval17 2025-08-30T05:09:06Z 1 NotSupported quote.chain
dcap/tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z 0 UpToDate -
dcap/tdx4_c0806f000000_46ca3f90_eval17 2025-10-08T03:01:43Z 0 UpToDate -
dcap/tdx4_c0806f000000_46ca3f90_eval18 2025-12-02T05:09:04Z 1 OutOfDate quote.tcb.status
dcap/tdx5_90c06f000000_cf77a6e9_eval18 2026-02-25T00:45:50Z 0 UpToDate -
dcap-more/tdx5_90c06f000000_d21a11db_eval18 2026-01-01T06:33:00Z 1 TDRelaunchAdvised quote.tcb.status
dcap-more/sgx3_00606a000000_46f71613_eval17 2025-08-30T05:09:06Z 1 OutOfDate quote.tcb.status
dcap-more/tdx4_90c06f000000_f8f82dc7_eval18 2025-12-02T05:03:49Z 1 NotSupported quote.tcb.unsupported
TABLE
expect dcap/sgx3_00606a000000_22c0df5d_eval17 2025-08-30T05:09:06Z 0 SWHardeningNeeded - --accept SWHardeningNeeded
expect dcap/sgx3_00a067110000_743a7a64_eval17 2025-05-31T13:25:00Z 1 ConfigurationAndSWHardeningNeeded quote.enclave.debug --accept "$all"
expect dcap/tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z 1 NotSupported quote.root.untrusted --root "$ROOT_OTHER"
file=quote.trailing4736.bin expect dcap/sgx3_00606a000000_57316ac1_eval17 2025-08-30T05:09:06Z 3 NotSupported quote.trailing
file=quote.trailing5006.bin expect dcap/tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z 3 NotSupported quote.trailing
file=quote.trailing5006.bin expect dcap/tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z 0 UpToDate - --allow-trailing
got=$(file=quote.trailing5006.bin verify dcap/tdx4_b0c06f000000_f1c85033_eval17 2025-07-04T10:16:31Z | jq -r '.checks[] | select(.code == "quote.trailing").got')
more=$(($(stat -c %s "$vectors/dcap/tdx4_b0c06f000000_f1c85033_eval17/quote.trailing5006.bin") - $(stat -c %s "$vectors/dcap/tdx4_b0c06f000000_f1c85033_eval17/quote.bin")))
if [ "$got" = "$more bytes after the quote" ]; then ok "the bytes after a quote are counted"; else not_ok "the bytes after a quote are counted" "$got"; fi
mask=$(verify dcap-more/tdx4_90c06f000000_f8f82dc7_eval18 2025-12-02T05:03:49Z | jq -r .td.tdattributes)
if [ "$mask" = 0x8000000010000000 ]; then ok "a mask with bit 63 is told in hexadecimal"; else not_ok "a mask with bit 63 is told in hexadecimal" "$mask"; fi
done_testing
