#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# HOSTILE-HOST F5: the 257th hand-over destroyed the vTPM, whose custody chain was full. 300 hand-overs between two platforms: the chain is folded, evidence
# stays below the 32 KiB of the mailbox, and verifies, also where only the first platform is listed.
. "$(dirname "$0")/../../tools/harness.sh"

hand_overs=${HAND_OVERS:-300}
expect "pki init" "$TCBIND" pki init "$WORK/P"
for name in A B; do
	expect "platform init $name" "$TCBIND" platform init "$WORK/$name" --pki "$WORK/P" --name $name
	if platform_start $name; then ok "platform $name runs"; else not_ok "platform $name runs" "$(cat "$WORK/$name.err")"; fi
done
id=$("$TCBIND" vtpm create --platform "$WORK/A" --json | jq -r .id)
verdict() { # POLICY N: of the evidence after N hand-overs
	"$TCBIND" verify "$WORK/evidence.$2" --policy "$WORK/$1" --nonce "$(printf %04d "$2")" --json |
		jq -r '[.verdict, .vtpm.generation, .vtpm.hand_overs, (.checks[] | select(.result == "fail") | .code)] | join(" ")'
}

started=$SECONDS
if /usr/bin/python3 "$(dirname "$0")/journey.py" "$TCBIND" "$WORK" "$id" "$hand_overs" >"$WORK/journey" 2>&1; then
	ok "$hand_overs hand-overs in a row"
else
	not_ok "$hand_overs hand-overs in a row" "$(tail -n 20 "$WORK/journey" "$WORK/A.err" "$WORK/B.err")"
fi
sed -nE 's/^([0-9]+: [0-9]+ bytes)/# after \1/p' "$WORK/journey"
echo "# $((SECONDS - started)) seconds"
sizes() { sed -nE 's/^[0-9]+: ([0-9]+) bytes, in NV ([0-9]+)$/\1 \2/p' "$WORK/journey"; }
expect "evidence was asked for four times" [ "$(sizes | wc -l)" = 4 ]
expect "each time it fits into the mailbox" [ "$(sizes | awk '$1 >= 32768 || $2 == 0 || $2 >= 32768' | wc -l)" = 0 ]

# Policies: of A alone from what came back to it; B is reached from it by custody.
expect "a policy from the last evidence on A" "$TCBIND" policy from-evidence "$WORK/evidence.$hand_overs" -o "$WORK/of-a" --allow-moves
jq 'del(.vtpms) | .platforms.unlisted = "refuse"' "$WORK/of-a" >"$WORK/only-a"
jq 'del(.vtpms)' "$WORK/of-a" >"$WORK/by-custody"
expect "after 1 it is on B, a platform that A gave it to" [ "$(verdict by-custody 1)" = "trusted 2 1" ]
expect "which is refused without custody" [ "$(verdict only-a 1)" = "not-trusted 2 0 platform.unlisted" ]
for n in 10 100 "$hand_overs"; do
	expect "after $n it is trusted" [ "$(verdict by-custody "$n")" = "trusted $((n + 1)) $n" ]
done
jq '.custody = {"platforms": "listed"}' "$WORK/only-a" >"$WORK/listed"
expect "a folded chain tells of B, which is not listed" [ "$(verdict listed "$hand_overs")" = "not-trusted $((hand_overs + 1)) $hand_overs custody.unlisted" ]
done_testing
