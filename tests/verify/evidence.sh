# SPDX-License-Identifier: MIT
# Shared by the shell tests of the verifier: a directory with evidence to judge. Sourced by bash; $MAKE_EVIDENCE makes it.
set -u
WORK=$(mktemp -d /tmp/tcbind-verify.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
tcbind=$BUILD/cli/tcbind
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/tap.sh"

"$MAKE_EVIDENCE" "$WORK" || { echo "Bail out! no evidence could be made"; exit 1; }
nonce=$(cat "$WORK/nonce")
