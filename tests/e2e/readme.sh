#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README's first session, as it stands there: its blocks are taken out and run one after the other in one bash, from the root of the source tree, with a guest
# under QEMU. A command must succeed, unless its line says which check refuses: "# refused: CODE". The terminal on README's first screen shows commands
# of the session and lines that they printed.
. "$(dirname "$0")/../../tools/harness.sh"
unset MALLOC_PERTURB_ # see guest_machine() of the harness
README=$TOOLS/../README.md

# blocks KIND: the contents of README's ```KIND blocks; a line "# ---- N" stands before each
blocks() {
	awk -v kind="$1" '$0 == "```" kind { on = 1; print "# ---- " ++n; next } /^```/ { on = 0 } on' "$README"
}
blocks sh >"$WORK/session"
blocks console | grep -v '^# ---- ' >"$WORK/terminal"
expect "README has a session, with refusals" [ "$(grep -c '^# ---- ' "$WORK/session")" -ge 8 -a "$(grep -c '# refused: ' "$WORK/session")" -ge 3 ]
expect "and a terminal on its first screen" [ "$(grep -c '^\$ ' "$WORK/terminal")" -ge 3 ]

# The source tree, whose build directory is this build.
mkdir "$WORK/tree" "$WORK/tmp"
for entry in "$TOOLS"/../*; do ln -s "$(realpath "$entry")" "$WORK/tree/"; done
rm -f "$WORK/tree/build"
ln -s "$(realpath "$BUILD")" "$WORK/tree/build"

# refused CODE COMMAND...: the command must end 1, since the check CODE failed first
{
	declare -f failed_check
	cat <<-'END'
	refused() {
		local wanted=$1 status=0 found
		shift
		"$@" --json >"$SESSION/judgement" || status=$?
		found=$(failed_check "$SESSION/judgement")
		[ "$status $found" = "1 $wanted" ] || { echo "status $status, $found; wanted 1, $wanted: $*" >>"$SESSION/failures"; false; }
		echo "$wanted" >>"$SESSION/refused"
	}
	set -E
	trap 'echo "status $?: $BASH_COMMAND" >>"$SESSION/failures"' ERR
	END
	sed -E 's/^(tcbind .*) # refused: ([a-z.]+)$/refused \2 \1/' "$WORK/session"
	echo 'echo whole >"$SESSION/whole"'
} >"$WORK/session.sh"

stop_session() { # what a session that failed has left
	local file
	for file in "$WORK"/tmp/*/*.pid; do [ -s "$file" ] && kill "$(cat "$file")" 2>/dev/null; done
	[ -z "$session" ] || kill "$session" 2>/dev/null
	cleanup
}
(cd "$WORK/tree" && SESSION=$WORK TMPDIR=$WORK/tmp exec setsid timeout 500 bash "$WORK/session.sh" >"$WORK/printed" 2>&1 </dev/null) &
session=$!
trap stop_session EXIT
wait $session
session=
touch "$WORK/failures" "$WORK/refused"
sed 's/^/# /' "$WORK/printed"
expect "the session runs to its end" [ -s "$WORK/whole" ]
if [ -s "$WORK/failures" ]; then not_ok "each command succeeds, or is refused as README says" "$(cat "$WORK/failures")"; else ok "each command succeeds, or is refused as README says"; fi
expect_same "all refusals were tried" "$(cat "$WORK/refused")" "$(sed -n 's/.*# refused: //p' "$WORK/session")"
expect "nothing is left running" [ -z "$(pgrep -f "$WORK/tmp/")" ]

uuid='[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
sed -E "s/$uuid/UUID/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/" "$WORK/printed" >"$WORK/printed.plain"
while IFS= read -r line; do
	case $line in
	'$ '*) expect "the session has: $line" grep -qxF -- "${line#\$ }" "$WORK/session" ;;
	...) ;;
	*) expect "it printed: $line" grep -qxF -- "$line" "$WORK/printed.plain" ;;
	esac
done <"$WORK/terminal"

for word in pTPM ACM PSE MigE residence generation custody "test root" collateral; do
	expect "README explains: $word" sh -c "sed -n '/^## Words/,/^## /p' '$README' | grep -qE '^\| [^|]*\\b$word\\b[^|]* \|'"
done
expect "README is short" [ "$(wc -l <"$README")" -le 215 ]
done_testing
