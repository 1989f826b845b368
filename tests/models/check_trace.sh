#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# models/check-trace accepts a hand-over, and refuses the same one with a step too few, or too many.
set -euo pipefail

tool=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/good" <<'END'
event t=0 move=0 by=A/pse/1 create from=9 id=01 generation=1 version=1 digest=aa previous=00 result=ok
event t=0 move=0 by=A/pse/1 commit from=9 id=01 generation=1 version=2 digest=ab previous=aa result=ok
event t=1 move=1 by=A/pse/1 offer from=9 id=01 handover=77 version=2 digest=ab result=ok
event t=1 move=1 by=A/pse/1 journal-commit from=2 id=01 handover=77 journal=1 change=escrow result=ok
event t=2 move=1 by=B/pse/3 expect from=8 id=01 handover=77 generation=2 result=ok
event t=3 move=1 by=A/pse/1 journal-commit from=2 id=01 handover=77 journal=2 change=grant result=ok
event t=4 move=1 by=B/pse/3 granted from=4 id=01 handover=77 result=ok
event t=5 move=1 by=B/pse/3 arrive from=8 id=01 generation=2 version=3 digest=ac previous=00 result=ok
event t=6 move=1 by=B/pse/3 check from=8 id=01 generation=2 result=ok
END
sed /change=escrow/d "$work/good" >"$work/no-escrow"
sed /granted/d "$work/good" >"$work/no-grant"
sed '6i event t=2 move=1 by=A/pse/1 commit from=9 id=01 generation=1 version=3 digest=ad previous=ab result=ok' \
	"$work/good" >"$work/commit-in-escrow"
sed 's/check from=8/check from=7/' "$work/good" >"$work/no-lease"
sed -E '/arrive/s/generation=2/generation=1/' "$work/good" >"$work/old-generation"

echo "1..6"
at=0
for name in good no-escrow no-grant commit-in-escrow no-lease old-generation; do
	at=$((at + 1))
	wanted=1
	[ $name != good ] || wanted=0
	found=0
	"$tool" "$work/$name" >"$work/out" 2>&1 || found=1
	[ $found -eq $wanted ] && echo "ok $at - $name" || { echo "not ok $at - $name"; sed 's/^/# /' "$work/out"; }
done
