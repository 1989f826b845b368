#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library as others get it: installed, found by pkg-config, used by examples/verify.c, and nothing exported but what the header says.
. "$(dirname "$0")/evidence.sh"

root=$WORK/root
if ! output=$(DESTDIR=$root meson install -C "$BUILD" --no-rebuild 2>&1); then
	not_ok "meson install" "$output"
	done_testing
	exit 0
fi
ok "meson install"
pc=$(find "$root" -name tcbind-verify.pc)
library=$(find "$root" -name 'libtcbind-verify.so.0' | head -1)
header=$(find "$root" -path '*/include/tcbind/verify.h')
expect "library with its soname, header and pkg-config file are there" test -n "$pc" -a -n "$library" -a -n "$header"
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root LD_LIBRARY_PATH=${library%/*}
expect "pkg-config says the project's version" [ "$(pkg-config --modversion tcbind-verify)" = "$("$tcbind" --version | sed -n 's/^tcbind //p')" ]

read -ra flags <<<"$(pkg-config --cflags --libs tcbind-verify)"
read -ra compiler <<<"$COMPILER"
[ "$SANITIZE" = none ] || compiler+=("-fsanitize=$SANITIZE")
expect "the example compiles against the installed tree alone" \
	"${compiler[@]}" -std=c99 -pedantic -Wall -Wextra -Werror examples/verify.c "${flags[@]}" -o "$WORK/verify"
printf '#include <tcbind/verify.h>\nint main(void) { return tcbind_verify_version()[0] == 0; }\n' >"$WORK/one.c"
expect "the header stands alone, in strict C11" "${compiler[@]}" -std=c11 -pedantic -Wall -Wextra -Werror "$WORK/one.c" "${flags[@]}" \
	-o "$WORK/one"

expect "the example trusts good evidence" "$WORK/verify" "$WORK/evidence" "$WORK/policy" "$nonce"
expect "and names vTPM and platform" grep -q "vTPM 00000000-.*, generation 1, on platform a" \
	<("$WORK/verify" "$WORK/evidence" "$WORK/policy" "$nonce")
expect_status "another nonce is refused" 1 "$WORK/verify" "$WORK/evidence" "$WORK/policy" "$(cat "$WORK/nonce.2")"
expect_status "what is no evidence is malformed" 3 "$WORK/verify" "$WORK/policy" "$WORK/policy" "$nonce"
expect_status "without a policy nothing is judged" 4 "$WORK/verify" "$WORK/evidence" "$WORK/none" "$nonce"

exported=$(nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | grep -v -E '^__(asan|ubsan|odr_asan)' | sort)
declared=$(grep -v '^ *\*' "$header" | grep -o 'tcbind_[a-z0-9_]*(' | tr -d '(' | sort -u)
expect_same "what is exported is what the header declares" "$declared" "$exported"
unnamed=$(for name in $declared; do grep -q "$name" docs/api.md || echo "$name"; done)
expect "docs/api.md names each function" test -z "$unnamed"
done_testing
