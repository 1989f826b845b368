#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every source file of this tree states its licence; tools/check-spdx finds a file that does not.
set -u
. tools/tap.sh
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

expect "every source file states its licence" tools/check-spdx
mkdir "$WORK/tree"
expect_refusal "a tree without source files is refused" "found no source file" tools/check-spdx "$WORK/tree"
cp core/error.c "$WORK/tree/stated.c"
expect "a file that states its licence passes" tools/check-spdx "$WORK/tree"
for name in bare.c bare.sh meson.build; do
	sed /SPDX/d core/error.c >"$WORK/tree/$name"
	expect_refusal "$name without a licence is named" "^$name: add" tools/check-spdx "$WORK/tree"
	rm "$WORK/tree/$name"
done
printf '#!/bin/sh\ntrue\n' >"$WORK/tree/script"
expect_refusal "a script without a licence is named" "^script: add" tools/check-spdx "$WORK/tree"
done_testing
