#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual pages: mandoc has nothing against them; every command and every flag that a program's usage names is in its page, and the other way
# round; every function of the public header is.
set -u
. "$(dirname "$0")/../../tools/tap.sh"
same() { # NAME WANTED GOT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$2") <(echo "$3"))"; fi
}
if command -v mandoc >/dev/null; then
	for page in man/*.[1-9]; do
		if output=$(mandoc -T lint -W warning "$page" 2>&1); then ok "$page"; else not_ok "$page" "$output"; fi
	done
else
	skip pages "mandoc is not installed"
fi

# What a usage names, one a line: "verify --policy"
usage_flags() { grep -o -E '(^|[^a-z-])-(-[a-z-]+|o|v)\b' | grep -o -E -- '-(-[a-z-]+|o|v)$' | sort -u; }
page_flags() { grep -o -E 'Fl -?[a-z-]+' | sed 's/^Fl /-/' | sort -u; }
section() { awk -v name="$2" '/^\.S[sh] / { on = ($0 == ".Ss " name) } on' "$1"; }

commands=$("$BUILD/cli/tcbind" --help | sed -n 's/^  tcbind \([a-z]*\) .*/\1/p; s/^  tcbind \([a-z]*\)$/\1/p' | sort -u)
same "tcbind.1 has each command of tcbind --help, and no other" "$commands" \
	"$(sed -n 's/^\.Ss tcbind //p' man/tcbind.1 | sort -u)"
for command in $commands; do
	same "tcbind.1 has the flags of tcbind $command, and no other" "$("$BUILD/cli/tcbind" "$command" --help | usage_flags)" \
		"$(section man/tcbind.1 "tcbind $command" | page_flags)"
done
same "tcbindd.8 has the flags of tcbindd and sgxsim" \
	"$( ("$BUILD/host/tcbindd"; "$BUILD/sgxsim/sgxsim") 2>&1 | grep ^usage | usage_flags)" "$(page_flags <man/tcbindd.8)"
functions=$(grep -v '^#' include/tcbind/verify.h | grep -o 'tcbind_[a-z0-9_]*(' | tr -d '(' | sort -u)
same "tcbind-verify.3 has the functions of the header, by name" "$functions" "$(sed -n 's/^\.Nm \(tcbind_[a-z0-9_]*\).*/\1/p' man/tcbind-verify.3 | sort -u)"
same "and by prototype" "$functions" "$(sed -n 's/^\.Fo //p' man/tcbind-verify.3 | sort -u)"
missing=$(for function in $functions; do
	case $function in *_free | tcbind_verify_version) continue ;; esac
	grep -q "^\.Fn $function" man/tcbind-verify.3 || echo "$function"
done)
same "and says what each does" "" "$missing"
for status in 0 1 2 3 4; do
	grep -q "^\.It $status\$" man/tcbind.1 || not_ok "exit status $status is in tcbind.1"
done
done_testing
