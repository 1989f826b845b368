#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every code that a check can have is explained.
set -u
fields="quote.qualifying_data vtpm.ek_name vtpm.generation vtpm.id vtpm.owner_policy policy.malformed" # names of fields and of a file's error
missing=
for code in $(grep -ohE '"(evidence|platform|vtpm|guest|custody|policy|quote)\.[a-z._]+[a-z]"' verify/appraise/*.c | tr -d '"' | sort -u); do
	[[ " $fields " == *" $code "* ]] && continue
	"$BUILD/cli/tcbind" explain "$code" >/dev/null || missing="$missing $code"
done
echo 1..2
if [ -z "$missing" ]; then echo "ok 1 - every check's code is explained"; else echo "not ok 1 - unexplained:$missing"; fi
if "$BUILD/cli/tcbind" explain no.such.code 2>/dev/null; then echo "not ok 2 - an unknown code is refused"; else echo "ok 2 - an unknown code is refused"; fi
