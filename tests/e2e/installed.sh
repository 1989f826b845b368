#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What `meson install` leaves works without the build tree: every program and enclave finds the others, and no byte that a signature covers changed.
. "$(dirname "$0")/../../tools/harness.sh"
D=$WORK/root
expect "meson install" env DESTDIR="$D" meson install -C "$BUILD" --no-rebuild
prefix=$D$(meson introspect "$BUILD" --buildoptions | jq -r '.[] | select(.name == "prefix").value')
for enclave in acm pse mige vtpm; do
	expect "$enclave.enclave is what was signed" sh -c "cmp '$prefix/libexec/tcbind/$enclave.enclave' \"\$(find '$BUILD' -name $enclave.enclave -type f)\" &&
		test -s '$prefix/libexec/tcbind/$enclave.enclave.sig'"
done
export PATH=$prefix/libexec/tcbind/swtpm-compat:$prefix/bin:$PATH
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libtcbind-verify.so*' | head -n 1)")
export LD_LIBRARY_PATH
TCBIND=$prefix/bin/tcbind
expect "a test root" "$TCBIND" pki init "$WORK/P"
expect "a platform" "$TCBIND" platform init "$WORK/A" --pki "$WORK/P" --name A
expect "that boots" platform_start A
expect "a vTPM" "$TCBIND" vtpm create --platform "$WORK/A"
mkdir "$WORK/state"
TCBIND_PLATFORM=$WORK/A swtpm socket --tpm2 --tpmstate "dir=$WORK/state" --ctrl "type=unixio,path=$WORK/ctrl" --flags startup-clear --terminate --log "file=$WORK/log" &
pids+=($!)
for _ in $(seq 100); do [ -S "$WORK/ctrl" ] && break; sleep 0.05; done
expect "swtpm, as whoever looks for one finds it" swtpm_ioctl --unix "$WORK/ctrl" -c
expect "and it is the platform's" sh -c "'$TCBIND' vtpm list --platform '$WORK/A' | grep -q running"
expect "it ends when it is told to" swtpm_ioctl --unix "$WORK/ctrl" -s

# The demonstration, where neither the source nor the build tree is there to be found. Its guest image is a copy, so that apt is not asked.
"$TOOLS/build-guest" "$BUILD/guest" || exit 1
mkdir -p "$WORK/cache/tcbind"
cp -r "$BUILD/guest" "$WORK/cache/tcbind/guest"
installed_demo() {
	local tree hide=()
	tree=$(cd "$TOOLS/.." && pwd)
	if unshare -m true 2>/dev/null; then
		hide=(unshare -m sh -c 'mount -t tmpfs none "$1" && { [ ! -e "$2/cli" ] || mount -t tmpfs none "$2"; } && shift 2 && cd / && exec "$@"' sh "$tree" "$BUILD")
	fi
	env -u BUILD -u TCBIND_PLATFORM XDG_CACHE_HOME="$WORK/cache" "${hide[@]}" "$TCBIND" demo >"$WORK/demo.said" 2>&1
	local status=$?
	cat "$WORK/demo.said"
	return $status
}
expect "tcbind demo" installed_demo
expect "it showed each step" sh -c "[ \$(grep -cE ' (ok|refused) ' '$WORK/demo.said') -gt 70 ] && grep -q '^0 steps failed' '$WORK/demo.said'"
expect "it kept the image where it was" [ -s "$WORK/cache/tcbind/guest/vmlinuz" ]
echo "no kernel" >"$WORK/cache/tcbind/guest/vmlinuz"
expect_refusal "with a guest that never boots it stops there" "^tcbind: demo.stopped" installed_demo
expect "and says so" grep -q "the guest did not boot" "$WORK/demo.said"
done_testing
